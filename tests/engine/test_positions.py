"""Positions on looped axes: found by their number, never walked or listed."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest

from napari_deconv.blocks.grid import Grid
from napari_deconv.engine.axes import parse_axes
from napari_deconv.engine.intensity import survey

MANY = 50_000_000


@pytest.mark.parametrize("axes", ["TCYX", "TYCX", "CZYX", "YX"])
def test_items_come_in_the_order_of_nested_loops(axes: str) -> None:
    sizes = {"T": 3, "C": 2, "Z": 4, "Y": 5, "X": 6}
    layout = parse_axes(tuple(sizes[a] for a in axes), axes, 2)
    looped = [a for a in axes if a not in "YX"]
    expected = [
        dict(zip(looped, place, strict=True))
        for place in itertools.product(*(range(sizes[a]) for a in looped))
    ]
    assert list(layout.items()) == expected
    assert [layout.item(n) for n in range(layout.count)] == expected


def test_a_block_is_found_without_those_before_it() -> None:
    layout = parse_axes((MANY, 8, 8), "TYX", 2)
    tracemalloc.start()
    item, _ = Grid(layout, (8, 8), (0, 0)).block(MANY - 1)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert item == {"T": MANY - 1}
    assert most < 100_000


class Endless:
    """A lazy image of many small planes, each a ramp."""

    shape, dtype, ndim = (MANY, 8, 8), np.dtype("u2"), 3

    def __getitem__(self, index: tuple[int, slice, slice]) -> np.ndarray:
        plane, *region = index
        return (np.arange(64, dtype="u2").reshape(8, 8) + np.uint16(plane % 7))[tuple(region)]


def test_a_survey_of_a_long_series_takes_little_memory() -> None:
    tracemalloc.start()
    intensity, block = survey(Endless(), parse_axes(Endless.shape, "TYX", 2))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2_000_000
    assert block.pixels.shape == (1, 8, 8) and 63 <= intensity.high <= 69
