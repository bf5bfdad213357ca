"""What a person at the terminal sees while it works: progress and notes, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from ..core.record import Note
from ..psf.request import Kernels, PreparedPsf


class StepLike(Protocol):
    """What generators of this package yield."""

    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def label(self) -> str: ...


class Reporter:
    """Prints notes, each once, and progress where there is a terminal.

    Parameters
    ----------
    quiet : bool
        Say nothing but errors.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self._printed: set[str] = set()

    def note(self, text: str) -> None:
        """Say something worth knowing, unless it was said before."""
        if not self.quiet and text not in self._printed:
            self._printed.add(text)
            print(text, file=sys.stderr)

    def notes(self, texts: Iterable[Note | str], name: str = "") -> None:
        """Say several things about one file."""
        for text in texts:
            self.note(f"{name}: {text}" if name else str(text))

    def psf(self, prepared: PreparedPsf, name: str) -> Kernels:
        """Say where a PSF's values came from and what is odd about it; what the engine takes.

        Raises
        ------
        DeconvError
            If it cannot be used.
        """
        several = len(prepared.optics) > 1 or bool(prepared.channels)
        for psf in prepared.optics:
            title = f" ({psf.name})" if psf.name else ""
            which = f", channel {psf.channel}{title}" if several else ""
            self.notes(psf.notes, name)
            listed = "".join(f"\n  {fact}" for fact in psf.facts)
            self.note(f"{name}{which}: {psf.spec.title.lower()} PSF from{listed}")
        kernels = prepared.usable()
        for part in prepared.channels.values() or (prepared,):
            self.notes(map(str, part.mended), "PSF")
            if part.mended:
                size = " x ".join(map(str, part.array.shape))
                self.note(f"PSF: repaired; it is now {size} px.")
            for finding in part.findings:
                self.note(f"PSF: {finding}{' (--repair-psf)' * finding.repairable}")
        return kernels

    @contextmanager
    def progress(self, name: str) -> Iterator[Bar]:
        """Show a bar that a generator's steps move."""
        bar = Bar(name, hidden=self.quiet or not sys.stderr.isatty())
        try:
            yield bar
        finally:
            bar.close()


class Bar:
    """One tqdm bar, made when the first step tells the total."""

    def __init__(self, name: str, hidden: bool) -> None:
        from tqdm import tqdm

        self._bar = tqdm(desc=name, total=1, disable=hidden, leave=False, file=sys.stderr)

    def __call__(self, step: StepLike) -> None:
        """Move the bar to a step."""
        self._bar.total = step.total
        self._bar.set_postfix_str(step.label, refresh=False)
        self._bar.update(step.done - self._bar.n)

    def close(self) -> None:
        """Remove the bar from the screen."""
        self._bar.close()
