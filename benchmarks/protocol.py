"""Where the test data lie, and the package's benchmark protocol on them (unclipped scenes)."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_deconv.degradation import Chain
from napari_deconv.protocol.scenes import Case, gray, make_case

sys.path.append(str(Path(__file__).resolve().parents[1]))  # the studies, which are not installed
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NOISE = (0.01, 0.03, 0.05)

__all__ = ["DATA", "NOISE", "Case", "photos", "scene"]


def photos(part: str, step: int = 1, start: int = 0) -> list[Path]:
    """Files of a part of BSDS500 in sorted order, every ``step``-th from ``start``."""
    return sorted((DATA / "bsds500" / part).glob("*.jpg"))[start::step]


def scene(path: Path, psf: NDArray[np.float32], noise: float, seed: int) -> Case:
    """Blur and noise as the protocol has them."""
    chain = Chain(boundary="valid", noise=noise, seed=seed)
    return make_case(gray(path), psf, chain, path.stem)
