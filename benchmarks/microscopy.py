"""3-D restoration with truth: Richardson-Lucy as it comes against scikit-image's at its best.

scikit-image is shown the truth to choose its number of iterations; ours is not. Run
``python benchmarks/microscopy.py``; it writes ``docs/benchmarks/microscopy.md``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from skimage.restoration import richardson_lucy
from stacks import VOXEL_UM
from stopping import Case, bars, stack_cases

from napari_deconv import methods
from napari_deconv.core.engine import drain, stream

OUT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "microscopy.md"
OURS = {
    "Richardson-Lucy": ("richardson-lucy", {}),
    "accelerated": ("richardson-lucy", {"accelerate": True}),
    "with TV 0.005": ("richardson-lucy", {"tv": 0.005}),
    "Wiener": ("wiener", {}),
    "total variation": ("tv", {}),
}
MOST = 200


def ours(case: Case, name: str, fields: dict) -> float:
    method = methods()[name](**fields)
    sizes = None if case.group == "bars" else VOXEL_UM
    run = stream(method, case.image, case.psf, axes="ZYX", spacing=sizes, device="cpu")
    return case.psnr(drain(run).data)


def theirs(case: Case) -> tuple[float, int]:
    """scikit-image's best PSNR and its iteration."""
    found = []
    for count in (1, 2, 3, 5, 8, 12, 18, 25, 35, 50, 70, 100, 140, MOST):
        estimate = richardson_lucy(case.image, case.psf, num_iter=count, clip=False)
        found.append((case.psnr(estimate.astype(np.float32)), count))
    return max(found)


def row(cases: list[Case]) -> str:
    best = [theirs(case) for case in cases]
    cells = [f"{np.mean([case.psnr(case.image) for case in cases]):.2f}"]
    cells += [f"{np.mean([p for p, _ in best]):.2f} ({np.median([n for _, n in best]):.0f})"]
    for name, fields in OURS.values():
        cells.append(f"{np.mean([ours(case, name, fields) for case in cases]):.2f}")
    return f"| {cases[0].group} | {len(cases)} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    groups: dict[str, list[Case]] = {}
    for case in (bars(), *stack_cases(options.seeds)):
        groups.setdefault(case.group, []).append(case)
    lines = [
        f"| PSNR, dB | n | blurred | scikit-image, best (iterations) | {' | '.join(OURS)} |",
        "|---|---:|---:|---:|" + "---:|" * len(OURS),
    ]
    for cases in groups.values():
        lines.append(row(cases))
        print(lines[-1], flush=True)
    head = f"""# Stacks with truth

Written by `python benchmarks/microscopy.py --seeds {options.seeds}`. scikit-image's
Richardson-Lucy is run for 1 to {MOST} iterations, and the count that is best for each stack is
chosen with the truth. Ours are the defaults, with nothing chosen by truth: Richardson-Lucy stops by
itself, the others estimate the noise. `bars` is flowdec's phantom; the others are generated
(`benchmarks/stacks.py`), with light from beyond their borders and photon noise. PSNR over all
voxels, with the truth's maximum as peak."""
    OUT.write_text("\n".join([head, "", *lines]) + "\n")


if __name__ == "__main__":
    main()
