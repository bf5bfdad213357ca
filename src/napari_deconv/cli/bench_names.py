"""What `bench` takes as text: sets of PSFs, methods and oracles, ranges."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TypeVar

from ..core.errors import DeconvError
from ..core.paths import is_folder
from ..protocol.contestants import Contestant, sought
from ..protocol.kernels import SUFFIXES, KernelSet, generated, kernels_in
from ..psf import PSF
from ..restoration.base import Method

_N = TypeVar("_N", int, float)
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_SWEEP = re.compile(rf"({_NUMBER})\.\.({_NUMBER})/(\d+)", re.IGNORECASE)
_MOST = 1000


def kernel_set_in(text: str) -> KernelSet:
    """A file, a folder, or a generator whose fields may run over a range.

    ``"gaussian:sigma_px=1.5..3.25/8"`` is eight Gaussians from 1.5 to 3.25 in equal steps; ranges
    in one text run together.

    Raises
    ------
    DeconvError
        If it is none of these.
    """
    path = Path(text)
    if is_folder(path) or path.suffix.lower() in SUFFIXES:
        return kernels_in(path)
    psfs = [PSF.parse(piece) for piece in _swept(text)]
    return generated([psf for psf in psfs if isinstance(psf, PSF)], text)


def _swept(text: str) -> list[str]:
    """A text per value of the ranges in it."""
    counts = {int(count) for _, _, count in _SWEEP.findall(text)}
    if not counts:
        return [text]
    if len(counts) > 1 or not 2 <= max(counts) <= _MOST:
        raise DeconvError(
            f"{text!r}: ranges run together and so have one number of values.",
            f"Write A..B/N with the same N everywhere, from 2 to {_MOST}.",
        )
    count = counts.pop()
    return [_SWEEP.sub(partial(_value, i / (count - 1)), text) for i in range(count)]


def _value(part: float, ends: re.Match[str]) -> str:
    low, high = float(ends[1]), float(ends[2])
    return f"{low + (high - low) * part:.10g}"


def contestant_in(text: str) -> Contestant:
    """``"fcnn"``, ``"tv:weight=0.01"``, or an oracle: ``"hyper-laplacian:weight=best"``.

    ``"hyper-laplacian:weight=0.001@image"`` holds a weight on the image's own scale.

    Raises
    ------
    DeconvError
        If there is no such method or field, or the oracle seeks what it cannot.
    """
    name, _, rest = text.partition(":")
    cls = Method.lookup(name.strip())
    fields = cls.parse_fields(rest)
    sought_fields = {k: v for k, v in fields.items() if isinstance(v, str) and _is_sought(v)}
    method = Method.make(cls.name, **{k: v for k, v in fields.items() if k not in sought_fields})
    if not sought_fields:
        return Contestant(method)
    if len(sought_fields) > 1:
        raise DeconvError(f"{text!r} seeks {len(sought_fields)} fields at once.", "Seek one.")
    field, how = sought_fields.popitem()
    if how == "best":
        return sought(method, field, "best")
    if how == "best-of-level":
        return sought(method, field, "best-of-level")
    held = float(how.removesuffix("@image"))
    # As in the label, so that equal labels are equal weights.
    return Contestant(method, field, held=float(f"{held:.3g}"))


def _is_sought(value: str) -> bool:
    held = re.fullmatch(rf"{_NUMBER}@image", value, re.IGNORECASE)
    return held is not None or value in ("best", "best-of-level")


def range_in(option: str, text: str, low: float, high: float, kind: type[_N]) -> tuple[_N, _N]:
    """``"75..90"`` or one number, within bounds.

    Raises
    ------
    DeconvError
        Naming the option.
    """
    ends = text.split("..")
    try:
        first, last = kind(ends[0]), kind(ends[-1])
        fits = len(ends) <= 2 and low <= first <= last <= high
    except ValueError:
        fits = False
    if not fits:
        raise DeconvError(
            f"{option} {text!r} does not fit.", f"Give one number or A..B, {low:g} to {high:g}."
        )
    return first, last
