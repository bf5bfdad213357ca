"""Which of several searches is believed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_deconv.core.engine import drain
from napari_deconv.estimation.starts import best_start, spread
from napari_deconv.psf import Disk, Gaussian


def test_spread_is_the_standard_deviation_along_both_axes() -> None:
    assert spread(np.asarray(Gaussian(sigma_px=2.0)(), float)) == pytest.approx(8**0.5, abs=0.1)


@pytest.mark.parametrize(("gain", "right"), [(1.0, 3.0), (400.0, 9.0)])
def test_a_wide_kernel_has_to_suit_the_spectrum_much_better(gain: float, right: float) -> None:
    found = [np.asarray(Disk(radius_px=r)(), float) for r in (3.0, 9.0, 9.0)]
    offered = iter(found)

    class Spectrum:
        size = 63

        def deviance(self, kernel: Any) -> tuple[float, ...]:
            return (-gain if kernel.shape == found[1].shape else 0.0,)

    def search(tuning: Any) -> Any:
        yield from ()
        return next(offered), np.zeros((1, 2))

    kernel, _, every = drain(best_start(search, Spectrum()))  # type: ignore[arg-type]
    assert kernel.shape == np.asarray(Disk(radius_px=right)()).shape
    assert len(every) == 3
