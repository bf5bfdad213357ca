"""What a method that needs no training reaches on the scenes that a training is validated on."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..engine.problem import Problem
from ..restoration.hyper_laplacian import HyperLaplacian
from .pairs import Batch


@torch.no_grad()
def baseline(exam: Mapping[str, Batch]) -> tuple[float, ...]:
    """Mean PSNR in dB of the hyper-Laplacian with its own choice of weight, scene by scene.

    Parameters
    ----------
    exam : mapping
        Name of a scene -> its pairs, blurred circularly.
    """
    return tuple(round(_psnr(batch), 4) for batch in exam.values())


def _psnr(batch: Batch) -> float:
    parts = batch.split(len(batch.y))
    restored = torch.cat([_restored(part)[None] for part in parts])
    return mean_psnr(restored, batch.truth)


def mean_psnr(estimate: torch.Tensor, truth: torch.Tensor) -> float:
    """Mean over pairs ``(B, C, P, P)`` on the unit scale, in dB; what is too bright is cut off."""
    estimate = estimate.clamp(0, max(1.0, float(truth.max())))
    error = (estimate - truth).square().mean(dim=(1, 2, 3))
    return float((-10 * error.log10()).mean())


def _restored(pair: Batch) -> torch.Tensor:
    """One pair's first part, ``(C, P, P)``."""
    shape = tuple(pair.y.shape[-2:])
    around = torch.fft.irfft2(pair.otf[0, 0], s=shape)
    psf = around.roll(tuple(n // 2 for n in shape), (0, 1)).clamp(min=0)
    problem = Problem(
        seen=pair.y[0], psf=psf, grid=shape, offset=(0, 0), noise=float(pair.noise.mean())
    )
    return [*HyperLaplacian().steps(problem)][-1]
