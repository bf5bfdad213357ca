"""Muon: steps of a matrix whose singular values are near 1."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_deconv.train.muon import Muon, orthogonal

side = st.integers(1, 40)


@given(side, side, st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_singular_values_come_near_one_and_directions_stay(
    rows: int, columns: int, seed: int
) -> None:
    matrix = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    found = left.T @ orthogonal(matrix) @ right.T
    large = values > 0.05 * values.norm()  # five iterations do not lift what is next to nothing
    diagonal = found.diagonal()[large]
    assert diagonal.min() > 0.5 and diagonal.max() < 1.3
    assert (found - found.diagonal().diag()).abs().max() < 0.1


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has none to compare with")
@pytest.mark.parametrize("shape", [(12, 30), (30, 12)])
def test_its_steps_are_those_of_torch(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    ours, theirs = (torch.nn.Parameter(torch.ones(shape)) for _ in range(2))
    target = torch.randn(shape)
    both = Muon([ours], lr=0.02), torch.optim.Muon([theirs], lr=0.02, weight_decay=0.0)
    for _ in range(10):
        for weight, optimiser in zip((ours, theirs), both, strict=True):
            optimiser.zero_grad()
            (weight - target).square().sum().backward()
            optimiser.step()
    # They went 0.2 in bfloat16.
    torch.testing.assert_close(ours, theirs, atol=0.01, rtol=0)


def test_filters_of_a_layer_are_a_matrix_of_one_row_per_map() -> None:
    torch.manual_seed(0)
    flat = torch.nn.Parameter(torch.zeros(8, 27))
    filters = torch.nn.Parameter(torch.zeros(8, 3, 3, 3))
    gradient = torch.randn(8, 27)
    flat.grad, filters.grad = gradient, gradient.view(8, 3, 3, 3)
    for weight in (flat, filters):
        Muon([weight], lr=0.1).step()
    assert torch.equal(flat.detach(), filters.detach().flatten(1))
    assert torch.linalg.matrix_norm(flat.detach(), 2) < 0.13
