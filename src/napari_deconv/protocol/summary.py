"""Means over images with their intervals, and margins over a baseline, image by image."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from .contestants import Contestant
from .results import Key, Row
from .running import Group, Plan

DRAWS = 2000


class Interval(NamedTuple):
    """A mean, and the bootstrap 95 % interval of the mean."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """One contestant on one group of scenes.

    Parameters
    ----------
    kernels, scene, noise : str
        The group.
    method : str
        The contestant's label.
    oracle : bool
        Whether it was shown the truth.
    n, failed : int
        Scenes with figures, and without.
    psnr_db, ssim, seconds : Interval
        Over the scenes.
    median_seconds : float
        What is left of the times when the slowest do not count.
    margin_db, margin_ssim : Interval or None
        Over the baseline, on the scenes that both have.
    setting : str
        What an oracle chose, or the range of it.
    ran_on : tuple of str
        Devices, processes and threads.
    why : str
        What the first failure said.
    """

    kernels: str
    scene: str
    noise: str
    method: str
    oracle: bool
    n: int
    failed: int
    psnr_db: Interval
    ssim: Interval
    seconds: Interval
    median_seconds: float
    margin_db: Interval | None = None
    margin_ssim: Interval | None = None
    setting: str = ""
    ran_on: tuple[str, ...] = ()
    why: str = ""


def interval(values: Sequence[float], draws: int = DRAWS) -> Interval:
    """Mean, and the bootstrap 95 % interval of the mean; NaN of nothing."""
    data = np.asarray(values, dtype=np.float64)
    if not data.size:
        return Interval(math.nan, math.nan, math.nan)
    picks = np.random.default_rng(0).integers(0, len(data), (draws, len(data)))
    low, high = np.percentile(data[picks].mean(axis=1), [2.5, 97.5])
    return Interval(float(data.mean()), float(low), float(high))


def summarise(
    plan: Plan, rows: Mapping[Key, Row], baseline: Contestant | None = None
) -> list[Line]:
    """The lines of the table, each group from worst to best.

    Parameters
    ----------
    plan : Plan
        Only its rows count.
    rows : mapping
        As `read_rows` gives them; what is missing lowers n.
    baseline : Contestant, optional
        Whom the margins are over; one of the plan's.
    """
    lines = []
    for group in plan.groups:
        best = {who: chosen(plan, group, who, rows) for who in plan.contestants}
        against = best.get(baseline) if baseline is not None else None
        summaries = [
            _line(group, who, part, None if who == baseline else against)
            for who, part in best.items()
            if part
        ]
        lines += sorted(summaries, key=lambda line: (line.n > 0, line.psnr_db.mean))
    return lines


def chosen(plan: Plan, group: Group, who: Contestant, rows: Mapping[Key, Row]) -> list[Row | None]:
    """A contestant's rows, one per scene, None where there is none; of a level's best, the best."""
    if not group.scenes:
        return []
    keys = [plan.keys(scene, who) for scene in group.scenes]
    candidates = [candidate for candidate, _ in keys[0]]
    parts = [[rows.get(pairs[k][1]) for pairs in keys] for k in range(len(candidates))]
    if len(parts) == 1:
        return parts[0] if any(parts[0]) else []
    columns = zip(*parts, strict=True)
    common = [all(r is not None and not r.failed for r in column) for column in columns]

    def mean(part: list[Row | None]) -> float:
        figures = [float(r.psnr_db) for r, ok in zip(part, common, strict=True) if ok and r]
        return float(np.mean(figures)) if figures else -math.inf

    best = max(range(len(parts)), key=lambda k: mean(parts[k]))
    edge = " (edge of the search)" if best in (0, len(parts) - 1) else ""
    setting = f"{who.field}={candidates[best].held:.3g}{edge}"
    return [r and replace(r, setting=setting) for r in parts[best]] if any(common) else []


def _line(
    group: Group, who: Contestant, part: Sequence[Row | None], against: Sequence[Row | None] | None
) -> Line:
    good = [row for row in part if row is not None and not row.failed]
    bad = [row for row in part if row is not None and row.failed]
    seconds = [float(row.seconds) for row in good]
    margins = list(_margins(part, against)) if against else []
    first = next(row for row in part if row is not None)
    return Line(
        kernels=group.kernels,
        scene=first.scene,
        noise=first.noise,
        method=who.label,
        oracle=bool(who.oracle or who.held),
        n=len(good),
        failed=len(bad),
        psnr_db=interval([float(row.psnr_db) for row in good]),
        ssim=interval([float(row.ssim) for row in good]),
        seconds=interval(seconds),
        median_seconds=float(np.median(seconds)) if seconds else math.nan,
        margin_db=interval([m[0] for m in margins]) if margins else None,
        margin_ssim=interval([m[1] for m in margins]) if margins else None,
        setting=_settings([row.setting for row in good if row.setting]),
        ran_on=tuple(sorted({row.ran_on for row in good if float(row.seconds)})),
        why=bad[0].failed if bad else "",
    )


def _margins(
    part: Sequence[Row | None], against: Sequence[Row | None]
) -> Iterator[tuple[float, float]]:
    for row, other in zip(part, against, strict=True):
        if row and other and not (row.failed or other.failed):
            yield float(row.psnr_db) - float(other.psnr_db), float(row.ssim) - float(other.ssim)


def _settings(settings: Sequence[str]) -> str:
    """Summarise what an oracle chose: one value, or the least, median and largest."""
    if not settings or len(set(settings)) == 1:
        return settings[0] if settings else ""
    field = settings[0].split("=")[0]
    values = sorted(float(each.split("=")[1].split()[0]) for each in settings)
    at_edge = sum("edge" in each for each in settings)
    edge = f", {at_edge} at the edge of the search" if at_edge else ""
    return f"{field} {values[0]:g} to {values[-1]:g}, median {np.median(values):g}{edge}"
