"""Muon: steepest descent for matrices, which wide layers take in fewer steps than AdamW."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ..core.precision import FLOAT32, Precision

_MOMENTUM = 0.95
_STEPS = 5
_CURVE = (3.4445, -4.7750, 2.0315)
"""Of an odd polynomial, steep at 0, whose iterates lift small singular values to near 1."""


class Muon(torch.optim.Optimizer):
    """Momentum whose every step has singular values near 1.

    K. Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024.

    As `torch.optim.Muon` without weight decay, but it takes the filters of convolution layers too,
    as matrices of one row per map.

    Parameters
    ----------
    params : iterable
        Tensors of two or more axes, or groups of them.
    lr : float
        Spectral norm of a step.
    precision : Precision
        Number format of the products.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, precision: Precision = FLOAT32
    ) -> None:
        super().__init__(params, {"lr": lr})
        self._precision = precision

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Move all parameters that have a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group["lr"])

    def _move(self, parameter: nn.Parameter, rate: float) -> None:
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None
        if "mean" not in state:
            state["mean"] = torch.zeros_like(parameter)
        mean = state["mean"]
        mean.lerp_(gradient, 1 - _MOMENTUM)
        ahead = gradient.lerp(mean, _MOMENTUM).flatten(1)
        rows, columns = ahead.shape
        step = orthogonal(ahead, self._precision).view_as(parameter)
        parameter.add_(step, alpha=-rate * max(1.0, rows / columns) ** 0.5)


def orthogonal(matrix: Tensor, precision: Precision = FLOAT32) -> Tensor:
    """The matrix with singular values near 1 (0.7 to 1.2), by Newton-Schulz iterations.

    Parameters
    ----------
    matrix : Tensor
        ``(rows, columns)``.
    precision : Precision
        Number format of the products.
    """
    a, b, c = _CURVE
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = precision.narrowed(wide)
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(_STEPS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return (x if wide is matrix else x.T).to(matrix.dtype)
