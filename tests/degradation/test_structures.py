"""Generated fluorescence: reproducible, positive, varied, periodic."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_deconv.core.errors import DeconvError
from napari_deconv.degradation.structures import Structures
from napari_deconv.degradation.volumes import VOLUME_KINDS


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


@pytest.mark.parametrize("kind", VOLUME_KINDS)
def test_every_kind_of_stack_is_a_pure_positive_function_of_the_generator(kind: str) -> None:
    spec = Structures(kinds=(kind,), cell_px=12.0)
    first, again = (spec.stack((9, 20, 17), np.random.default_rng(3), (3, 1, 1)) for _ in range(2))
    assert_array_equal(first, again)
    assert first.shape == (9, 20, 17) and first.dtype == np.float32
    assert first.min() > 0 and np.isfinite(first).all() and first.std() > 0.01


def test_what_is_round_is_flat_where_z_steps_are_coarse() -> None:
    spec = Structures(kinds=("spots",), fine_px=2.0, coarse_px=2.0, background_high=0.003)
    stack = spec.stack((16, 48, 48), np.random.default_rng(5), (4, 1, 1))
    power = np.abs(np.fft.fftn(stack - stack.mean())) ** 2
    z, _, x = (np.fft.fftfreq(n) for n in stack.shape)
    spread = [(power * f**2).sum() for f in (z[:, None, None], x)]
    assert spread[0] > 4 * spread[1]


def test_a_plane_of_what_only_stacks_have_is_refused() -> None:
    with pytest.raises(DeconvError, match="shells are only in stacks"):
        Structures(kinds=("shells",)).draw((16, 16), np.random.default_rng(0))
