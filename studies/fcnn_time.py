"""Table 5 of Zhang et al. 2017: run time by image size."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from skimage.transform import resize

from napari_deconv.degradation.chain import Chain
from napari_deconv.protocol.scenes import make_case

from .base import ZHANG, Findings, study
from .drawing import curves
from .material import Given, restore, shake

_SIZES = ((400, 512), (800, 1024), (1200, 1536))
_METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "hyper-Laplacian": ("hyper-laplacian", {}),
    "FCNN, 1 iteration": ("fcnn", {"iterations": 1}),
    "FCNN, 3 iterations": ("fcnn", {}),
}


@study(
    "fcnn-time",
    "FCNN: run time by image size",
    ZHANG,
    says="Table 5, in seconds; hyper-Laplacian and EPLL on an Intel i7, FCNN on a K40 GPU:\n\n"
    "| size | hyper-Laplacian | EPLL | FCNN, 3 iterations |\n|---|---|---|---|\n"
    "| 512 x 400 | 0.31 | 209.58 | 0.02 |\n| 1024 x 800 | 0.71 | 953.52 | 0.03 |\n"
    "| 1536 x 1200 | 2.11 | - | 0.06 |",
    count=1,
    train="It measures time: run it on a quiet machine.",
)
def run(given: Given) -> Findings:
    """Seconds of a whole call on the CPU, the faster of two, with all threads that torch takes."""
    ((_, photo), *_) = given.photos()
    rows: list[dict[str, Any]] = []
    for size in _SIZES:
        sharp = resize(  # type: ignore[no-untyped-call]
            photo, [n + 20 for n in size], order=1, anti_aliasing=False
        )
        case = make_case(np.asarray(sharp), shake(0), Chain(boundary="valid", noise=0.01))
        row: dict[str, Any] = {"size": f"{size[1]} x {size[0]}"}
        for name, (method, fields) in _METHODS.items():
            given.tell(f"{row['size']}, {name}")
            spent = []
            for _ in range(2):
                began = time.perf_counter()
                restore(case, method, **fields)
                spent.append(time.perf_counter() - began)
            row[name] = min(spent)
        rows.append(row)
    pixels = [a * b / 1e6 for a, b in _SIZES]
    lines = {name: [row[name] for row in rows] for name in _METHODS}
    summary = f"In seconds, with {torch.get_num_threads()} threads of the CPU."
    return Findings(tuple(rows), curves(pixels, lines, ("megapixels", "seconds")), summary)
