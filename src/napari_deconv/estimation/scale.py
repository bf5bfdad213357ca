"""A photo at one size, on the periodic grid that camera shake is sought on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from ..signal.edges import pad_and_taper
from ..signal.fourier import fast_shape
from ..signal.gradients import gradient, gradient_power
from .plane import Plane


@dataclass(frozen=True, eq=False)
class Scale:
    """The photo at one size, on its periodic grid.

    ``valid`` is 1 on pixels that were seen and are not clipped; ``inner`` where a whole kernel
    around a pixel lies on such; ``seen`` are the differences that are known, else 0.
    """

    y: Tensor
    valid: Tensor
    inner: Tensor
    seen: Tensor
    rough: Tensor
    window: tuple[slice, ...]
    size: int
    zoom: float
    label: str


def scale_of(plane: Plane, side: int, zoom: float, device: torch.device | None) -> Scale:
    """The photo reduced by ``zoom``, continued over a ring that a kernel of ``side`` reaches."""
    # Channels count as their mean: prices of edges are those of one.
    y = torch.as_tensor(plane.channels, device=device) / len(plane.channels) ** 0.5
    good = torch.as_tensor(plane.good, device=device)[None].float()
    if zoom < 1:
        shape = tuple(max(16, round(n * zoom)) for n in plane.gray.shape)
        y, good = (
            interpolate(a[None], shape, mode="bilinear", antialias=True)[0] for a in (y, good)
        )
        good = (good > 0.999).float()
    ring = side // 2
    grid = fast_shape([n + 3 * ring for n in y.shape[1:]])
    padded = pad_and_taper(y, grid, (ring, ring), float(y.mean()))
    window = (slice(None), *(slice(ring, ring + n) for n in y.shape[1:]))
    observed = torch.zeros_like(padded)
    observed[window] = good
    both = torch.stack([observed * observed.roll(-1, axis) for axis in (1, 2)])
    away = 1 - both.amin(0)
    for axis in (0, 1):  # a square's maximum is that of its rows' maxima, which costs far less
        reach = [ring * (axis == each) for each in (0, 1)]
        away = max_pool2d(away, [2 * n + 1 for n in reach], 1, reach)
    inner = 1 - away
    height, width = y.shape[1:]
    return Scale(
        y=padded,
        valid=observed,
        inner=inner,
        seen=gradient(padded) * both,
        rough=gradient_power(grid, device=y.device),
        window=window,
        size=side,
        zoom=zoom,
        label=f"camera shake at {width} x {height}",
    )
