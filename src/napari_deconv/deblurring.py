"""`deblur`: a photo in and nothing else, the photo deblurred out, and how far to believe it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from .core.errors import DeconvError
from .core.progress import Result, Step, drain
from .core.record import Note, RunRecord
from .core.words import shortened
from .engine import restore as engine
from .engine.axes import parse_axes
from .engine.colour import linear_to_srgb, srgb_to_linear, white_of
from .engine.incoming import as_array
from .engine.intensity import check_dtype
from .engine.mixing import blended, strength_in
from .engine.readings import image_noise
from .estimation import Confidence, Estimate
from .estimation import stream as estimating
from .metrics import residual, whiteness
from .restoration.base import Method, methods
from .restoration.choice import Recommendation, automatic
from .restoration.expected import remembered
from .signal.jpeg import CodedNoise, Tables, jpeg_noise

Light = Literal["auto", "linear", "stored"]

STRENGTHS = {"good": 1.0, "fair": 0.7, "poor": 0.0}
"""How much of the restoration to take, by how sure the estimate of the blur is."""
_MOST_LEFT, _LEAST_WHITE = 1.6, 0.15
"""What a trial may leave, in units of the noise, and how white it must be, for a blur to stand.
With the true blur, two kinds on seven photos of bsds500/train, at most 1.1 and at least 0.17 were
left."""
_HARDLY_PX = 0.75
"""Root mean square radius up to which a blur is hardly one."""
_NARROWER = 0.4
"""Share of that radius which a simpler blur must have to take another's place: next to no blur
leaves nothing of any photo unexplained."""
_LEAST_SEEN = 0.2
"""Share of a trial's pixels that must be far enough from clipped ones for a judgement."""
_STAGES = {"blur": 0.7, "light": 0.1, "restoring": 0.2}
_FINE = 1000
_CROP_PX = 256
_MARGIN = 0.98
"""How much smaller the other residual must be before a photo is not taken as it is stored."""
_FEW_S, _LITTLE = 1.0, 0.1
"""Seconds and share of the restoring, from which on it tells how long the rest will take."""

_R = TypeVar("_R")


@dataclass(frozen=True, eq=False)
class Trial:
    """A part of the photo restored one way, blurred again, and held against the photo.

    Parameters
    ----------
    light : str
        ``"linear"`` or ``"stored"``.
    misfit : float
        Root mean square of the difference, on the photo's own scale, away from clipped pixels; NaN
        where there is nothing else. The restored part holds no values that the photo's type has
        no room for: a wrong blur needs light that is darker than black or brighter than white.
    white : float
        Its whiteness, 0 to 1 (`metrics.whiteness`).
    """

    light: Literal["linear", "stored"]
    misfit: float
    white: float

    def __str__(self) -> str:
        name = "in linear light" if self.light == "linear" else "on the photo's own values"
        return f"{name} {self.misfit:.3g} ({self.white:.0%} like pure noise)"


@dataclass(frozen=True, eq=False)
class Deblurred:
    """A photo deblurred, with what it was before, so that any strength between can be had.

    Parameters
    ----------
    photo : ndarray
        The input.
    full : ndarray
        At full strength; same shape, dtype and scale.
    strength : float
        Of `data`: as asked for, or by how sure the estimate is.
    estimate : Estimate
        The blur and how it was estimated.
    trials : tuple of Trial
        What linear light was chosen by; empty where a person chose.
    notes : tuple of Note
        What the person should know.
    record : RunRecord
        How ``full`` was made.
    """

    photo: NDArray[Any]
    full: NDArray[Any]
    strength: float
    estimate: Estimate
    trials: tuple[Trial, ...]
    notes: tuple[Note, ...]
    record: RunRecord

    @property
    def confidence(self) -> Confidence:
        """How sure the estimate of the blur is, and why."""
        return self.estimate.confidence

    @property
    def data(self) -> NDArray[Any]:
        """The photo at the requested or advised strength."""
        return self.at(self.strength)

    @property
    def recipe(self) -> dict[str, Any]:
        """The record as plain JSON values, with the estimate and the strength."""
        return self.record.to_dict()

    def at(self, strength: float) -> NDArray[Any]:
        """The photo at a strength from 0, the photo as it was, to 1.

        Raises
        ------
        DeconvError
            If it is outside.
        """
        return blended(self.photo, self.full, strength)


Run = Generator[Step, None, Deblurred]


def deblur(
    photo: Any,
    strength: float | None = None,
    linear: bool | Literal["auto"] = "auto",
    method: str | Method = "auto",
    *,
    axes: str | None = None,
    noise: float | None = None,
    tables: Tables = (),
    family: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    memory_bytes: int | None = None,
    progress: Callable[[Step], None] | None = None,
) -> Deblurred:
    """Deblur a photo of which nothing is known: estimate its blur, judge that, and restore it.

    Parameters
    ----------
    photo : array_like
        Grey or colour, ``(Y, X)`` or ``(Y, X, S)``, of any real dtype.
    strength : float, optional
        0 (the photo as it is) to 1 (all of the restoration); by default 1, and less where the blur
        is not sure: 0.7 for a fair estimate, and 0 for a poor one, or where the photo speaks
        against it or is hardly blurred.
    linear : bool or "auto"
        Whether to restore in linear light; ``"auto"`` restores a part of the photo both ways and
        takes what explains it better.
    method : str or Method
        As for `deconvolve`.
    axes : str, optional
        One letter per axis, such as ``"YXS"``.
    noise : float, optional
        Standard deviation of the noise on the photo's own scale; read from the photo by default.
    tables : tuple of ndarray
        Quantisation tables ``(8, 8)`` of the JPEG file that the photo came from, of brightness and
        of colour; otherwise they are found in the pixels.
    family : str
        Kind of blur, as for `estimation.estimate`.
    device, precision, memory_bytes
        As for `deconvolve`.
    progress : callable, optional
        Called with a `Step` after every step.

    Returns
    -------
    Deblurred
        ``data``, ``confidence``, ``notes``; ``at(strength)`` for another strength.

    Raises
    ------
    DeconvError
        Where the photo cannot tell its blur, and as `deconvolve`.
    """
    run = stream(
        photo, strength, linear, method, axes=axes, noise=noise, tables=tables, family=family,
        device=device, precision=precision, memory_bytes=memory_bytes,
    )  # fmt: skip
    return drain(run, progress)


def stream(
    photo: Any,
    strength: float | None = None,
    linear: bool | Literal["auto"] = "auto",
    method: str | Method = "auto",
    *,
    axes: str | None = None,
    noise: float | None = None,
    tables: Tables = (),
    family: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    memory_bytes: int | None = None,
    cancel: threading.Event | None = None,
) -> Run:
    """`deblur` step by step; parameters are its own, and ``cancel`` as for `stream`.

    Yields
    ------
    Step
        Of one progress over all stages that never goes back. ``preview()`` is the best photo so
        far, of the input's shape and dtype; None until there is a first one.
    """
    methods()
    if strength is not None:
        strength = strength_in(strength)
    if linear not in (True, False, "auto"):
        raise DeconvError(f"linear = {shortened(linear)}.", "Give True, False or 'auto'.")
    pixels = _photo(photo, axes)
    coded = None if noise is not None else _coded(pixels, axes, tables)
    common: dict[str, Any] = {"axes": axes, "device": device, "cancel": cancel}
    restoring = {**common, "precision": precision, "memory_bytes": memory_bytes}
    restoring |= {"noise": noise, "tables": tables}
    bar = _Bar()
    level = noise if coded is None else coded.brightness
    estimate = yield from _estimated(pixels, family, level, common, bar)
    choice = _chosen(method, pixels, estimate.psf, restoring)
    # A part has fewer blocks to read the noise of JPEG from.
    part = restoring if coded is None else restoring | {"noise": _mean(coded)}
    judging = _judged(pixels, estimate, linear, part, level, _level(pixels, axes, noise, coded))
    estimate, trials, stands = yield from bar.stage("light", judging, "trying it")
    best = _best(trials)
    light = linear is True or (linear == "auto" and best is not None and best.light == "linear")
    if strength is None:
        strength = STRENGTHS[estimate.confidence.level] if stands else 0.0
    steps = engine.restore(choice.method, pixels, estimate.psf, linear=light, **restoring)
    result = yield from bar.stage(
        "restoring", choice.explained(remembered(choice.method, steps)), "restoring", timed=True
    )
    return _result(pixels, result, strength, estimate, trials, coded)


def _result(
    photo: NDArray[Any],
    result: Result,
    share: float,
    estimate: Estimate,
    trials: tuple[Trial, ...],
    coded: CodedNoise | None,
) -> Deblurred:
    sure = estimate.confidence
    notes = [Note("confidence", str(sure), "info" if sure.level == "good" else "warning")]
    if sure.level == "poor" and share == 0:
        text = "The blur could not be found: the photo is left as it was. Raise the strength to see"
        notes.append(Note("strength", f"{text} what would come of it."))
    elif share < 1 and sure.level != "good":
        text = f"Strength is {share:g}: the blur is not sure. Look before you raise it."
        notes.append(Note("strength", text))
    if len(trials) > 1:
        linear = result.record.light == "linear"
        best = "in linear light" if linear else "on the photo's own values"
        text = f"Restored {best}. What blurring again leaves: {', '.join(map(str, trials))}."
        notes.append(Note("light", text, "info"))
    if coded is not None:
        notes.append(Note("noise", f"Noise, with that of JPEG: {coded.brightness:.2g}.", "info"))
    record = result.record.with_psf({"estimate": estimate.recipe})
    record = replace(record, kind="result", strength=share)
    return Deblurred(photo, result.data, share, estimate, trials, (*notes, *result.notes), record)


@dataclass(eq=False)
class _Bar:
    """One progress over stages of different kinds; it never goes back."""

    reached: float = 0.0
    look: NDArray[Any] | None = None
    shares: dict[str, float] = field(default_factory=lambda: dict(_STAGES))

    def stage(
        self, name: str, steps: Generator[Any, None, _R], label: str, *, timed: bool = False
    ) -> Generator[Step, None, _R]:
        """Show the steps of a stage as its share of the whole; return what they return."""
        names = list(self.shares)
        start = sum(self.shares[each] for each in names[: names.index(name)])
        began = time.perf_counter()
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                self.reached = max(self.reached, start + self.shares[name])
                result: _R = stop.value
                return result
            share = min(1.0, step.done / max(1, step.total))
            self.reached = max(self.reached, start + share * self.shares[name])
            left = math.nan
            spent = time.perf_counter() - began
            if timed and share > _LITTLE and spent > _FEW_S:
                left = spent * (1 - share) / share
            yield self.step(f"{label}: {step.label}", left)

    def step(self, label: str, left_s: float = math.nan) -> Step:
        """A step at the place that the bar has reached."""
        look = self.look
        return Step(int(self.reached * _FINE), _FINE, label, lambda: look, left_s=left_s)


def _photo(photo: Any, axes: str | None) -> NDArray[Any]:
    pixels = as_array("The photo", photo)
    check_dtype(pixels.dtype)
    layout = parse_axes(tuple(pixels.shape), axes, 2)
    if layout.count > 1:
        raise DeconvError(
            f"The image of shape {pixels.shape} holds {layout.count} planes.",
            "Give one photo, grey or colour; for stacks there is deconvolve.",
        )
    return pixels


def _colours_first(pixels: NDArray[Any], axes: str | None) -> NDArray[Any]:
    """``(S, Y, X)`` without alpha."""
    layout = parse_axes(tuple(pixels.shape), axes, 2)
    whole = tuple(slice(0, n) for n in layout.block_shape)
    return layout.read(pixels, layout.item(0), whole, slice(0, layout.colours))


def _coded(pixels: NDArray[Any], axes: str | None, tables: Tables) -> CodedNoise | None:
    """What JPEG left of the noise, of a photo that went through it."""
    planes = _colours_first(pixels, axes)
    return jpeg_noise(planes, tables)


def _mean(coded: CodedNoise) -> float:
    return math.sqrt(sum(level**2 for level in coded.colours) / len(coded.colours))


def _estimated(
    pixels: NDArray[Any], family: str, level: float | None, common: dict[str, Any], bar: _Bar
) -> Generator[Step, None, Estimate]:
    """Estimate the blur; as soon as a family of blurs is fitted, there is a first look."""
    steps = bar.stage("blur", _watched(pixels, family, level, common, bar), "blur")
    return (yield from steps)


def _watched(
    pixels: NDArray[Any], family: str, level: float | None, common: dict[str, Any], bar: _Bar
) -> Generator[Any, None, Estimate]:
    run = estimating(pixels, None, family, None, level, **common)
    kernel: NDArray[np.float32] | None = None
    while True:
        try:
            guess = next(run)
        except StopIteration as stop:
            estimate: Estimate = stop.value
            return estimate
        if guess.label.startswith("spectrum"):
            kernel, _ = guess.preview()
        elif kernel is not None:
            bar.look = _first_look(pixels, kernel, level, common)
            kernel = None
        yield guess


def _first_look(
    pixels: NDArray[Any], kernel: NDArray[np.float32], level: float | None, common: dict[str, Any]
) -> NDArray[Any] | None:
    """The photo restored quickly with a kernel that is only a first guess."""
    try:
        rough = drain(
            engine.restore(Method.make("hyper-laplacian"), pixels, kernel, noise=level, **common)
        )
    except DeconvError:
        if (cancel := common.get("cancel")) is not None and cancel.is_set():
            raise
        return None
    return blended(pixels, rough.data, STRENGTHS["fair"])


def _chosen(
    method: str | Method, pixels: NDArray[Any], psf: NDArray[Any], options: dict[str, Any]
) -> Recommendation:
    if isinstance(method, Method):
        return Recommendation(method)
    return (
        automatic(pixels, psf, **options)
        if method == "auto"
        else Recommendation(Method.make(method))
    )


def _judged(
    pixels: NDArray[Any],
    estimate: Estimate,
    linear: bool | Literal["auto"],
    options: dict[str, Any],
    noise: float | None,
    level: float,
) -> Generator[Any, None, tuple[Estimate, tuple[Trial, ...], bool]]:
    """The estimate, or a simpler blur where the photo speaks against it; and whether that stands.

    Returns
    -------
    Estimate, tuple of Trial, bool
        Its confidence is lower where it does not stand, or is not the first.
    """
    if _radius(estimate.psf) < _HARDLY_PX:
        sure = _less(estimate.confidence, "The photo is hardly blurred: there is little to undo.")
        return replace(estimate, confidence=sure), (), False
    trials = yield from _trials(pixels, estimate, linear, options)
    if _stands(trials, level):
        return estimate, trials, True
    how = {key: options[key] for key in ("axes", "device", "cancel")}
    region = estimate.recipe["region"]
    others = []
    for family in ("disk", "motion", "gaussian"):
        if family == estimate.family:
            continue
        other = yield from estimating(pixels, None, family, region, noise, **how)
        tried = yield from _trials(pixels, other, linear, options)
        narrower = _radius(other.psf) < _NARROWER * _radius(estimate.psf)
        if _stands(tried, level) and other.confidence.level != "poor" and not narrower:
            others.append((other, tried))
    if others:
        other, tried = min(others, key=lambda each: _left(each[1]))
        text = f"A {estimate.family} was found first; the photo speaks against it."
        sure = _less(other.confidence, text, "fair")
        if _radius(other.psf) >= _HARDLY_PX:
            return replace(other, confidence=sure), tried, True
    best = _best(trials)
    assert best is not None  # or it would stand
    text = (
        "A part restored with it, kept between black and white and blurred again, differs by "
        f"{best.misfit / level:.1f} times the noise ({best.white:.0%} like pure noise): the blur "
        "is probably another. The photo is left as it was; raise the strength to see the result."
    )
    return replace(estimate, confidence=_less(estimate.confidence, text)), trials, False


def _less(sure: Confidence, text: str, most: Literal["fair", "poor"] = "poor") -> Confidence:
    level = "poor" if "poor" in (sure.level, most) else most
    return replace(sure, level=level, words=(*sure.words, text))


def _stands(trials: tuple[Trial, ...], level: float) -> bool:
    """Whether what is left of the photo can be its noise; also where no trial tells."""
    best = _best(trials)
    return best is None or (best.misfit <= _MOST_LEFT * level and best.white >= _LEAST_WHITE)


def _left(trials: tuple[Trial, ...]) -> float:
    best = _best(trials)
    return math.inf if best is None else best.misfit


def _radius(psf: NDArray[np.float32]) -> float:
    """Root mean square distance of a PSF's light from its centre of mass, in pixels."""
    y, x = np.indices(psf.shape)
    light = psf / psf.sum()
    centre = (light * y).sum(), (light * x).sum()
    return math.sqrt(float((light * ((y - centre[0]) ** 2 + (x - centre[1]) ** 2)).sum()))


def _trials(
    pixels: NDArray[Any],
    estimate: Estimate,
    linear: bool | Literal["auto"],
    options: dict[str, Any],
) -> Generator[Step, None, tuple[Trial, ...]]:
    """Restore a part of the photo as it is stored and in linear light, or in one of both ways.

    The hyper-Laplacian does it, whatever is to restore the whole: it is quick, and what it leaves
    over is noise where the model fits, which cannot be said of a Wiener filter.
    """
    method = Method.make("hyper-laplacian")
    full = white_of(pixels.dtype)
    lights: tuple[Literal["stored", "linear"], ...] = ("stored", "linear")
    if pixels.dtype.kind == "f" and not 0 <= pixels.min() <= pixels.max() <= full:
        lights = ("stored",)  # no sRGB
    elif linear != "auto":
        lights = lights[linear:][:1]
    part = _part(pixels, estimate, options.get("axes"))
    planes = np.asarray(_colours_first(part, options.get("axes")) / full, np.float32)
    clear = _clear(planes, estimate.psf.shape)
    trials = []
    for light in lights:
        in_light = light == "linear"
        steps = engine.restore(method, part, estimate.psf, linear=in_light, **options)
        values = (yield from steps).data
        restored = np.asarray(_colours_first(values, options.get("axes")) / full, np.float32)
        if in_light:
            restored = srgb_to_linear(restored)
        blurred = residual(restored, np.zeros_like(restored), estimate.psf)
        if in_light:
            blurred = linear_to_srgb(blurred)
        starts = [n - 1 - n // 2 for n in estimate.psf.shape]
        window = tuple(slice(a, a + n) for a, n in zip(starts, blurred.shape[1:], strict=True))
        left = blurred - planes[(slice(None), *window)]
        seen = left[:, clear[window]]
        enough = seen.size > _LEAST_SEEN * left.size
        misfit = full * float(np.sqrt(np.mean(seen**2))) if enough else math.nan
        trials.append(Trial(light, misfit, whiteness(left, channel_axis=0)))
    return tuple(trials)


def _clear(planes: NDArray[np.float32], psf_shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where no pixel within the PSF's reach is at the photo's top: what is above is not known."""
    from scipy.ndimage import maximum_filter

    top = planes.max()
    many = np.count_nonzero(planes == top) > _FEW_AT_TOP * planes.size
    if not many:
        return np.ones(planes.shape[1:], bool)
    return maximum_filter((planes >= top).any(0).astype(np.uint8), psf_shape) == 0


_FEW_AT_TOP = 1e-3


def _best(trials: tuple[Trial, ...]) -> Trial | None:
    """The trial that explains the photo better: linear light has to be better by a little."""
    judged = [trial for trial in trials if math.isfinite(trial.misfit)]
    if not judged:
        return None
    return min(judged, key=lambda trial: trial.misfit * (_MARGIN if trial.light == "stored" else 1))


def _level(
    pixels: NDArray[Any], axes: str | None, noise: float | None, coded: CodedNoise | None
) -> float:
    """The noise of a photo, on its own scale, and at least that of rounding it."""
    level = (
        noise
        if noise is not None
        else (image_noise(pixels, axes).level if coded is None else _mean(coded))
    )
    least = 12**-0.5 if pixels.dtype.kind in "iu" else 1e-4 * float(np.ptp(pixels))
    return max(level, least)


def _part(pixels: NDArray[Any], estimate: Estimate, axes: str | None) -> NDArray[Any]:
    """The middle of the region that the blur was estimated from."""
    layout = parse_axes(tuple(pixels.shape), axes, 2)
    top, left, bottom, right = estimate.recipe["region"]
    side = max(_CROP_PX, 4 * max(estimate.psf.shape))
    cut = [slice(None)] * pixels.ndim
    for axis, start, stop in (("Y", top, bottom), ("X", left, right)):
        room = max(0, stop - start - side) // 2
        cut[layout.axes.index(axis)] = slice(start + room, min(stop, start + room + side))
    return pixels[tuple(cut)]
