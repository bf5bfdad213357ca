"""Convolution with a PSF on a padded grid, by real FFTs."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cached_property, partial

import torch
from torch import Tensor

from ..core.errors import Cancelled
from .good_sizes import LAST, OTHER
from .transform import SlabFFT, empty, multiplied, real_rows, splits, transform_


def fast_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """The next sizes, per axis, whose FFT is fast, as measured; the last one even (or 1)."""
    *rest, last = (int(n) for n in shape)
    return (*(_fast(n, OTHER) for n in rest), _fast(last, LAST) if last > 1 else 1)


def _fast(n: int, sizes: Sequence[int]) -> int:
    times = 1
    while n > times * sizes[-1]:
        times *= 2
    return times * sizes[bisect_left(sizes, -(-n // times))]


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
        return self._synthesised(self._filtered(batch, response)).view(x.shape)

    def each_filtered(
        self, x: Tensor, response: Tensor, after: Callable[[Tensor, slice], None]
    ) -> None:
        """Hand ``x`` filtered with a half-spectrum ``response`` to ``after``, as `sandwich` does.

        ``after`` may not write to ``x``.
        """
        if not (splits(x, len(self.grid)) and splits(response, len(self.grid))):
            return after(self.filter(x, response), slice(0, self.grid[0]))
        slabs, spectrum = self._slabs, self._filtered(x, response)
        slabs.rows(lambda rows: after(slabs.synthesise(spectrum[:, rows]), rows), len(x))
        return None

    def sandwich(
        self,
        x: Tensor,
        between: Callable[[Tensor, slice], Tensor],
        after: Callable[[Tensor, slice], None],
        within: slice | None = None,
        back: Tensor | None = None,
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
        within : slice, optional
            Part of the first spatial axis outside which ``between`` gives 0, and so need not be
            called.
        back : Tensor, optional
            Half spectrum to go back with in place of ``A^T``.
        """
        if not splits(x, len(self.grid)):
            everything = slice(0, self.grid[0])
            blurred = between(self.forward(x), everything)
            return after(
                self.adjoint(blurred) if back is None else self.filter(blurred, back), everything
            )
        slabs, spectrum = self._slabs, self._filtered(x, self.otf)
        response, conjugate = (self.otf, True) if back is None else (back, False)
        # In one go or by rows, the transform reads what the rows' own part of the spectrum held.
        room = real_rows(spectrum, self.grid[-1]) if slabs.whole else None

        def through(rows: slice) -> None:
            inside = between(slabs.synthesise(spectrum[:, rows]), rows)
            if room is None:
                spectrum[:, rows] = slabs.analyse(inside)
            else:
                room[:, rows] = inside

        slabs.rows(through, len(x), within)
        if within is not None:
            spectrum[:, : within.start] = 0
            spectrum[:, within.stop :] = 0
        if room is None:
            self._respond(spectrum, response, conjugate, out=spectrum)
        else:
            self._filtered(room, response, conjugate)
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

    def _filtered(self, x: Tensor, response: Tensor, conjugate: bool = False) -> Tensor:
        """``x`` with a response, transformed over all but its first spatial axis."""
        work = self._work(len(x))
        if self._slabs.whole:
            self.check()
            source = torch.fft.rfftn(x, dim=self.axes)
        else:
            source = self._analysed(x, work)
        self._respond(source, response, conjugate, out=work)
        return work

    def _respond(
        self, spectrum: Tensor, response: Tensor, conjugate: bool = False, *, out: Tensor
    ) -> None:
        """Multiply and undo the first axis, chunk by chunk.

        Where ``spectrum`` is ``out``, its first axis is still to be transformed.
        """

        def respond(columns: Tensor, factor: Tensor, target: Tensor) -> None:
            if spectrum is out:
                transform_(columns)
            multiplied(columns, factor, target, conjugate)
            transform_(target, inverse=True)

        self._slabs.columns(respond, spectrum, response, out)

    def _synthesised(self, spectrum: Tensor) -> Tensor:
        x = empty((len(spectrum), *self.grid))

        def synthesise(rows: slice) -> None:
            x[:, rows] = self._slabs.synthesise(spectrum[:, rows])

        self._slabs.rows(synthesise, len(x))
        return x


def _check(cancel: threading.Event | None) -> None:
    if cancel is not None and cancel.is_set():
        raise Cancelled
