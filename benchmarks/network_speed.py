"""Networks against their bare convolutions, and the time they take, by image size.

``python benchmarks/network_speed.py`` prints a Markdown table: seconds for one image through the
whole method (engine included), seconds for the same convolutions run back to back on buffers that
are there already (in the device's number format, channels last), and the share of their throughput
that is reached. Medians of interleaved repeats on one machine; the sizes are
those of Zhang et al. 2017, Table 4.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from napari_deconv import methods
from napari_deconv.core.device import choose_device
from napari_deconv.core.precision import Precision, arranged, choose_precision, instruction_set
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import CameraShake
from napari_deconv.restoration.base import Method

SIZES = ((400, 512), (800, 1024), (1200, 1536))
NETWORKS = ("unrolled", "fcnn", "rgdn", "glra")
Calls = list[tuple[nn.Module, torch.Size]]


@contextmanager
def recorded() -> Iterator[Calls]:
    """Every convolution that runs inside, with the shape of what it gets."""
    calls: Calls = []

    def note(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            calls.append((layer, inputs[0].shape))

    handle = nn.modules.module.register_module_forward_pre_hook(note)
    try:
        yield calls
    finally:
        handle.remove()


def bare(calls: Calls, device: torch.device, layers: Precision) -> Callable[[], None]:
    """The same convolutions back to back."""
    twins = {id(layer): _twin(layer, device, layers) for layer, _ in calls}
    inputs = {
        shape: arranged(layers.narrowed(torch.rand(shape, device=device))) for _, shape in calls
    }

    def run() -> None:
        with torch.inference_mode():
            for layer, shape in calls:
                twins[id(layer)](inputs[shape])

    return run


def _twin(layer: nn.Module, device: torch.device, layers: Precision) -> nn.Module:
    kind = type(layer)
    twin = kind(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        bias=layer.bias is not None,
    )
    return twin.to(device, layers.dtype, memory_format=torch.channels_last)


def timed(run: Callable[[], object], device: torch.device) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def row(name: str, size: tuple[int, int], repeats: int, device: torch.device) -> str:
    """One line of the table."""
    method = Method.make(name)
    image = np.random.default_rng(0).random(size, dtype=np.float32)
    psf = CameraShake(size_px=21, seed=1)()

    def whole() -> object:
        return drain(stream(method, image, psf, noise=0.01, device=str(device)))

    with recorded() as calls:
        whole()
    alone = bare(calls, device, choose_precision("auto", device)[0])
    alone()
    pairs = [(timed(whole, device), timed(alone, device)) for _ in range(repeats)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    share = statistics.median(b / a for a, b in pairs)
    return f"| {name} | {size[1]}x{size[0]} | {ours:.3f} | {theirs:.3f} | {100 * share:.0f} % |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--methods", nargs="+", default=NETWORKS)
    parser.add_argument("--sizes", type=int, default=len(SIZES), help="how many of the sizes")
    given = parser.parse_args()
    methods()
    device = choose_device(given.device)
    print(f"Device {device} ({instruction_set()}), {torch.get_num_threads()} threads")
    print(f"torch {torch.__version__}\n")
    print("| method | size | whole (s) | convolutions (s) | share |\n|---|---|---|---|---|")
    for name in given.methods:
        for size in SIZES[: given.sizes]:
            print(row(name, size, given.repeats, device), flush=True)


if __name__ == "__main__":
    main()
