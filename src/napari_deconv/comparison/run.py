"""Running a comparison: one method after the other, each with its row of figures."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

from numpy.typing import NDArray

from ..core.device import choose_device
from ..core.errors import Cancelled, DeconvError
from ..core.progress import Result, Step, changed_steps
from ..core.record import RunRecord
from ..engine.restore import restore
from ..restoration.base import Method
from .judge import Judge
from .material import Material
from .measures import MEASURES
from .memory import PeakMemory
from .recipe import Comparison

log = logging.getLogger("napari_deconv")

_PARTS = 1000
"""Steps of the progress bar per method: their own counts have nothing in common."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Row:
    """One method's result, or why there is none.

    Parameters
    ----------
    number : int
        Its place in the comparison, from 0.
    label : str
        What to call it.
    method : Method or None
        As it was configured; None of the image as it was.
    data : ndarray or None
        The restored image.
    record : RunRecord or None
        How it was made.
    figures : mapping
        Key of a measure -> number; missing where it could not be taken.
    notes : tuple of str
        What is worth knowing.
    error : str
        Why it failed; empty where it did not.
    """

    number: int
    label: str
    method: Method | None
    data: NDArray[Any] | None = None
    record: RunRecord | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: str = ""

    def figure(self, key: str) -> float:
        """The figure of a measure; NaN where there is none."""
        return float(self.figures.get(key, math.nan))


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a comparison is.

    Parameters
    ----------
    done, total : int
        On one scale for all methods.
    label : str
        What is being worked on.
    rows : tuple of Row
        Those that stand.
    before : Row or None
        As of an `Outcome`.
    """

    done: int
    total: int
    label: str
    rows: tuple[Row, ...] = ()
    before: Row | None = None
    left_s: ClassVar[float | None] = None
    """Nothing but the time spent so far says how long the rest takes."""

    def preview(self) -> None:
        """There is none: every result is shown when it stands."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a comparison returns.

    Parameters
    ----------
    comparison : Comparison
        What ran.
    rows : tuple of Row
        One per method, in order.
    notes : tuple of str
        What is worth knowing of the whole: a truth that does not fit, how figures were taken.
    seconds : float
        Wall time of it all, measures included.
    before : Row or None
        The figures of the image as it was, to see what was gained; of a sweep there is none.
    """

    comparison: Comparison
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    seconds: float
    before: Row | None = None

    @property
    def doubt(self) -> str:
        """Why the PSF probably does not fit the image, and what to do; empty where it may."""
        rows = [row for row in self.rows if not row.error]
        left = [x for row in rows if math.isfinite(x := row.figure("discrepancy"))]
        # In linear light the residual is not what the noise was read in.
        if left and not self.comparison.linear and min(left) > _FAR:
            found = "estimate" in self.comparison.psf
            return (_LEAVES_FOUND if found else _LEAVES).format(min(left))
        scores = [x for row in rows if not math.isnan(x := row.figure("psnr_db"))]
        before = math.nan if self.before is None else self.before.figure("psnr_db")
        return _WORSE if scores and max(scores) < before else ""

    @property
    def table(self) -> tuple[Row, ...]:
        """The lines of its table: the image as it was, then one per method."""
        return self.rows if self.before is None else (self.before, *self.rows)


_FAR = 1.5
"""Residual over noise from which on it is not the noise that is left."""
_LEAVES = (
    "Even the nearest result leaves {:.1f} times the noise: the PSF probably does not fit this "
    "image. Find the blur in the image, or measure it; a noise level that is set too low looks the "
    "same."
)
_LEAVES_FOUND = (
    "Even the nearest result leaves {:.1f} times the noise: the blur that was found explains this "
    "image only in part. Find it in another region, or try linear light; clipped or processed "
    "photos look the same."
)
_WORSE = (
    "No result is nearer to the truth than the blurred image: the PSF probably does not fit this "
    "image. Find the blur in the image, or measure it."
)

Comparing = Generator[Progress, None, Outcome]


def compare(
    comparison: Comparison,
    material: Material,
    *,
    device: str = "auto",
    precision: str = "auto",
    memory_bytes: int | None = None,
    cancel: threading.Event | None = None,
) -> Comparing:
    """Run every method of a comparison in turn.

    A method that fails is a row that says why; the others run all the same.

    Parameters
    ----------
    comparison : Comparison
        What to run.
    material : Material
        The arrays.
    device, precision, memory_bytes, cancel
        As in `core.engine.stream`.

    Yields
    ------
    Progress

    Returns
    -------
    Outcome

    Raises
    ------
    DeconvError
        If there is nothing to run, or the image does not fit the PSF (`Cancelled` when stopped).
    """
    began = time.perf_counter()
    if not comparison.runs:
        raise DeconvError("There is no method to compare.", "Add one or more to the list.")
    fit, notes = material.fitting(comparison.align)
    judge = Judge(material=fit, align=comparison.align, border_px=comparison.border_px)
    _ = fit.layout  # says in words what does not fit
    options: dict[str, Any] = {"device": device, "precision": precision, "spacing": fit.spacing}
    options |= {"memory_bytes": memory_bytes, "cancel": cancel}
    rows: tuple[Row, ...] = ()
    runs = comparison.runs
    before = None if comparison.sweep else _before(judge)
    for number, (method, label) in enumerate(zip(runs, comparison.labels, strict=True)):
        blank = Row(number=number, label=label, method=method)
        steps = _row(blank, comparison, judge, options, rows)
        row = yield from changed_steps(steps, partial(_with, before))
        rows = (*rows, row)
        yield Progress((number + 1) * _PARTS, _PARTS * len(runs), label, rows, before)
        if cancel is not None and cancel.is_set():
            raise Cancelled
    remarks = (*notes, *filter(None, (judge.scoring, judge.part)))
    outcome = Outcome(comparison, rows, remarks, time.perf_counter() - began, before)
    return replace(outcome, notes=(outcome.doubt, *remarks)) if outcome.doubt else outcome


def best(rows: tuple[Row, ...], key: str) -> Row | None:
    """Number of the row that is best by a measure; None where no row has it."""
    measure = MEASURES[key]
    ranked = [(measure.rank(row.figure(key)), row) for row in rows if not row.error]
    ranked = [each for each in ranked if math.isfinite(each[0]) or each[0] == -math.inf]
    return min(ranked, key=lambda each: each[0])[1] if ranked else None


def _with(before: Row | None, step: Progress) -> Progress:
    return replace(step, before=before)


def _before(judge: Judge) -> Row:
    """The image as it was, by the measures that mean something of it."""
    figures, _ = _measured(judge, judge.material.image, math.nan, judge.material.repeat)
    kept = {key: value for key, value in figures.items() if key in _OF_AN_IMAGE}
    return Row(number=-1, label="Blurred image", method=None, figures=kept)


_OF_AN_IMAGE = ("psnr_db", "ssim", "frc_px", "frc_unit")


def _row(
    blank: Row, comparison: Comparison, judge: Judge, options: dict[str, Any], rows: tuple[Row, ...]
) -> Generator[Progress, None, Row]:
    try:
        with PeakMemory(choose_device(options["device"])) as memory:
            began = time.perf_counter()
            result = yield from _restored(
                blank, comparison, judge.material.image, judge, options, rows
            )
            seconds = time.perf_counter() - began
        again = None
        if judge.material.repeat is not None:
            again = yield from _restored(
                blank, comparison, judge.material.repeat, judge, options, rows
            )
    except Cancelled:
        raise
    except DeconvError as error:
        return replace(blank, error=str(error))
    record = result.record.with_psf(judge.material.psf_recipe or {})
    figures = {"seconds": seconds, "peak_mib": memory.mib}
    more, notes = _judged(judge, result, again, comparison)
    return replace(
        blank,
        data=result.data,
        record=record,
        figures=figures | more,
        notes=(*map(str, result.notes), *notes),
    )


def _restored(
    blank: Row,
    comparison: Comparison,
    image: Any,
    judge: Judge,
    options: dict[str, Any],
    rows: tuple[Row, ...],
) -> Generator[Progress, None, Result]:
    """The engine's result, its steps on the comparison's scale."""
    material, linear = judge.material, comparison.linear
    engine_options = {"axes": material.axes, "noise": comparison.noise, **options}
    assert blank.method is not None
    steps = restore(blank.method, image, material.psf, linear=linear, **engine_options)
    total = _PARTS * len(comparison.runs)
    label = f"{blank.number + 1} of {len(comparison.runs)}: {blank.label}"

    def share(step: Step) -> Progress:
        done = blank.number * _PARTS + _PARTS * step.done // max(1, step.total)
        return Progress(min(done, total), total, label, rows)

    return (yield from changed_steps(steps, share))


def _judged(
    judge: Judge, result: Result, again: Result | None, comparison: Comparison
) -> tuple[dict[str, float], list[str]]:
    noise = result.record.noise if comparison.noise is None else comparison.noise
    level = math.nan if noise is None else noise
    return _measured(judge, result.data, level, None if again is None else again.data)


def _measured(
    judge: Judge, image: Any, noise: float, repeat: Any
) -> tuple[dict[str, float], list[str]]:
    try:
        return judge.figures(image, noise, repeat)
    except (MemoryError, ArithmeticError, ValueError) as error:
        log.debug("figures failed", exc_info=True)
        return {}, [f"Not measured: {error}."]
