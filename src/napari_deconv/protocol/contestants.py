"""Contestants of a benchmark: methods with their fields, and oracles that see the truth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..core.errors import DeconvError
from ..core.paths import is_file, read_bytes
from ..engine.axes import parse_axes
from ..engine.intensity import survey
from ..restoration import hyper_laplacian, sparse, tikhonov, tv
from ..restoration.base import Method
from ..restoration.epll import EPLL
from ..restoration.networks.base import LearnedMethod
from ..restoration.weights import locate
from .naming import settings, shorthand
from .scenes import Case

Oracle = Literal["", "best", "best-of-level"]
BLURRED = "(blurred)"
FACTORS = tuple(2.0 ** (k / 3) for k in range(-3, 4))
"""Of the automatic weight: what is tried for the best weight of a noise level."""

_PRIORS: dict[str, tuple[Callable[[Any, float], float], Callable[[Any], float]]] = {
    "hyper-laplacian": (
        lambda method, sigma: hyper_laplacian.automatic_weight(sigma, method.alpha),
        lambda method: 2 / 3 if method.alpha == "2/3" else 1 / 2,
    ),
    "sparse": (lambda _, sigma: sparse.automatic_weight(sigma), lambda _: 0.8),
    "tikhonov": (lambda _, sigma: tikhonov.automatic_weight(sigma), lambda _: 2.0),
    "tv": (lambda _, sigma: tv.automatic_weight(sigma), lambda _: 1.0),
}
"""Method -> its automatic weight for a noise level, and the exponent of its prior."""


@dataclass(frozen=True)
class Contestant:
    """A method, or an oracle, as a row of the table.

    Parameters
    ----------
    method : Method or None
        None is the blurred image as it stands.
    field : str
        What an oracle chooses, or what is ``held``.
    oracle : str
        ``best``: for every image, by PSNR. ``best-of-level``: one weight for all images of a noise
        level, by mean PSNR, on the scale of the image, where white is 1.
    held : float
        A weight on that scale, the same for all images; 0 where there is none.
    """

    method: Method | None
    field: str = ""
    oracle: Oracle = ""
    held: float = 0.0

    def __post_init__(self) -> None:
        level = self.oracle == "best-of-level" or self.held
        if level and not (self.field == "weight" and self._prior is not None):
            raise DeconvError(
                f"{self.label}: a level has a best weight only of {', '.join(_PRIORS)}.",
                f"Use {self.field}=best, per image.",
            )

    @property
    def label(self) -> str:
        """As the command line takes it, such as ``hyper-laplacian:weight=best``."""
        if self.method is None:
            return BLURRED
        value = f"{self.held:.3g}@image" if self.held else self.oracle
        return shorthand(self.method, **({self.field: value} if self.field else {}))

    @property
    def settings(self) -> str:
        """All fields with their values, except the one that is sought or held."""
        return settings(self.method, self.field) if self.method else ""

    @property
    def _prior(self) -> Any:
        return _PRIORS.get(self.method.name) if self.method else None

    def candidates(self, sigma: float) -> tuple[Contestant, ...]:
        """Itself, or for the best of a level the weights that are tried."""
        if self.oracle != "best-of-level":
            return (self,)
        middle = self._prior[0](self.method, sigma)
        held = (float(f"{factor * middle:.3g}") for factor in FACTORS)
        return tuple(replace(self, oracle="", held=weight) for weight in held)

    def on(self, case: Case) -> Method:
        """The method for a case, its weight taken to the scale that the engine divides by."""
        assert self.method is not None
        if not self.held:
            return self.method
        # |x|^2 + weight |x|^alpha: intensities divided by the scale ask for another weight.
        weight = self.held * scale_of(case, self.method) ** (self._prior[1](self.method) - 2)
        return self.method.but(**{self.field: weight})

    def start(self, case: Case) -> float:
        """Value at which the search for the best one of the field begins."""
        own = float(getattr(self.method, self.field))
        if self.field == "weight" and self._prior is not None:
            return float(
                self._prior[0](self.method, max(case.noise, 5e-4) / scale_of(case, self.method))
            )
        if not own > 0:
            raise DeconvError(
                f"{self.label}: there is no value to begin the search from.",
                f"Sought can be: weight of {', '.join(_PRIORS)}; fields that are not 0 by default.",
            )
        return own


def sought(method: Method, field: str, oracle: Oracle) -> Contestant:
    """Make an oracle that seeks the best value of a field.

    Raises
    ------
    DeconvError
        If the method has no such number.
    """
    value = getattr(method, field) if field in method.fields() else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise DeconvError(f"{method.title} has no number {field!r}.", "Seek another field.")
    if field == "iterations" and method.but(iterations=7).total != 7:
        raise DeconvError(
            f"{method.title} does not give one estimate per iteration.", "Seek another field."
        )
    return Contestant(method, field, oracle)


def scale_of(case: Case, method: Method | None) -> float:
    """The difference of intensities that the engine takes for 1."""
    intensity, _ = survey(case.blurred, parse_axes(case.blurred.shape, None, 2))
    return intensity.span if method is not None and method.shift_free else intensity.scale


def weights_hash(method: Method | None) -> str:
    """12 hex digits of the SHA-256 of the weights that a method may take; empty without any."""
    match method:
        case LearnedMethod():
            weights = method.candidates()
        case EPLL():
            weights = (method.prior or method.default_weights,)
        case _:
            return ""
    total = hashlib.sha256()
    for file in map(locate, weights):
        total.update(read_bytes(file) if is_file(file) else b"")
    return total.hexdigest()[:12]
