"""Tiles cover the image once and stay within the budget."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_deconv.core.errors import DeconvError
from napari_deconv.engine.tiling import plan_tiles


def cost(shape: tuple[int, ...]) -> int:
    return 4 * math.prod(shape)


@given(
    shape=st.lists(st.integers(1, 300), min_size=2, max_size=3).map(tuple),
    halo=st.integers(0, 12),
    budget=st.integers(60_000, 400_000),
)
def test_cores_cover_once_with_their_halo_within_budget(shape, halo, budget) -> None:  # type: ignore[no-untyped-def]
    try:
        plan = plan_tiles(shape, (halo,) * len(shape), cost, budget)
    except DeconvError:
        assert cost(tuple(min(n, 33 + 2 * (halo // 3)) for n in shape)) > budget
        return
    assert cost(plan.largest) <= budget
    covered = np.zeros(shape, int)
    for tile in plan.tiles():
        covered[tile.core] += 1
        assert (np.empty(shape)[tile.read][tile.crop]).shape == covered[tile.core].shape
        for c, r, n, h in zip(tile.core, tile.read, shape, plan.halo, strict=True):
            assert r.start == max(0, c.start - h) and r.stop == min(n, c.stop + h)
        assert cost(tuple(s.stop - s.start for s in tile.read)) <= budget
    assert (covered == 1).all()


def test_a_budget_that_cannot_be_met_is_named() -> None:
    with pytest.raises(DeconvError, match="memory budget"):
        plan_tiles((1000, 1000), (50, 50), cost, 1000)


def test_a_tight_budget_takes_a_part_of_the_halo() -> None:
    assert plan_tiles((400, 400), (90, 90), cost, 4 * 300**2).halo == (90, 90)
    assert plan_tiles((400, 400), (90, 90), cost, 4 * 160**2).halo == (45, 45)
