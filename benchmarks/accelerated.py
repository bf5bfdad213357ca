"""Accelerated Richardson-Lucy after 15 iterations beside 50 plain ones, and how many it takes.

Run ``python benchmarks/accelerated.py``; it writes ``docs/benchmarks/accelerated.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from protocol import photos, scene
from stacks import stacks
from stopping import Case, bars

from napari_deconv.engine.streaming import stream
from napari_deconv.psf import CameraShake, Disk
from napari_deconv.restoration.richardson_lucy import RichardsonLucy

OUT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "accelerated.md"
PLAIN, FEW, MOST = 50, 15, 25


def cases() -> Iterator[Case]:
    """Noise little enough that 50 iterations are not too many."""
    for number, psf in enumerate((Disk(radius_px=4)(), CameraShake(size_px=17, seed=3)())):
        made = scene(photos("train", 1, 33)[number], psf, 0.002, seed=number)
        border = tuple(n // 2 for n in psf.shape)
        yield Case(f"photo {number + 1}", made.blurred, psf, made.truth, 1.0, border)
    for made_3d in stacks(300):
        if made_3d.photons == 1000:
            image, peak = made_3d.image, float(made_3d.truth.max())
            yield Case(made_3d.kind, image, made_3d.psf, made_3d.truth, peak, (0, 0, 0))
    yield bars()


def curve(case: Case, accelerate: bool, count: int) -> list[float]:
    method = RichardsonLucy(iterations=count, accelerate=accelerate)
    axes, found = "ZYX"[-case.image.ndim :], []
    for step in stream(method, case.image, case.psf, axes=axes, noise=0.0, device="cpu"):
        estimate = step.preview()
        assert estimate is not None
        found.append(case.psnr(estimate[0]))
    return found


def best(found: list[float]) -> str:
    return f"{max(found):.2f} ({found.index(max(found)) + 1})"


def main() -> None:
    lines = [
        f"""# Acceleration

Written by `python benchmarks/accelerated.py`. PSNR of plain Richardson-Lucy after {PLAIN}
iterations and of the accelerated one after {FEW}, and after how many that is as good (of {MOST}).
Photos of the training set under the protocol with 0.2 % noise; generated stacks of 1000 photons
(`benchmarks/stacks.py`); flowdec's bars. Where either is past its best (in brackets, the
iteration), noise has the upper hand, and the accelerated one need not come by the same value.

| | plain, {PLAIN} iterations | its best | accelerated, {FEW} | its best | as good after |
|---|---:|---:|---:|---:|---:|"""
    ]
    for case in cases():
        plain = curve(case, False, PLAIN)
        wanted = plain[-1]
        found = curve(case, True, MOST)
        after = next((str(n) for n, psnr in enumerate(found, 1) if n > 3 and psnr >= wanted), "-")
        cells = [f"{wanted:.2f}", best(plain), f"{found[FEW - 1]:.2f}", best(found), after]
        lines.append(f"| {case.group} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
        OUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
