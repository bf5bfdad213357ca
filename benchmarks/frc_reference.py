"""Our Fourier ring correlation beside that of the package `frc` (T. ten Brink, MIT licence).

    python benchmarks/frc_reference.py write FOLDER      # here: the test image, twice, noisy
    python -m pip install "frc==0.1.1"                   # in an environment of its own (numpy < 2)
    python benchmarks/frc_reference.py theirs FOLDER     # there
    python benchmarks/frc_reference.py compare FOLDER    # here: every eighth ring, and the worst

The test image: rows 0 to 255 and columns 128 to 383 of scikit-image's `camera`, blurred by a
Gaussian of 1.5 px, with two draws of noise of 5 %.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def write(folder: Path) -> None:
    from scipy.ndimage import gaussian_filter
    from skimage import data

    sharp = gaussian_filter(data.camera()[:256, 128:384] / 255.0, 1.5)
    rng = np.random.default_rng(0)
    np.save(folder / "pair.npy", [sharp + rng.normal(0, 0.05, sharp.shape) for _ in range(2)])


def theirs(folder: Path) -> None:
    from frc import two_frc

    pair = np.load(folder / "pair.npy")
    window = np.outer(np.hamming(256), np.hamming(256))
    curve = np.asarray(two_frc(pair[0] * window, pair[1] * window)).ravel()
    np.save(folder / "theirs.npy", curve)


def compare(folder: Path) -> None:
    from napari_deconv.metrics import frc

    reference, ours = np.load(folder / "theirs.npy"), frc(*np.load(folder / "pair.npy"))
    print([round(float(value), 4) for value in reference[::8]])
    print(f"largest difference {np.abs(ours.correlation - reference).max():.2g}")


if __name__ == "__main__":
    {"write": write, "theirs": theirs, "compare": compare}[sys.argv[1]](Path(sys.argv[2]))
