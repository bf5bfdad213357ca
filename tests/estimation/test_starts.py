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
from napari_deconv.estimation.starts import Found, agreement, best_start, ringing
from napari_deconv.psf import PSF, Disk, Motion


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


def found(monkeypatch: pytest.MonkeyPatch, offered: list[Any], gain: float, **options: Any) -> Any:
    """What is made of the kernels that searches end in; wide ones ring."""

    def restored(plane: Any, psf: Any) -> Any:
        yield from ()
        return Restored(1.0, 1.0, 0.2 if len(psf) > 15 else 0.1, 0.0)

    def search(tuning: Any, bound: int) -> Any:
        yield from ()
        asked.append(bound)
        return next(queue), np.zeros((1, 2))

    asked: list[int] = []
    queue = iter(offered)
    monkeypatch.setattr(starts, "restored", restored)
    options = {"bounds": (9, 25), "larger": (), **options}
    steps = best_start(search, plane=None, spectrum=Told(gain), **options)  # type: ignore[arg-type]
    return drain(steps), asked


@pytest.mark.parametrize(("gain", "right"), [(10.0, SMALL), (60.0, WIDE)])
def test_a_kernel_that_rings_has_to_suit_the_spectrum_better(gain, right, monkeypatch) -> None:
    results, asked = found(monkeypatch, [SMALL, SMALL, WIDE, WIDE], gain)
    assert results[0].kernel is right and asked == [9, 9, 25, 25]
    costs = [each.cost for each in results]
    assert costs == sorted(costs)


def test_more_room_is_given_only_where_the_best_kernel_fills_its_own(monkeypatch) -> None:
    wide = [WIDE] * 6
    _, asked = found(monkeypatch, wide, 60.0, bounds=(9, 19), larger=(35,))
    assert asked == [9, 9, 19, 19, 35, 35]
    _, asked = found(monkeypatch, [SMALL] * 4, 60.0, larger=(35,))
    assert asked == [9, 9, 25, 25]


def test_a_size_that_is_given_is_searched_with_every_tuning(monkeypatch) -> None:
    _, asked = found(monkeypatch, [SMALL, WIDE, WIDE], 60.0, bounds=(21,))
    assert asked == [21] * len(starts.STARTS)


def test_ringing_and_values_that_no_photo_has_cost() -> None:
    assert ringing(0.2, 0.0) > ringing(0.1, 0.0) < ringing(0.1, 0.1)
    assert ringing(math.nan, 0.0) == math.inf


def test_agreement_asks_those_that_had_room() -> None:
    one = [Found(k, np.zeros((1, 2)), b, 0.0) for k, b in ((WIDE, 25), (SMALL, 9), (WIDE, 25))]
    assert agreement(tuple(one)) == pytest.approx(1)
    assert agreement((one[0], one[1])) == 0


def test_likeness_is_one_for_a_shifted_kernel_and_falls_for_another() -> None:
    moved = np.pad(OTHER, ((3, 0), (0, 5)))
    assert likeness(OTHER, moved) == pytest.approx(1)
    assert likeness(SMALL, OTHER) < 0.6
