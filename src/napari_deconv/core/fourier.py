"""Convolution with a PSF on a padded grid, by real FFTs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from .errors import Cancelled


def fast_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """The next sizes, per axis, whose FFT is fast."""
    return tuple(int(next_fast_len(int(n), real=True)) for n in shape)


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
        self._cancel = cancel

    @cached_property
    def otf(self) -> Tensor:
        """Half spectrum of the PSF on the grid, complex64, ``(*grid[:-1], grid[-1] // 2 + 1)``."""
        placed = self.psf.new_zeros(self.grid)
        placed[tuple(slice(0, n) for n in self.psf.shape)] = self.psf
        shift = [-(n // 2) for n in self.psf.shape]
        return torch.fft.rfftn(torch.roll(placed, shift, dims=self.axes))

    def fft(self, x: Tensor) -> Tensor:
        """Half spectrum over the spatial axes."""
        self.check()
        return torch.fft.rfftn(x, dim=self.axes)

    def ifft(self, spectrum: Tensor) -> Tensor:
        """Inverse of `fft`, real, on the grid."""
        self.check()
        return torch.fft.irfftn(spectrum, s=self.grid, dim=self.axes)

    def forward(self, x: Tensor) -> Tensor:
        """``A x``: ``x`` blurred. Leading axes are batch."""
        return self.ifft(self.fft(x) * self.otf)

    def adjoint(self, x: Tensor) -> Tensor:
        """``A^T x``: correlation with the PSF, flipped in every axis."""
        return self.ifft(self.fft(x) * self.otf.conj())

    def filter(self, x: Tensor, response: Tensor) -> Tensor:
        """``x`` filtered with a half-spectrum ``response``."""
        return self.ifft(self.fft(x) * response)

    def check(self) -> None:
        """Raise `Cancelled` if the person asked to stop."""
        if self._cancel is not None and self._cancel.is_set():
            raise Cancelled

    @cached_property
    def laplacian(self) -> Tensor:
        """Sum of the squared moduli of the circular differences ``[1, -1]``, half spectrum."""
        total = torch.zeros(1, device=self.psf.device)
        for axis, n in enumerate(self.grid):
            last = axis == len(self.grid) - 1
            m = n // 2 + 1 if last else n
            k = torch.arange(m, device=self.psf.device, dtype=torch.float64)
            term = (2 - 2 * torch.cos(2 * np.pi * k / n)).float()
            total = total + term.reshape([-1] + [1] * (len(self.grid) - 1 - axis))
        return total
