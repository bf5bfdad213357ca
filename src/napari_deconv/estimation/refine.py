"""Refine a PSF on its image: restore, keep the strong edges, fit the PSF to them, and again."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Unpack

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.device import choose_device
from ..core.errors import DeconvError
from ..core.progress import Step, changed_steps, drain
from ..engine.axes import parse_axes
from ..engine.excerpt import excerpt
from ..engine.incoming import as_array, unit_psf
from ..engine.intensity import survey
from ..engine.options import Options
from ..engine.problem import Solver
from ..engine.streaming import check_psf, stream, translated
from ..engine.unseen import Hidden, Unseen, with_mask
from ..psf import PSF
from ..restoration.base import Method, methods
from ..signal.edges import pad_and_taper
from ..signal.fourier import Blur, fast_shape
from ..signal.gradients import gradient, gradient_power
from ..signal.strong_edges import l0_edges
from .kernel_fit import fit_kernel

_EDGE_PRICE = 2e-3
"""On the unit scale squared; both were chosen on bsds500/train: PSFs 5 % to 20 % wrong, estimates
of camera shake, and exact PSFs, which should stay as they are."""
_RIDGE = 5.0
_FLOOR = 0.05
_MOST_ROUNDS = 20


def refine(
    image: Any,
    psf: Any,
    method: Any = "hyper-laplacian",
    rounds: int = 3,
    *,
    axes: str | None = None,
    noise: float | None = None,
    spacing: Sequence[float] | None = None,
    device: str = "auto",
    progress: Callable[[Step], None] | None = None,
) -> NDArray[np.float32]:
    """Refine a PSF on the image it is for; ``deconvolve(..., refine_psf=3)`` does so by itself.

    Parameters
    ----------
    image : array_like
        Blurred image or stack.
    psf : ndarray or PSF
        2-D or 3-D, nearly right: some pixels of its values may be wrong, or its width by a tenth.
    method : str or Method
        What restores the image in between.
    rounds : int
        Restorations, 1 to 20.
    axes, noise, spacing, device, progress
        As for `deconvolve`.

    Returns
    -------
    ndarray
        float32, the PSF's shape, unit sum.

    Raises
    ------
    DeconvError
        As `deconvolve`, and if the image is flat.
    """
    methods()
    chosen = Method.make(method) if isinstance(method, str) else method
    kernel = check_psf(psf() if isinstance(psf, PSF) else psf, chosen)
    with translated(chosen):
        return drain(
            refined_psf(
                chosen, image, kernel, rounds,
                axes=axes, noise=noise, spacing=spacing, device=device,
            ),
            progress,
        )  # fmt: skip


def refined_psf(
    method: Solver,
    image: Any,
    psf: Any,
    rounds: int,
    **options: Unpack[Options],
) -> Generator[Step, None, NDArray[np.float32]]:
    """Move a PSF that is nearly right towards the one that explains the image's edges.

    On the part of the image that varies most, per round: restore it with the method, keep its
    strong edges only (`l0_edges`: what a wrong PSF leaves beside an edge is weak), and fit the PSF
    that blurs these into the edges that were seen, drawn to the PSF that was given (`fit_kernel`).

    Parameters
    ----------
    method, image, psf, options
        As in `engine.stream`.
    rounds : int
        How often, 1 to 20.

    Yields
    ------
    Step
        Of every restoration.

    Returns
    -------
    ndarray
        float32 of the PSF's shape and unit sum.

    Raises
    ------
    DeconvError
        If the image is flat, or as `engine.stream`.
    """
    if not 1 <= rounds <= _MOST_ROUNDS:
        raise DeconvError(f"refine_psf = {rounds} rounds.", f"Give 0 (off) to {_MOST_ROUNDS}.")
    kernel = given = unit_psf(psf).astype(np.float32)
    image, options = with_mask(image, options)
    part, letters, hidden = _part(image, options, kernel.shape)
    options = {**options, "axes": letters, "unseen": hidden, "nan": "refuse"}
    where = choose_device(options.get("device", "auto"))
    for number in range(rounds):
        run = stream(method, part, kernel, **options)
        label = f"refining the PSF, {number + 1} of {rounds}"
        restored = yield from changed_steps(run, partial(replace, label=label))
        kernel = _fitted(restored.data, part, hidden, given, kernel, letters, where)
    return kernel


def _part(
    image: Any, options: Options, psf_shape: tuple[int, ...]
) -> tuple[NDArray[np.float32], str, Hidden | None]:
    """The part of an image that varies most, its axes, and which of its pixels are unseen."""
    if not isinstance(getattr(image, "dtype", None), np.dtype):
        image = as_array("The image", image)
    layout = parse_axes(tuple(image.shape), options.get("axes"), len(psf_shape))
    unseen = Unseen.of(image, layout, options.get("unseen"), options.get("nan", "refuse"))
    _, block = survey(image, layout, unseen)
    chosen = block[excerpt(block.pixels, psf_shape)]
    part = np.moveaxis(chosen.pixels, 0, -1).astype(np.float32)
    hidden = None if chosen.hidden is None else np.moveaxis(chosen.hidden, 0, -1)
    if part.min() == part.max():
        raise DeconvError("The image is flat where it was looked at.", "Switch refining off.")
    letters = "ZYX"[-len(psf_shape) :]
    if part.shape[-1] > 1:
        return part, letters + "S", hidden
    return part[..., 0], letters, None if hidden is None else hidden[..., 0]


def _fitted(
    restored: NDArray[Any],
    seen: NDArray[np.float32],
    hidden: Hidden | None,
    given: NDArray[np.float32],
    kernel: NDArray[np.float32],
    letters: str,
    device: torch.device,
) -> NDArray[np.float32]:
    """The PSF between the strong edges of a restoration and what was seen."""
    low, high = np.percentile(seen, [0.1, 99.9])
    span = max(float(high - low), 1e-12)
    x, y = (_channels((a - low) / span, letters, device) for a in (restored, seen))
    rings = tuple(n // 2 for n in given.shape)
    grid = fast_shape([n + 3 * r for n, r in zip(y.shape[1:], rings, strict=True)])
    x, y = (pad_and_taper(a, grid, rings, float(a.mean())) for a in (x, y))
    observed = torch.zeros((1, *grid), device=device)
    window = (slice(None), *(slice(r, r + n) for r, n in zip(rings, seen.shape, strict=False)))
    observed[window] = _good(seen, hidden, letters, device)
    both = torch.stack([observed * observed.roll(-1, axis) for axis in range(1, observed.ndim)])
    inner = _eroded(both.amin(0), given.shape)
    delta = torch.zeros([1] * given.ndim, device=device) + 1
    edges = l0_edges(x, Blur(delta, grid), gradient_power(grid, device=device), _EDGE_PRICE)
    prior, start = (torch.as_tensor(k, device=device) for k in (given, kernel))
    fitted = fit_kernel(
        gradient(edges) * inner, gradient(y) * both, start, ridge=_RIDGE, near=prior
    )
    # Where there was nothing, a little is noise.
    fitted[(prior < _FLOOR * prior.max() / 10) & (fitted < _FLOOR * fitted.max())] = 0
    total = float(fitted.sum())
    return (fitted / total).cpu().numpy() if total > 0 and math.isfinite(total) else kernel


def _channels(values: NDArray[Any], letters: str, device: torch.device) -> torch.Tensor:
    """``(C, [Z,] Y, X)`` float32."""
    planes = np.moveaxis(values, -1, 0) if letters.endswith("S") else values[None]
    return torch.as_tensor(np.ascontiguousarray(planes, np.float32), device=device)


def _good(
    seen: NDArray[np.float32], hidden: Hidden | None, letters: str, device: torch.device
) -> torch.Tensor:
    """1 where there was a sensor, and it not clipped: equal brightest values are, not one alone."""
    top = seen == seen.max()
    clipped = top if np.count_nonzero(top) > max(3, 1e-4 * seen.size) else np.zeros_like(top)
    if hidden is not None:
        clipped = clipped | hidden
    if letters.endswith("S"):
        clipped = clipped.any(-1)
    return torch.as_tensor(~clipped, device=device, dtype=torch.float32)


def _eroded(mask: torch.Tensor, psf_shape: tuple[int, ...]) -> torch.Tensor:
    """1 where a whole PSF about a pixel lies on ones."""
    from scipy.ndimage import minimum_filter

    sizes = [2 * (n // 2) + 1 for n in psf_shape]
    inner = minimum_filter(mask[0].cpu().numpy(), sizes, mode="wrap")
    return torch.as_tensor(inner, device=mask.device)[None]
