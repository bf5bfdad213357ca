"""How exact networks are: what rounding makes of an image.

Prints, per network, the RMS and the largest change on a photo of scikit-image, blurred, with 1 % of
noise: by a difference of 1e-6 in the input, as between an image restored whole and in tiles, and by
running the layers in bfloat16 in place of float32. The PSF of networks that are made for one is
theirs. bfloat16 is emulated on processors without it, which takes long.

    python benchmarks/network_exactness.py
"""

from __future__ import annotations

import argparse
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from skimage import data

from napari_deconv import degrade
from napari_deconv.core import precision
from napari_deconv.core.precision import FLOAT32, Precision
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import CameraShake
from napari_deconv.restoration.base import Method, methods
from napari_deconv.restoration.weights import locate, read_weights

BFLOAT16 = Precision(torch.bfloat16)
NETWORKS = {
    "fcnn": "fcnn-3",
    "plug-and-play": "plug-and-play",
    "unrolled": "unrolled",
    "rgdn": "rgdn",
    "glra": "glra",
    "odcnn": "odcnn-disk7",
    "crcnet": "crcnet-shake21",
}


def restored(
    name: str, seen: NDArray[np.float32], psf: NDArray[np.float32], layers: Precision
) -> NDArray[np.float32]:
    """What a network makes of an image in a number format, whatever the processor has units for."""
    method = Method.make(name, weights=NETWORKS[name])
    with patch.object(precision, "_best", lambda device: layers):
        result: NDArray[np.float32] = drain(
            stream(method, seen, psf, noise=0.01, device="cpu")
        ).data
    return result


def psf_for(name: str) -> NDArray[np.float32]:
    """A camera shake, or the PSF that a network is made for."""
    tensors, _ = read_weights(locate(NETWORKS[name]), name)
    if "psf" not in tensors:
        return CameraShake(size_px=15, seed=1)()
    own = tensors["psf"].numpy()
    middle, seen = len(own) // 2, np.argwhere(own > 1e-5)
    reach = int(np.abs(seen - middle).max())
    inner: NDArray[np.float32] = own[
        middle - reach : middle + reach + 1, middle - reach : middle + reach + 1
    ]
    return inner


def words(change: NDArray[np.float32]) -> str:
    """RMS and largest."""
    return f"{np.sqrt(np.mean(change**2)):.1e}, {np.abs(change).max():.1e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=192)
    side = parser.parse_args().side
    methods()
    sharp = data.camera()[100 : 100 + side, 100 : 100 + side].astype(np.float32) / 255
    print("| network | touched by 1e-6: RMS, most | bfloat16 for float32: RMS, most |")
    print("|---|---|---|")
    for name in NETWORKS:
        psf = psf_for(name)
        seen, _ = degrade(sharp, psf, noise=0.01, seed=0, boundary="valid")
        touch = 1e-6 * np.random.default_rng(1).standard_normal(seen.shape)
        narrow = restored(name, seen, psf, BFLOAT16)
        touched = restored(name, (seen + touch).astype(np.float32), psf, BFLOAT16)
        wide = restored(name, seen, psf, FLOAT32)
        print(f"| `{name}` | {words(touched - narrow)} | {words(narrow - wide)} |", flush=True)


if __name__ == "__main__":
    main()
