"""How many iterations an unmatched back projector saves, and what damping does to the noise.

Run ``python benchmarks/back_projector.py``; it writes ``docs/benchmarks/back_projector.md``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from stacks import Stack, stacks

from napari_deconv.engine.streaming import stream
from napari_deconv.restoration.richardson_lucy import RichardsonLucy

OUT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "back_projector.md"
PLAIN, MOST = 60, 40
SEED = 300
NEAR_DB = 0.1


def curve(made: Stack, count: int, **fields: object) -> list[float]:
    """PSNR after every iteration, dB."""
    method = RichardsonLucy(iterations=count, **fields)
    peak, found = float(made.truth.max()), []
    for step in stream(method, made.image, made.psf, axes="ZYX", noise=0.0, device="cpu"):
        estimate = step.preview()
        assert estimate is not None
        gap = np.asarray(estimate[0], np.float64).reshape(made.truth.shape) - made.truth
        found.append(10 * float(np.log10(peak**2 / np.mean(gap**2))))
    return found


def row(made: Stack) -> str:
    plain = curve(made, PLAIN)
    best = max(plain)
    needed = 1 + next(i for i, value in enumerate(plain) if value >= best - NEAR_DB)
    cells = [f"{made.kind}, {made.photons}", f"{best:.2f}", str(needed)]
    for fields in (
        {"accelerate": True},
        {"back_projector": "wiener-butterworth"},
    ):
        other = curve(made, MOST, **fields)
        enough = [i + 1 for i, value in enumerate(other) if value >= best - NEAR_DB]
        cells += [f"{max(other):.2f}", str(enough[0]) if enough else "never"]
    damped = curve(made, PLAIN, damping=2.0)
    cells += [f"{plain[-1]:.2f}", f"{damped[-1]:.2f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    rows = [row(made) for made in stacks(SEED)]
    text = f"""# Back projector and damping

Written by `python benchmarks/back_projector.py`: PSNR in dB on generated stacks of
`benchmarks/stacks.py` (seed {SEED}; the number is the photons of the brightest voxel). "Enough" is
the first iteration within {NEAR_DB} dB of the best of {PLAIN} plain ones; of the others {MOST} were
tried. The last two columns are after {PLAIN} iterations, plain and with `damping=2`.

| | plain: best | enough | accelerated: best | enough | unmatched: best | enough | plain, all \
| damped, all |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
"""
    text += "\n".join(rows) + "\n"
    OUT.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
