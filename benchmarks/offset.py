"""What a wrong camera offset or a wrong background does to Richardson-Lucy's result.

Run ``python benchmarks/offset.py``; it writes ``docs/benchmarks/offset.md``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from stacks import BACKGROUND, KINDS, PHOTONS, stacks

from napari_deconv.engine.streaming import drain, stream
from napari_deconv.restoration.richardson_lucy import RichardsonLucy

OUT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "offset.md"
OFFSET, READ_NOISE = 100.0, 1.6
ITERATIONS, SEED = 30, 400
Fields = dict[str, float | str]


def settings(background: float) -> dict[str, Fields]:
    """Rows of the table: what the method is told, with this true background."""
    right: Fields = {"offset_counts": OFFSET}
    return {
        "nothing": {},
        "offset right, no background": right,
        "both right": {**right, "background": background},
        "offset 10 too low": {"offset_counts": OFFSET - 10},
        "offset 10 too high": {"offset_counts": OFFSET + 10},
        "offset given as background": {"background": OFFSET},
        "background twice too high": {**right, "background": 2 * background},
        "offset auto": {"offset_counts": "auto"},
        "offset and background auto": {"offset_counts": "auto", "background": "auto"},
    }


def measured() -> dict[tuple[int, str], list[tuple[float, float, float]]]:
    """PSNR in dB, error of the object's total light in percent, and the offset taken."""
    cells: dict[tuple[int, str], list[tuple[float, float, float]]] = {}
    rng = np.random.default_rng(SEED)
    for made in stacks(SEED):
        level = BACKGROUND * made.photons
        counts = made.image + rng.normal(0, READ_NOISE, made.image.shape) + OFFSET
        counts = np.rint(counts).clip(0).astype(np.uint16)
        truth = made.truth - level
        for name, fields in settings(level).items():
            method = RichardsonLucy(iterations=ITERATIONS, **fields)
            found = drain(stream(method, counts.astype(np.float32), made.psf, device="cpu"))
            gap = found.data - truth
            psnr = 10 * np.log10(truth.max() ** 2 / np.mean(gap**2))
            light = 100 * (found.data.sum() / truth.sum() - 1)
            taken = found.recipe.get("chosen", {}).get("offset_counts", np.nan)
            cells.setdefault((made.photons, name), []).append((psnr, light, taken))
    return cells


def main() -> None:
    cells = measured()
    heads = "".join(f" | {n} photons, dB | light" for n in PHOTONS)
    lines = [f"| told{heads} |", "|---" * (1 + 2 * len(PHOTONS)) + "|"]
    for name in settings(0.0):
        rows = [np.mean(cells[n, name], axis=0) for n in PHOTONS]
        lines.append(
            f"| {name} | " + " | ".join(f"{r[0]:.2f} | {r[1]:+.0f} %" for r in rows) + " |"
        )
    taken = [f"{min(t):.1f} to {max(t):.1f}" for t in
             ([c[2] for c in cells[n, "offset auto"]] for n in PHOTONS)]  # fmt: skip
    text = f"""# A wrong offset, a wrong background

Written by `python benchmarks/offset.py`: generated stacks of `benchmarks/stacks.py` (seed {SEED};
{", ".join(KINDS)}) with a camera offset of {OFFSET:g}, read noise of {READ_NOISE} and a
background of {100 * BACKGROUND:g} % of the brightest voxel's photons; {ITERATIONS} iterations of
Richardson-Lucy, means over the three kinds. PSNR is against the object without
background; *light* is the error of its total.

"""
    text += "\n".join(lines) + "\n\n"
    text += f'`offset_counts="auto"` took {", ".join(taken)}, by photons.\n'
    OUT.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
