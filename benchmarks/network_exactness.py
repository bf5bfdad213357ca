"""What a difference of 1e-6 in the input becomes in a network's output.

So much do tiles differ from the whole: the layers run in bfloat16. Prints, per network, the RMS and
the largest change on a photo of scikit-image, blurred, with 1 % noise.

    python benchmarks/network_exactness.py
"""

from __future__ import annotations

import argparse

import numpy as np
from skimage import data

from napari_deconv import deconvolve, degrade
from napari_deconv.psf import CameraShake


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=192)
    side = parser.parse_args().side
    sharp = data.camera()[100 : 100 + side, 100 : 100 + side].astype(np.float32) / 255
    psf = CameraShake(size_px=15, seed=1)()
    seen, _ = degrade(sharp, psf, noise=0.01, seed=0, boundary="valid")
    touch = 1e-6 * np.random.default_rng(1).standard_normal(seen.shape)
    for name in ("unrolled", "fcnn", "rgdn", "glra"):
        first, second = (
            deconvolve(y.astype(np.float32), psf, name, noise=0.01, domain="photo")
            for y in (seen, seen + touch)
        )
        change = np.abs(second - first)
        print(
            f"{name}: RMS {np.sqrt(np.mean(change**2)):.1e}, at most {change.max():.1e}", flush=True
        )


if __name__ == "__main__":
    main()
