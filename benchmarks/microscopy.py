"""3-D restoration with truth, beside scikit-image and sdeconv; and the width of a measured bead.

The peers' Richardson-Lucy is shown the truth to choose its number of iterations; ours is not. Run
``python benchmarks/microscopy.py``; it writes ``docs/benchmarks/microscopy.md``. sdeconv (BSD)
joins where it is installed: ``pip install --no-deps sdeconv``.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from protocol import DATA
from skimage.restoration import richardson_lucy
from stacks import VOXEL_UM
from stopping import Case, Image, bars, load, stack_cases

from napari_deconv import methods
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf.readout import fwhm

OUT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "microscopy.md"
OURS = {
    "Richardson-Lucy": ("richardson-lucy", {}),
    "accelerated": ("richardson-lucy", {"accelerate": True}),
    "with TV 0.005": ("richardson-lucy", {"tv": 0.005}),
    "Wiener": ("wiener", {}),
    "total variation": ("tv", {}),
}
COUNTS = (1, 2, 3, 5, 8, 12, 18, 25, 35, 50, 70, 100, 140, 200)
USUAL = 30
"""Iterations of sdeconv where none are given."""
Peer = Callable[[Image, Image, int], Image]


def ours(image: Image, psf: Image, sizes: Any, name: str, fields: dict[str, Any]) -> Image:
    method = methods()[name](**fields)
    run = stream(method, image, psf, axes="ZYX", spacing=sizes, device="cpu")
    return np.asarray(drain(run).data)


def of_skimage(image: Image, psf: Image, count: int) -> Image:
    return richardson_lucy(image, psf, num_iter=count, clip=False).astype(np.float32)


def of_sdeconv(image: Image, psf: Image, count: int) -> Image:
    """As its example has it, padded by half the PSF; it wants a PSF of the image's size."""
    import torch
    from sdeconv.deconv.richardson_lucy import SRichardsonLucy

    placed = np.zeros(image.shape, np.float32)
    pairs = [_overlap(n, k) for n, k in zip(image.shape, psf.shape, strict=True)]
    placed[tuple(a for a, _ in pairs)] = psf[tuple(b for _, b in pairs)]
    # Reflection takes less than the image.
    margin = tuple(min(k // 2, n - 1) for n, k in zip(image.shape, psf.shape, strict=True))
    run = SRichardsonLucy(torch.from_numpy(placed), count, pad=margin)
    return np.asarray(run(torch.from_numpy(image)))


def _overlap(n: int, k: int) -> tuple[slice, slice]:
    """Where the middles of ``n`` and of ``k`` pixels fall on each other."""
    shift = n // 2 - k // 2
    start, stop = max(0, shift), min(n, shift + k)
    return slice(start, stop), slice(start - shift, stop - shift)


def peers() -> dict[str, Peer]:
    found: dict[str, Peer] = {"scikit-image": of_skimage}
    where = importlib.util.find_spec("sdeconv")
    if where is not None and where.origin is not None:
        # Its package of methods imports torchvision for its networks; this one does without.
        bare = types.ModuleType("sdeconv.deconv")
        bare.__path__ = [str(Path(where.origin).parent / "deconv")]
        sys.modules["sdeconv.deconv"] = bare
        found["sdeconv"] = of_sdeconv
    return found


def at_best(case: Case, peer: Peer) -> tuple[float, int]:
    """A peer's best PSNR and its iteration."""
    found = []
    for count in COUNTS:
        psnr = case.psnr(np.nan_to_num(peer(case.image, case.psf, count)))
        found.append((psnr if np.isfinite(psnr) else -np.inf, count))
    return max(found)


def row(cases: list[Case], others: dict[str, Peer]) -> str:
    cells = [f"{np.mean([case.psnr(case.image) for case in cases]):.2f}"]
    for name, peer in others.items():
        best = [at_best(case, peer) for case in cases]
        cells.append(f"{np.mean([p for p, _ in best]):.2f} ({np.median([n for _, n in best]):.0f})")
        if name == "sdeconv":
            usual = [case.psnr(peer(case.image, case.psf, USUAL)) for case in cases]
            cells.append(f"{np.mean(usual):.2f}")
    sizes = None if cases[0].group == "bars" else VOXEL_UM
    for name, fields in OURS.values():
        made = [case.psnr(ours(case.image, case.psf, sizes, name, fields)) for case in cases]
        cells.append(f"{np.mean(made):.2f}")
    return f"| {cases[0].group} | {len(cases)} | {' | '.join(cells)} |"


def table(seeds: int, others: dict[str, Peer]) -> list[str]:
    groups: dict[str, list[Case]] = {}
    for case in (bars(), *stack_cases(seeds)):
        groups.setdefault(case.group, []).append(case)
    names = [f"{name}, best (iterations)" for name in others]
    names += [f"sdeconv, its {USUAL}"] if "sdeconv" in others else []
    lines = [
        f"| PSNR, dB | n | blurred | {' | '.join([*names, *OURS])} |",
        "|---|---:|---:|" + "---:|" * (len(names) + len(OURS)),
    ]
    for cases in groups.values():
        lines.append(row(cases, others))
        print(lines[-1], flush=True)
    return lines


def bead(others: dict[str, Peer]) -> list[str]:
    """FWHM of flowdec's measured bead per axis, above its background."""
    folder = DATA / "microscopy" / "bead"
    image, psf = load(folder, "data"), load(folder, "kernel")
    dark = float(np.median(image))
    made: dict[str, Callable[[], Image]] = {"as recorded": lambda: image - dark}
    for name, peer in others.items():
        made[f"{name}, {USUAL} iterations"] = partial(peer, (image - dark).clip(0), psf, USUAL)
    for title, (name, fields) in OURS.items():
        if name == "richardson-lucy":
            fields = {**fields, "background": dark}
        made[f"ours, {title}"] = partial(ours, image, psf, None, name, fields)
    lines = ["| FWHM of the bead, pixels | z | y | x |", "|---|---:|---:|---:|"]
    for title, make in {"its PSF": lambda: psf, **made}.items():
        found = make()
        widths = fwhm(found - (dark if title.endswith(("Wiener", "variation")) else 0))
        lines.append(f"| {title} | {' | '.join(f'{w:.2f}' for w in widths)} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    others = peers()
    head = f"""# Stacks with truth, and a bead

Written by `python benchmarks/microscopy.py --seeds {options.seeds}`. The peers' Richardson-Lucy is
run for {COUNTS[0]} to {COUNTS[-1]} iterations, and the count that is best for each stack is chosen
with the truth. Ours are the defaults, with nothing chosen by truth: Richardson-Lucy stops by
itself, the others estimate the noise. `bars` is flowdec's phantom; the others are generated
(`benchmarks/stacks.py`), with light from beyond their borders and photon noise. PSNR over all
voxels, with the truth's maximum as peak. sdeconv is given the PSF on the image's grid and half of
it as padding; its 3-D version flips two of the PSF's three axes for the adjoint, which a symmetric
PSF does not mind."""
    about = """The bead is flowdec's, 64 x 64 x 64, with the PSF that comes with it. Its median is
taken away as background, by ours within the model. The width is the extent of all that is brighter
than half of the peak; the bead itself is not a point, and how large it is is not stated."""
    lines = [*table(options.seeds, others), "", about, "", *bead(others)]
    OUT.write_text("\n".join([head, "", *lines]) + "\n")


if __name__ == "__main__":
    main()
