"""Generated fluorescence: reproducible, positive, varied, periodic."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_deconv.core.errors import DeconvError
from napari_deconv.degradation.structures import Structures


@pytest.mark.parametrize("kind", Structures().kinds)
def test_every_kind_is_a_pure_positive_function_of_the_generator(kind: str) -> None:
    spec = Structures(kinds=(kind,))
    first, again = (spec.draw((40, 57), np.random.default_rng(3)) for _ in range(2))
    assert_array_equal(first, again)
    assert first.shape == (40, 57) and first.dtype == np.float32
    assert first.min() > 0 and np.isfinite(first).all() and first.std() > 0.01


def test_planes_are_sparse_bright_and_periodic() -> None:
    rng = np.random.default_rng(0)
    planes = [Structures(background_high=0.1).draw((64, 64), rng) for _ in range(20)]
    assert all(1 <= plane.max() < 3 for plane in planes)
    assert np.median([np.median(plane) / plane.max() for plane in planes]) < 0.4
    seam = np.mean([np.abs(p[0] - p[-1]).mean() for p in planes])
    assert seam < 1.5 * np.mean([np.abs(np.diff(p, axis=0)).mean() for p in planes])


def test_unknown_kinds_and_swapped_ranges_are_named() -> None:
    with pytest.raises(DeconvError, match=r"'cells'.*spots"):
        Structures(kinds=("cells",))
    with pytest.raises(DeconvError, match="fine_px is above coarse_px"):
        Structures(fine_px=3.0, coarse_px=1.0)
