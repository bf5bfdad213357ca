"""Convolution with a PSF on a padded grid, by real FFTs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property, partial

import torch
from torch import Tensor

from ..core.errors import Cancelled
from .transform import SlabFFT, empty, splits, transform_


def fast_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """The next sizes, per axis, whose FFT is fast: factors 2, 3, 5 and 7 only, the last even."""
    *rest, last = (int(n) for n in shape)
    return (*map(_fast, rest), 2 * _fast(-(-last // 2)) if last > 1 else 1)


def _fast(n: int) -> int:
    while True:
        rest = n
        for factor in (2, 3, 5, 7):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return n
        n += 1


class Blur:
    """Circular true convolution with a PSF and its adjoint, on one grid.

    The PSF's centre is its pixel ``size // 2`` on every axis, so a delta there is the identity.

    Parameters
    ----------
    psf : Tensor
        float32 of 2 or 3 dimensions, smaller than or equal to the grid.
    grid : sequence of int
        Shape of the spatial axes.
    cancel : threading.Event, optional
        When set, the next transform raises `Cancelled`.
    """

    def __init__(
        self, psf: Tensor, grid: Sequence[int], cancel: threading.Event | None = None
    ) -> None:
        self.psf = psf
        self.grid = tuple(int(n) for n in grid)
        self.axes = tuple(range(-psf.ndim, 0))
        self._half = (*self.grid[:-1], self.grid[-1] // 2 + 1)
        self._cancel = cancel
        # Bound to the event and not to self: a cycle would keep the spectra until the next sweep.
        self._slabs = SlabFFT(self.grid, partial(_check, cancel))
        self._kept: Tensor | None = None

    @cached_property
    def otf(self) -> Tensor:
        """Half spectrum of the PSF on the grid, complex64, ``(*grid[:-1], grid[-1] // 2 + 1)``."""
        # Only the rows that hold the PSF need their last axes transformed; one at a time, because
        # what a large temporary array takes, the allocator may keep.
        lead, *inner = self.psf.shape
        otf = self.psf.new_zeros(self._half, dtype=torch.complex64)
        placed = self.psf.new_zeros(self.grid[1:])
        corner = tuple(slice(0, n) for n in inner)
        back, axes = [-(n // 2) for n in inner], self.axes[1:]
        for row in range(lead):
            placed[corner] = self.psf[row]
            otf[(row - lead // 2) % self.grid[0]] = torch.fft.rfftn(placed.roll(back, axes))
        if not splits(otf, len(self.grid)):
            return torch.fft.fft(otf, dim=0)
        self._slabs.columns(transform_, otf)
        return otf

    def fft(self, x: Tensor) -> Tensor:
        """Half spectrum over the spatial axes."""
        self.check()
        if not splits(x, len(self.grid)):
            return torch.fft.rfftn(x, dim=self.axes)
        batch = x.reshape(-1, *self.grid)
        spectrum = self._analysed(batch, self._slabs.spectrum(len(batch)))
        self._slabs.columns(transform_, spectrum)
        return spectrum.view(*x.shape[: x.ndim - len(self.grid)], *spectrum.shape[1:])

    def ifft(self, spectrum: Tensor) -> Tensor:
        """Inverse of `fft`, real, on the grid."""
        self.check()
        if not splits(spectrum, len(self.grid)):
            return torch.fft.irfftn(spectrum, s=self.grid, dim=self.axes)
        half = spectrum.shape[spectrum.ndim - len(self.grid) :]
        batch = spectrum.reshape(-1, *half).contiguous()
        work = self._slabs.spectrum(len(batch))

        def invert(target: Tensor, source: Tensor) -> None:
            transform_(target.copy_(source), inverse=True)

        self._slabs.columns(invert, work, batch)
        x = self._synthesised(work)
        return x.view(*spectrum.shape[: spectrum.ndim - len(self.grid)], *self.grid)

    def forward(self, x: Tensor) -> Tensor:
        """``A x``: ``x`` blurred. Leading axes are batch."""
        return self.filter(x, self.otf)

    def adjoint(self, x: Tensor) -> Tensor:
        """``A^T x``: correlation with the PSF, flipped in every axis."""
        return self.filter(x, self.otf.conj())

    def filter(self, x: Tensor, response: Tensor) -> Tensor:
        """``x`` filtered with a half-spectrum ``response``."""
        shared = response.shape == self._half
        if not (shared and splits(x, len(self.grid)) and splits(response, len(self.grid))):
            spectrum = self.fft(x)
            tracked = spectrum.requires_grad or response.requires_grad
            return self.ifft(
                spectrum * response if tracked or not shared else spectrum.mul_(response)
            )
        batch = x.reshape(-1, *self.grid)
        spectrum = self._analysed(batch, self._work(len(batch)))
        self._respond(spectrum, response)
        return self._synthesised(spectrum).view(x.shape)

    def sandwich(
        self,
        x: Tensor,
        between: Callable[[Tensor, slice], Tensor],
        after: Callable[[Tensor, slice], None],
    ) -> None:
        """Hand ``A^T between(A x)`` to ``after``, with no array of the grid's size in between.

        Both functions must act on every pixel for itself: they get the pixels of some rows,
        ``(C, n, ...)``, and the slice of the first spatial axis those are, in any order and
        several at a time. ``after`` may write to ``x``.

        Parameters
        ----------
        x : Tensor
            ``(C, *grid)``.
        between : callable
            Rows of ``A x`` to the rows that `adjoint` shall see; may work in place.
        after : callable
            Takes rows of the result.
        """
        if not splits(x, len(self.grid)):
            everything = slice(0, self.grid[0])
            return after(self.adjoint(between(self.forward(x), everything)), everything)
        slabs, spectrum = self._slabs, self._analysed(x, self._work(len(x)))

        def through(rows: slice) -> None:
            inside = between(slabs.synthesise(spectrum[:, rows]), rows)
            spectrum[:, rows] = slabs.analyse(inside)

        self._respond(spectrum, self.otf)
        slabs.rows(through, len(x))
        self._respond(spectrum, self.otf.conj())
        slabs.rows(lambda rows: after(slabs.synthesise(spectrum[:, rows]), rows), len(x))
        return None

    def each(self, work: Callable[[slice], None], batch: int = 1) -> None:
        """Run ``work`` on slices that cover the first spatial axis, in parallel on a CPU."""
        if self.psf.device.type == "cpu":
            self._slabs.rows(work, batch)
        else:
            work(slice(0, self.grid[0]))

    def check(self) -> None:
        """Raise `Cancelled` if the person asked to stop."""
        _check(self._cancel)

    def _work(self, batch: int) -> Tensor:
        """A spectrum to work in, kept: faulting in fresh pages costs as much as a transform."""
        if self._kept is None or len(self._kept) != batch:
            self._kept = self._slabs.spectrum(batch)
        return self._kept

    def _analysed(self, x: Tensor, spectrum: Tensor) -> Tensor:
        """``spectrum``, filled with ``x`` transformed over all but its first spatial axis."""

        def analyse(rows: slice) -> None:
            spectrum[:, rows] = self._slabs.analyse(x[:, rows])

        self._slabs.rows(analyse, len(x))
        return spectrum

    def _respond(self, spectrum: Tensor, response: Tensor) -> None:
        """Finish the transform, multiply and undo the first axis, chunk by chunk."""

        def respond(columns: Tensor, factor: Tensor) -> None:
            transform_(columns)
            transform_(columns.mul_(factor), inverse=True)

        self._slabs.columns(respond, spectrum, response)

    def _synthesised(self, spectrum: Tensor) -> Tensor:
        x = empty((len(spectrum), *self.grid))

        def synthesise(rows: slice) -> None:
            x[:, rows] = self._slabs.synthesise(spectrum[:, rows])

        self._slabs.rows(synthesise, len(x))
        return x


def _check(cancel: threading.Event | None) -> None:
    if cancel is not None and cancel.is_set():
        raise Cancelled
