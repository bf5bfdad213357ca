"""A word before a run on what does not work in the PSF's dimensions, and a button for what does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtWidgets import QWidget

from .form import Choice, only_in
from .parts import Notice


class Misfit(Notice):
    """Shown while a choice does not work with the PSF.

    Parameters
    ----------
    choice : Choice
        Of a method.
    first : sequence of str
        Names of what to take instead, the best first.
    greys : bool
        Whether entries that do not fit are greyed. Where the PSF is chosen after the method, they
        must not be.
    """

    def __init__(
        self,
        choice: Choice,
        first: Sequence[str],
        greys: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._choice, self._first, self._greys = choice, first, greys
        self._instead = ""
        self.button.clicked.connect(self._take)

    def look(self, ndim: int | None, quiet: bool = False) -> bool:
        """Say whether what is chosen works with a PSF of so many dimensions; None is not known.

        Where it is ``quiet``, entries are greyed and nothing is said.
        """
        choice, kind = self._choice, self._choice.kind
        if self._greys:
            choice.fit(ndim)
        if quiet or kind is None or choice.fits_in(choice.name, ndim):
            self.say("")
            return True
        able = [name for name in choice.kinds if choice.fits_in(name, ndim)]
        able.sort(key=lambda name: self._first.index(name) if name in self._first else 99)
        self._instead = able[0] if able else ""
        titles = [choice.kinds[name].title for name in able[:2]]
        others = f" {' and '.join(titles)} {'take' if len(titles) > 1 else 'takes'} it."
        other = f" Or choose a {kind.ndim[0]}-D PSF."
        text = f"{kind.title} {needs(kind, ndim)}.{others if able else ''}{other}"
        self.say(text, "warning", f"Take {titles[0]}" if able else "")
        return False

    def _take(self) -> None:
        if self._instead:
            self._choice.choose(self._instead)


def needs(kind: Any, ndim: int | None) -> str:
    """What a method needs that a PSF of so many dimensions is not."""
    return f"works on {only_in(kind)} and needs a {kind.ndim[0]}-D PSF; this one is {ndim}-D"
