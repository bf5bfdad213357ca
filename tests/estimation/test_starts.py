"""Which of several searches is believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from napari_deconv.engine.streaming import drain
from napari_deconv.estimation.kernel import likeness
from napari_deconv.estimation.starts import believed, best_start, spread
from napari_deconv.psf import PSF, Disk, Gaussian, Motion


def test_spread_is_the_standard_deviation_along_both_axes() -> None:
    assert spread(np.asarray(Gaussian(sigma_px=2.0)(), float)) == pytest.approx(8**0.5, abs=0.1)


@dataclass(frozen=True)
class Told:
    """Stands for a spectrum that suits the wide kernels better, by so much."""

    gain: float
    noise: float = 1.0
    size: int = 63

    def deviance(self, kernel: Any) -> tuple[float, ...]:
        return (-self.gain if len(kernel) > 15 else 0.0,)


def kernel(spec: PSF) -> Any:
    return np.asarray(spec(), float)


SMALL, WIDE = kernel(Disk(radius_px=3.0)), kernel(Disk(radius_px=9.0))
OTHER = kernel(Motion(length_px=20.0))


@pytest.mark.parametrize(("gain", "right"), [(1.0, 0), (400.0, 1)])
def test_a_wide_kernel_has_to_suit_the_spectrum_better(gain: float, right: int) -> None:
    assert believed([SMALL, WIDE], Told(gain)) == right  # type: ignore[arg-type]


def test_what_two_searches_found_is_believed_before_the_spectrum() -> None:
    assert believed([SMALL, WIDE, SMALL], Told(400.0)) in (0, 2)  # type: ignore[arg-type]
    assert believed([OTHER, WIDE, SMALL], Told(400.0), agreed=1.0) in (0, 1)  # type: ignore[arg-type]


def test_every_start_is_searched() -> None:
    offered = iter([SMALL, WIDE, WIDE])

    def search(tuning: Any) -> Any:
        yield from ()
        return next(offered), np.zeros((1, 2))

    found, _, every = drain(best_start(search, Told(1.0)))  # type: ignore[arg-type]
    assert found is WIDE or np.array_equal(found, WIDE)
    assert len(every) == 3


def test_likeness_is_one_for_a_shifted_kernel_and_falls_for_another() -> None:
    moved = np.pad(OTHER, ((3, 0), (0, 5)))
    assert likeness(OTHER, moved) == pytest.approx(1)
    assert likeness(SMALL, OTHER) < 0.6
