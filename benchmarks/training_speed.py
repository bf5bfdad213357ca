"""Training steps against the bare forward and backward passes of the same convolutions.

``python benchmarks/training_speed.py`` prints a Markdown table: seconds of one step of a training
that the Train panel would start (drawing and degrading the patches, the passes, the optimiser, the
running average), seconds of the convolutions of such a step alone, forward and backward, on tensors
that are there already and in as many threads, and the share of their throughput that is reached.
Medians of steps taken in turn. Validation, a tenth of a training at most, is not in it.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from network_speed import timed
from torch.overrides import TorchFunctionMode

from napari_deconv.core.device import choose_device
from napari_deconv.degradation.chain import Chain
from napari_deconv.psf import Disk
from napari_deconv.restoration.base import Method, methods
from napari_deconv.restoration.networks import separable, views
from napari_deconv.train import loop, sharp
from napari_deconv.train.pairs import Batch
from napari_deconv.train.parallel import Team
from napari_deconv.train.personal import recipe_for, starts
from napari_deconv.train.sources import Material
from napari_deconv.train.state import State, advance, begin

NETWORKS = ("dcnn", "odcnn", "crcnet", "fcnn")
_LAYERS = (torch.conv2d, torch.conv_transpose2d)


@dataclass(frozen=True, eq=False)
class Call:
    """One convolution: what it is, and what it gets."""

    function: Callable[..., torch.Tensor]
    tensors: tuple[torch.Tensor, ...]
    rest: tuple[Any, ...]
    named: dict[str, Any]

    def __call__(self) -> None:
        """Forward, and back to everything that asked for it."""
        out = self.function(*self.tensors, *self.rest, **self.named)
        torch.autograd.grad(out, [t for t in self.tensors if t.requires_grad], torch.ones_like(out))


class Recorder(TorchFunctionMode):
    """Takes down every convolution layer that runs."""

    def __init__(self, calls: list[Call]) -> None:
        super().__init__()
        self.calls = calls

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> torch.Tensor:
        if func in _LAYERS:
            self.calls.append(call(func, args, kwargs or {}))
        found: torch.Tensor = func(*args, **(kwargs or {}))
        return found


def call(function: Callable[..., torch.Tensor], args: Any, named: dict[str, Any]) -> Call:
    """The same call on tensors of its own, of the type in which it computes."""
    half = torch.is_autocast_enabled(args[0].device.type)
    count = next((i for i, a in enumerate(args) if not isinstance(a, torch.Tensor)), len(args))
    own = [a.detach().bfloat16() if half else a.detach().clone() for a in args[:count]]
    for tensor, given in zip(own, args[:count], strict=True):
        tensor.requires_grad_(given.requires_grad)
    return Call(function, tuple(own), tuple(args[count:]), named)


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """Every convolution that runs inside; those by Fourier transform are functions of ours."""
    calls: list[Call] = []
    places = itertools.product((separable, views), ("filter_down", "filter_along"))
    kept = {place: getattr(*place) for place in places}

    def noting(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        def noted(*args: torch.Tensor) -> torch.Tensor:
            calls.append(call(function, args, {}))
            return function(*args)

        return noted

    for place, function in kept.items():
        setattr(*place, noting(function))
    try:
        with Recorder(calls):
            yield calls
    finally:
        for place, function in kept.items():
            setattr(*place, function)


def training(name: str, device: torch.device) -> tuple[State, Material]:
    """What the panel would start, for a disk of radius 4 and 1 % of noise."""
    start = next(iter(starts(name)), "")
    recipe = recipe_for(Method.make(name), Disk(radius_px=4.0)(), Chain(noise=0.01), start, "")
    photos = [p for p in sharp.photos() if min(p.shape) >= recipe.patch_px]
    return begin(recipe, device), Material(recipe, [photos[1:]], [photos[:1]], [])


def row(name: str, repeats: int, device: torch.device) -> str:
    """One line of the table."""
    state, material = training(name, device)
    us, parts = Team(device), 2 if device.type == "cpu" else 1

    def batch() -> Batch:
        return loop._batch(material, np.random.default_rng(0), us).to(device)

    halves = []
    for part in batch().split(parts):
        with recorded() as calls:
            state.network.unrolled(*part.seen)
        halves.append(calls)

    def whole() -> None:
        advance(state, batch(), material.recipe, us)

    def bare() -> None:
        with ThreadPoolExecutor(len(halves)) as pool:
            list(pool.map(lambda calls: [each() for each in calls], halves))

    whole(), bare()
    pairs = [(timed(whole, device), timed(bare, device)) for _ in range(repeats)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    share = 100 * statistics.median(b / a for a, b in pairs)
    return f"| {name} | {sum(map(len, halves))} | {ours:.3f} | {theirs:.3f} | {share:.0f} % |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--methods", nargs="+", default=NETWORKS)
    given = parser.parse_args()
    methods()
    device = choose_device(given.device)
    print(f"Device {device}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}\n")
    print("| network | convolutions | step (s) | bare (s) | share |\n|---|---|---|---|---|")
    for name in given.methods:
        print(row(name, given.repeats, device), flush=True)


if __name__ == "__main__":
    main()
