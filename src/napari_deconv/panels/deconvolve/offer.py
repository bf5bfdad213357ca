"""Weights for one PSF: offered where the PSF is theirs, and warned of where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QWidget

from ..kit.form import Choice
from ..kit.job import Job, steps_of
from ..kit.parts import Notice

if TYPE_CHECKING:
    from ...psf import PreparedPsf
    from ...restoration.networks.base import LearnedMethod
    from ...train.library import Entry, Match

_NEAR = 0.25
"""Distance of PSFs up to which weights are worth a try."""


class WeightsOffer(Notice):
    """Fills a network's field ``weights`` while it is empty, and says what it did."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choice: Any = None
        self._filled = self._near = ""
        self._job = Job(self)
        self._job.on_result = self._on_matches
        self._job.on_error = lambda error: self.say("")
        self.button.clicked.connect(self._take)

    def look(self, choice: Choice, prepared: PreparedPsf | None) -> None:
        """Look for weights that fit.

        Parameters
        ----------
        choice : Choice
            Of the method, with its form.
        prepared : PreparedPsf or None
            The PSF.
        """
        self._choice = choice
        kind = choice.kind
        if prepared is None or kind is None or not getattr(kind, "needs_weights", False):
            self._job.stop()
            self.say("")
            return
        name, psf = kind.name, prepared.array
        self._job.start(steps_of(lambda: _matches(name, psf)))

    @property
    def _field(self) -> Any:
        form = self._choice.form if self._choice is not None else None
        return form.widgets.get("weights") if form is not None else None

    def _on_matches(self, matches: list[Any]) -> None:
        field, kind = self._field, self._choice.kind
        if field is None or kind is None:
            return
        from ...restoration.networks.one_psf import ALIKE

        best = matches[0] if matches else None
        by_name = {match.entry.name: match for match in matches}
        given = str(field.value)
        if given and given == self._filled and by_name.get(given, best) is not None:
            match = by_name.get(given)
            if match is None or match.distance > ALIKE:  # it was for the last PSF
                given = self._fill("")
        if not given and best is not None and best.distance <= ALIKE:
            given = self._fill(best.entry.name)
        self._say(given, by_name.get(given), best, kind)

    def _fill(self, name: str) -> str:
        """Set the field, though nobody typed it; the name."""
        self._filled = name
        self._choice.form.set_values({"weights": name})
        return name

    def _say(
        self, given: str, chosen: Match | None, best: Match | None, kind: type[LearnedMethod]
    ) -> None:
        from ...restoration.networks.one_psf import ALIKE

        self._near = ""
        if chosen is not None and chosen.distance > ALIKE:
            self.say(
                f"“{given}” was trained for another PSF: this one differs by "
                f"{chosen.distance:.0%}.", "warning"
            )  # fmt: skip
        elif chosen is not None:
            self.say(f"“{given}”, {_whence(chosen.entry)}, was trained for this PSF.")
        elif not given and best is not None and best.distance <= _NEAR:
            self._near = best.entry.name
            self.say(
                f"“{self._near}”, {_whence(best.entry)}, was trained for a similar PSF: this "
                f"one differs by {best.distance:.0%}.", "info", "Use it"
            )  # fmt: skip
        elif not given and kind.one_psf:
            works = "has no weights" if kind.untrained else "works untrained"
            text = f"{kind.title} {works} for this PSF. Plugins > Deconvolution > Train makes some."
            self.say(text, "warning" if kind.untrained else "info")
        else:
            self.say("")

    def _take(self) -> None:
        field = self._field
        if field is not None and self._near:
            field.value = self._near


def _whence(entry: Entry) -> str:
    return "which comes with the plugin" if entry.shipped else "from your weights"


def _matches(name: str, psf: NDArray[np.float32]) -> list[Any]:
    from ...train import library

    return library.matches(name, psf)
