"""Which of several searches is believed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from napari_deconv.engine.streaming import drain
from napari_deconv.estimation import starts
from napari_deconv.estimation.kernel import likeness
from napari_deconv.estimation.restored import Restored
from napari_deconv.estimation.starts import Ended, agreed, believed, best_start, ringing, spread
from napari_deconv.psf import PSF, Disk, Gaussian, Motion


def test_spread_is_the_standard_deviation_along_both_axes() -> None:
    assert spread(np.asarray(Gaussian(sigma_px=2.0)(), float)) == pytest.approx(8**0.5, abs=0.1)


@dataclass(frozen=True)
class Told:
    """Stands for a spectrum that suits the wide kernels better, by so much."""

    gain: float
    noise: float = 1.0
    size: int = 63
    count: float = 1.0

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


def searched(monkeypatch: pytest.MonkeyPatch, offered: list[Any], **options: Any) -> Any:
    """What is made of the kernels that searches end in; wide ones ring, if `WIDE` itself does."""

    def restored(plane: Any, psf: Any) -> Any:
        yield from ()
        return Restored(1.0, 1.0, 0.2 if psf is WIDE else 0.1, 0.0)

    def search(tuning: Any, bound: int) -> Any:
        yield from ()
        bounds.append(bound)
        return next(queue), np.zeros((1, 2))

    bounds: list[int] = []
    queue = iter(offered)
    monkeypatch.setattr(starts, "restored", restored)
    options = {"sizes": (25,), "narrow": (), "plane": None, "spectrum": Told(1.0), **options}
    return drain(best_start(search, **options)), bounds


def test_every_start_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    (ended, last, every), _ = searched(monkeypatch, [SMALL, WIDE, WIDE])
    assert ended.kernel is WIDE
    assert len(last) == len(every) == 3


def test_more_room_is_given_to_a_kernel_that_fills_its_own(monkeypatch) -> None:
    offered = [WIDE, OTHER, SMALL, SMALL]
    (_, wide, _), bounds = searched(monkeypatch, offered, sizes=(19, 75))
    assert bounds == [19, 75, 19, 19] and wide[0].kernel is OTHER


def test_a_search_that_fills_the_widest_bound_is_dropped(monkeypatch) -> None:
    (ended, wide, _), _ = searched(monkeypatch, [WIDE, WIDE, SMALL, WIDE, WIDE], sizes=(17, 19))
    assert ended.kernel is SMALL and len(wide) == 1
    (ended, wide, _), _ = searched(monkeypatch, [WIDE] * 6, sizes=(17, 19))
    assert [each.bound for each in wide] == [17] * 3


@pytest.mark.parametrize(("gain", "right"), [(1.0, SMALL), (90.0, WIDE)])
def test_a_narrow_kernel_is_believed_where_the_wide_one_rings(gain, right, monkeypatch) -> None:
    offered = [WIDE] * 3 + [SMALL] * 3
    told = Told(gain)
    (ended, _, _), bounds = searched(monkeypatch, offered, narrow=(9, 11, 15), spectrum=told)
    assert ended.kernel is right and bounds[3:] == [9, 11, 15]


def test_ringing_and_values_that_no_photo_has_cost() -> None:
    assert ringing(0.2, 0.0) > ringing(0.1, 0.0) < ringing(0.1, 0.1)
    assert ringing(math.nan, 0.0) == math.inf


def test_agreement_is_with_those_that_had_room() -> None:
    every = [Ended(k, np.zeros((1, 2)), b) for k, b in ((WIDE, 25), (SMALL, 9), (WIDE, 25))]
    assert agreed(every[0], every) == pytest.approx(1)
    assert agreed(every[0], every[:2]) == 0


def test_likeness_is_one_for_a_shifted_kernel_and_falls_for_another() -> None:
    moved = np.pad(OTHER, ((3, 0), (0, 5)))
    assert likeness(OTHER, moved) == pytest.approx(1)
    assert likeness(SMALL, OTHER) < 0.6
