"""What there is to see inside each network, told from the calls of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

from torch import Tensor

from . import crcnet, fcnn, glra, odcnn, rgdn, separable, unrolled
from .layers import UNet, from_phases, to_phases

Tap = tuple[str, Tensor, int]
"""A name, a batch of one, and image pixels per pixel; 0 of what is no picture."""


@singledispatch
def taps(network: Any, args: Any, output: Any, calls: Any) -> Iterator[Tap] | None:
    """What to show of a network that was called; None of what is only a part of one.

    Parameters
    ----------
    network : nn.Module
        Any module.
    args, output
        Of the call.
    calls : list of tuple
        Modules that were called meanwhile, each with its arguments and its output.
    """
    return None


@taps.register
def _(network: fcnn.Network, args: Any, output: Tensor, calls: Any) -> Iterator[Tap]:
    cleaned = [(a[0], out) for part, a, out in calls if isinstance(part, fcnn.Denoiser)]
    gradients = ("gradient along x", "gradient along y")
    names = gradients if network.cleans == "gradients" else ("intensities",)
    for pair, name in zip(cleaned, names, strict=False):  # none at the first stage
        before, after = (part.mT for part in pair) if name == gradients[1] else pair
        yield name, before, 1
        yield f"{name}, cleaned", after, 1
    yield "estimate", output, 1


@taps.register
def _(network: rgdn.Network, args: Any, output: Tensor, calls: Any) -> Iterator[Tap]:
    x, shape = args[0], output.shape[-2:]
    called = {id(part): (a, out) for part, a, out in calls}
    # H and R may be computed as one, so they are told from their difference and from R.
    (features,), phases = called[id(network.direction)]
    direction = from_phases(phases, shape) / 10
    with network.precision.layers(x.device):
        r = network.from_image(4 * to_phases(x - 0.5))
    yield "g, the gradient", x - output + direction, 1
    yield "H(g)", features + r, 2
    yield "R(x)", r, 2
    yield "D(H(g) - R(x))", direction, 1
    yield "estimate", output, 1


@taps.register
def _(network: rgdn.PaperNetwork, args: Any, output: Tensor, calls: Any) -> Iterator[Tap]:
    called = {id(part): (a, out) for part, a, out in calls}
    yield "g, the gradient", called[id(network.gradient)][0][0], 1
    for name, part in (("H(g)", network.gradient), ("R(x)", network.image)):
        yield name, called[id(part)][1], 1
    yield "D(H(g) - R(x))", called[id(network.direction)][1], 1
    yield "estimate", output, 1


@taps.register
def _(network: glra.Network, args: Any, output: Tensor, calls: Any) -> Iterator[Tap]:
    shape, called = output.shape[-2:], {id(part): (a, out) for part, a, out in calls}
    otf, sigma, moved = args[2], args[3], args[7]
    back = tuple(-n for n in moved[-1])
    yield "M", network.middle(otf[:, 0], shape[1], sigma)[0], 0
    inverses = 4 * network.right.shape[0] * network.right.shape[1]
    seen, made = called[id(network.head)][0][0][:, :inverses], called[id(network.correction)][1]
    for name, phases, factor in (("inverses", seen, 4), ("correction", made, 10)):
        yield name, from_phases(phases, shape).roll(back, (-2, -1)) / factor, 1
    yield "estimate", output, 1


@taps.register
def _(network: unrolled.Network, args: Any, output: Any, calls: Any) -> Iterator[Tap]:
    (inputs,), _ = next((a, out) for part, a, out in calls if isinstance(part, UNet))
    estimate, features = output
    maps = len(unrolled.WEIGHTS)
    solved = from_phases(inputs[:, : 4 * maps], estimate.shape[-2:]) / 4 + 0.5
    for number in range(maps):
        yield f"solution {number + 1} of {maps}", solved[:, number : number + 1], 1
    yield "features", features, 2
    yield "estimate", estimate, 1


@taps.register
def _(network: crcnet.Network, args: Any, output: Tensor, calls: Any) -> Iterator[Tap]:
    ring = (calls[0][1][0].shape[-1] - output.shape[-1]) // 2
    units = [out for part, _, out in calls if isinstance(part, crcnet.Unit)]
    for number, out in enumerate(units, 1):
        yield f"unit {number}", out[..., ring:-ring, ring:-ring], 1
    yield "estimate", output, 1


@taps.register
def _(network: separable.Separable, args: Any, output: Tensor, calls: Any) -> Iterator[Tap]:
    yield "maps, as they are summed", network.maps(args[0]) * network.gains[:, None, None], 1
    yield "estimate", output, 1


@taps.register
def _(network: odcnn.Network, args: Any, output: Tensor, calls: Any) -> Iterator[Tap]:
    views = network.inverse(args[0])
    yield "views, in units of what they usually are", views, 1
    yield "correction", output - network.inverse.image(views), 1
    yield "estimate", output, 1
