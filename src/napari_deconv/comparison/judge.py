"""The figures of one result, taken block by block."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import metrics
from ..core.errors import DeconvError
from .material import Material

_MOST_ITEMS = 16
_MOST_SIDE = {2: 2048, 3: 192}
_LEAST_SSIM = 11

Block = NDArray[Any]
"""``(S, [Z,] Y, X)``."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Judge:
    """Takes the figures of results that all came from one image.

    Of a series at most 16 entries, evenly spaced, and of a large image its middle (at most 2048
    pixels a side, 192 of a volume) are looked at.

    Parameters
    ----------
    material : Material
        Image, PSF and, where there are, truth and repeat.
    noise : float
        Standard deviation of the noise on the image's scale; NaN where unknown.
    align : bool
        Whether to fit results to the truth by factor and offset first.
    border_px : int
        Left out along every spatial edge for PSNR and SSIM; -1 takes half the PSF.
    """

    material: Material
    align: bool = False
    border_px: int = -1

    @cached_property
    def border(self) -> tuple[int, ...]:
        """Pixels left out per spatial axis."""
        half = tuple(n // 2 for n in self.material.psf.shape)
        return half if self.border_px < 0 else (self.border_px,) * len(half)

    @cached_property
    def data_range(self) -> float:
        """The peak of PSNR and SSIM: 255 of 8-bit truths, otherwise the truth's span."""
        truth = self.material.truth
        if truth is None:
            return math.nan
        if np.dtype(truth.dtype) in (np.uint8, np.bool_):
            return 255.0 if truth.dtype == np.uint8 else 1.0
        span = [(float(t.min()), float(t.max())) for t in self._blocks(truth)]
        low, high = min(s[0] for s in span), max(s[1] for s in span)
        # Photos on the unit scale are measured against that scale.
        return 1.0 if low >= 0 and 0.5 < high <= 1 else high - low

    @property
    def scoring(self) -> str:
        """How PSNR and SSIM were taken, in a line; empty without a truth."""
        if self.material.truth is None:
            return ""
        border = " x ".join(map(str, self.border))
        fitted = ", intensities aligned" if self.align else ""
        return f"PSNR and SSIM: data range {self.data_range:g}, border of {border} px left out" + (
            fitted + "."
        )

    @property
    def part(self) -> str:
        """What part of the image the figures are of; empty for the whole."""
        layout = self.material.layout
        cut = [n > _MOST_SIDE[len(layout.spatial)] for n in layout.block_shape]
        if not any(cut) and layout.count <= _MOST_ITEMS:
            return ""
        sizes = " x ".join(str(s.stop - s.start) for s in self._region)
        return f"Figures are of {len(self._items)} of {layout.count} frames, {sizes} px each."

    def figures(
        self, result: Any, noise: float, repeat: Any = None
    ) -> tuple[dict[str, float], list[str]]:
        """Every figure of one result, and in words what could not be taken.

        Parameters
        ----------
        result : array_like
            Of the image's shape.
        noise : float
            Level that the method was told, on the image's scale.
        repeat : array_like, optional
            The result of the second shot.
        """
        takers: list[Callable[[], dict[str, float]]] = [
            partial(self._explained, result, noise),
            partial(self._changed, result),
            partial(self._resolved, result, repeat),
        ]
        if self.material.truth is not None:
            takers.append(partial(self._true, result))
        figures: dict[str, float] = {}
        notes: list[str] = []
        # Side by side: between two methods nothing else is done, and a person waits.
        with ThreadPoolExecutor(len(takers)) as pool:
            for taken in [pool.submit(take) for take in takers]:
                try:
                    figures |= taken.result()
                except DeconvError as error:
                    notes.append(f"Not measured: {error}")
        if "psnr_db" in figures and math.isnan(figures["ssim"]):
            notes.append("No SSIM: less than 11 px are left inside the border. Set a smaller one.")
        return figures, notes

    def _true(self, result: Any) -> dict[str, float]:
        peak = self.data_range
        pairs = zip(self._blocks(result), self._blocks(self.material.truth), strict=True)
        cut = [(self._inner(x), self._inner(t)) for x, t in pairs]
        if self.align:
            cut = [(aligned(x, t), t) for x, t in cut]
        # All frames count alike, so that the mean of their errors is the error of all.
        error = float(np.mean([np.mean((x - t) ** 2) for x, t in cut]))
        db = math.inf if error == 0 else 10 * math.log10(peak**2 / error)
        small = min(cut[0][0].shape[1:]) < _LEAST_SSIM
        ssim = math.nan if small else [metrics.ssim(x, t, peak, channel_axis=0) for x, t in cut]
        return {"psnr_db": db, "ssim": float(np.mean(ssim))}

    def _explained(self, result: Any, noise: float) -> dict[str, float]:
        kernel = self._kernel
        square: list[float] = []
        white: list[float] = []
        for x, y in self._beside_image(result):
            left = metrics.residual(x, y, kernel)
            square.append(float(np.mean(np.square(left, dtype=np.float64))))
            white.append(metrics.whiteness(left, channel_axis=0))
        residual = math.sqrt(float(np.mean(square)))
        return {
            "residual": residual,
            "discrepancy": residual / noise if noise > 0 else math.nan,
            "whiteness": float(np.mean(white)),
        }

    def _changed(self, result: Any) -> dict[str, float]:
        each = []
        for x, y in self._beside_image(result):
            gain = metrics.noise_gain(x, y)
            steps = [np.diff(x.astype(np.float32), axis=axis) for axis in range(1, x.ndim)]
            rough = sum(float(np.mean(np.square(step))) for step in steps)
            total = float(np.sum(y, dtype=np.float64))
            flux = float(np.sum(x, dtype=np.float64)) / total if total else math.nan
            each.append((flux, 100 * metrics.out_of_range(x, y), gain, rough))
        flux, out, gain, rough = np.mean(each, axis=0)
        return {
            "flux_ratio": float(flux),
            "clipped_percent": float(out),
            "noise_gain": float(gain),
            "roughness": math.sqrt(rough),
        }

    def _resolved(self, result: Any, repeat: Any) -> dict[str, float]:
        planes = self._planes(result)
        curve = metrics.frc(planes, None if repeat is None else self._planes(repeat))
        pixels = metrics.frc_resolution(curve)
        size = self.material.pixel_size
        return {"frc_px": pixels, "frc_unit": pixels * size if size else math.nan}

    def _planes(self, result: Any) -> Block:
        """Grey planes ``(N, Y, X)``: the middle eight of a volume."""
        grey = [block.mean(axis=0) for block in self._blocks(result)]
        if grey[0].ndim == 3:
            first = max(0, grey[0].shape[0] // 2 - 4)
            grey = [volume[first : first + 8] for volume in grey]
        planes: Block = np.stack(grey).astype(np.float32)
        return planes.reshape(-1, *planes.shape[-2:])

    def _beside_image(self, result: Any) -> Iterator[tuple[Block, Block]]:
        return zip(self._blocks(result), self._blocks(self.material.image), strict=True)

    def _blocks(self, array: Any) -> Iterator[Block]:
        layout = self.material.layout
        colours = slice(0, layout.colours)
        for item in self._items:
            yield layout.read(array, item, self._region, colours)

    def _inner(self, block: Block) -> NDArray[np.float64]:
        cut: list[slice] = []
        for size, border in zip(block.shape[1:], self.border, strict=True):
            if size <= 2 * border:
                raise DeconvError(
                    f"A border of {border} px leaves nothing of {size} px.", "Set a smaller one."
                )
            cut.append(slice(border, size - border))
        return block[(slice(None), *cut)].astype(np.float64)

    @cached_property
    def _kernel(self) -> NDArray[np.float32]:
        psf = np.asarray(self.material.psf, dtype=np.float64)
        return (psf / psf.sum()).astype(np.float32)

    @cached_property
    def _items(self) -> list[dict[str, int]]:
        layout = self.material.layout
        chosen = np.linspace(0, layout.count - 1, min(layout.count, _MOST_ITEMS)).astype(int)
        return [layout.item(int(i)) for i in chosen]

    @cached_property
    def _region(self) -> tuple[slice, ...]:
        layout = self.material.layout
        most = _MOST_SIDE[len(layout.spatial)]
        starts = [max(0, (n - most) // 2) for n in layout.block_shape]
        return tuple(
            slice(s, s + min(n, most)) for s, n in zip(starts, layout.block_shape, strict=True)
        )


def aligned(estimate: Block, truth: Block) -> NDArray[np.float64]:
    """``a * estimate + b`` nearest to the truth in the mean square; the estimate where it is flat.

    Parameters
    ----------
    estimate, truth : ndarray
        Of one shape.

    Returns
    -------
    ndarray
        float64 of that shape.
    """
    x, t = estimate.astype(np.float64), truth.astype(np.float64)
    spread = float(np.var(x))
    if spread == 0:
        return x
    factor = float(np.mean((x - x.mean()) * (t - t.mean()))) / spread
    matched: NDArray[np.float64] = factor * (x - x.mean()) + t.mean()
    return matched
