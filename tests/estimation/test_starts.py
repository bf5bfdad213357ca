"""Which of several searches is believed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from napari_deconv.engine.streaming import drain
from napari_deconv.estimation import starts
from napari_deconv.estimation.kernel import likeness, trimmed
from napari_deconv.estimation.restored import Restored
from napari_deconv.estimation.starts import Ended, agreed, best_start, ringing
from napari_deconv.psf import PSF, Disk, Gaussian, Motion


@dataclass(frozen=True)
class Told:
    """Stands for a spectrum that suits the wide kernels better, by so much."""

    gain: float
    size: int = 63

    def deviance(self, kernel: Any) -> tuple[float, ...]:
        return (-self.gain if len(kernel) > 15 else 0.0,)


def kernel(spec: PSF) -> Any:
    return np.asarray(spec(), float)


SMALL, WIDE = kernel(Disk(radius_px=3.0)), kernel(Disk(radius_px=9.0))
OTHER = kernel(Motion(length_px=20.0))
HUGE = kernel(Disk(radius_px=26.0))


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
    options = {"sizes": (25,), "narrow": (), "plane": None, "spectrum": Told(5.0), **options}
    return drain(best_start(search, **options)), bounds


def test_a_third_start_is_made_only_where_the_first_two_differ(monkeypatch) -> None:
    (_, last, every), _ = searched(monkeypatch, [SMALL, WIDE, WIDE])
    assert len(last) == len(every) == 3
    (_, _, every), _ = searched(monkeypatch, [SMALL, SMALL])
    assert len(every) == 2


def test_no_more_is_searched_where_a_family_suits_the_spectrum_far_better(monkeypatch) -> None:
    offered = [SMALL, WIDE, WIDE, SMALL]
    (_, _, every), bounds = searched(monkeypatch, offered, narrow=(9,), rival=-30.0)
    assert len(every) == 2 and bounds == [25, 25]
    (_, _, every), bounds = searched(monkeypatch, offered, narrow=(9,), rival=-10.0)
    assert bounds == [25, 25, 25, 9]


def test_more_room_is_given_to_a_kernel_that_fills_its_own(monkeypatch) -> None:
    offered = [WIDE, OTHER, SMALL, SMALL]
    (_, wide, _), bounds = searched(monkeypatch, offered, sizes=(19, 75))
    assert bounds == [19, 75, 19, 19] and wide[0].kernel is OTHER


@pytest.mark.parametrize(("gain", "right"), [(1.0, SMALL), (40.0, WIDE)])
def test_the_spectrum_decides_unless_the_restored_photo_rings(gain, right, monkeypatch) -> None:
    offered = [WIDE, WIDE, SMALL, SMALL, SMALL]
    options = {"narrow": (9, 11, 15), "spectrum": Told(gain)}
    (ended, _, _), bounds = searched(monkeypatch, offered, **options)
    assert ended.kernel is right and bounds[2:] == [9, 11, 15]


def test_a_large_kernel_is_believed_only_where_searches_agree(monkeypatch) -> None:
    assert len(HUGE) > starts.LARGE_PX
    options = {"sizes": (75,), "spectrum": Told(40.0)}
    (ended, _, _), _ = searched(monkeypatch, [HUGE, SMALL, SMALL], **options)
    assert ended.kernel is SMALL
    (ended, _, _), _ = searched(monkeypatch, [HUGE, HUGE], **options)
    assert ended.kernel is HUGE


def test_a_kernel_far_larger_than_what_it_holds_is_cut() -> None:
    wide = np.pad(kernel(Gaussian(sigma_px=1.0)), 12)
    wide[0, 0] = 1e-3
    cut = trimmed(wide / wide.sum())
    assert len(cut) < 13 and cut.sum() == pytest.approx(1) and len(cut) % 2
    assert trimmed(WIDE) is WIDE


def test_ringing_and_values_that_no_photo_has_cost() -> None:
    assert ringing(0.2, 0.0) > ringing(0.1, 0.0) < ringing(0.1, 0.1)
    assert ringing(math.nan, 0.0) == math.inf


def test_agreement_is_with_those_that_had_room() -> None:
    every = [Ended(k, np.zeros((1, 2)), b, 0.0) for k, b in ((WIDE, 25), (SMALL, 9), (WIDE, 25))]
    assert agreed(every[0], every) == pytest.approx(1)
    assert agreed(every[0], every[:2]) == 0


def test_likeness_is_one_for_a_shifted_kernel_and_falls_for_another() -> None:
    moved = np.pad(OTHER, ((3, 0), (0, 5)))
    assert likeness(OTHER, moved) == pytest.approx(1)
    assert likeness(SMALL, OTHER) < 0.6
