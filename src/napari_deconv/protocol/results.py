"""Rows of results in a CSV file that a kill leaves whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import NamedTuple

from ..core.errors import DeconvError
from ..core.paths import exists, kind_at, make_folder, read_text
from ..core.words import shortened
from ..io.atomic import refused


class Key(NamedTuple):
    """What makes a row another row: with the same key nothing is computed again."""

    scene: str
    noise: str
    image: str
    seed: str
    kernel: str
    method: str
    weights: str
    noise_given: str


@dataclass(frozen=True)
class Row:
    """One contestant on one image.

    Parameters
    ----------
    scene, noise, image, seed, kernel : str
        Which case.
    method, weights, noise_given : str
        Who, with the fingerprint of its weights, and whether it got the noise level (``yes``).
    psnr_db, ssim, seconds : str
        Figures; empty where it failed.
    fields : str
        All fields of the method but the one that an oracle seeks, defaults included.
    setting : str
        What an oracle chose.
    ran_on : str
        Device, threads and how many worked at once.
    failed : str
        Why there are no figures.
    """

    scene: str
    noise: str
    image: str
    seed: str
    kernel: str
    method: str
    weights: str
    noise_given: str
    psnr_db: str = ""
    ssim: str = ""
    seconds: str = ""
    fields: str = ""
    setting: str = ""
    ran_on: str = ""
    failed: str = ""

    @property
    def key(self) -> Key:
        """Key of the case and method that it is a result of."""
        return Key(*astuple(self)[: len(Key._fields)])

    def still_holds(self, fields: str) -> bool:
        """Whether the fields of its method have the same values today; new fields do not count."""
        today = dict(part.partition("=")[::2] for part in fields.split(";") if part)
        then = dict(part.partition("=")[::2] for part in self.fields.split(";") if part)
        return all(today.get(key) == value for key, value in then.items())


FIELDS = tuple(f.name for f in fields(Row))
_OLDER = {"told": "noise_given"}
"""Columns of files that older versions wrote, and what they are called now."""


def read_rows(path: Path) -> dict[Key, Row]:
    """Read all whole rows of a file, the last of each key; none if there is no file.

    Raises
    ------
    DeconvError
        If it is another kind of file.
    """
    if not exists(path):
        return {}
    lines = csv.reader(_whole_lines(io.StringIO(read_text(path), newline="")))
    try:
        head = tuple(_OLDER.get(name, name) for name in next(lines, FIELDS))
        if head != FIELDS:
            shown = shortened(", ".join(head))
            raise DeconvError(f"{path} holds other results: {shown}.", "Name another -o.")
        rows = [Row(*line) for line in lines if len(line) == len(FIELDS)]
    except csv.Error as error:
        raise DeconvError(f"{path} is not a table: {error}.", "Name another -o.") from error
    return {row.key: row for row in rows}


def _whole_lines(lines: Iterable[str]) -> Iterable[str]:
    """The lines without the last one if it is incomplete."""
    return (line for line in lines if line.endswith("\n"))


class Writer:
    """Appends rows to a file, each at once and whole.

    Parameters
    ----------
    path : Path
        Made with its heading, if it is not there.

    Raises
    ------
    DeconvError
        If it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        make_folder(path.parent)
        if kind_at(path) not in ("", "file"):
            raise DeconvError(f"{path} is not a file.", "Name another -o.")
        try:
            self._file = path.open("ab")
            if self._file.tell():
                _cut_torn_line(path)
                self._file.seek(0, io.SEEK_END)
        except OSError as error:
            raise refused(path, error) from error
        if not path.stat().st_size:
            self._write(FIELDS)

    def add(self, row: Row) -> None:
        """Append one row."""
        self._write(astuple(row))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, values: Iterable[str]) -> None:
        line = io.StringIO(newline="")
        csv.writer(line, lineterminator="\n").writerow(" ".join(v.split()) for v in values)
        try:
            self._file.write(line.getvalue().encode())
            self._file.flush()
        except OSError as error:
            raise refused(self._path, error) from error


def _cut_torn_line(path: Path) -> None:
    whole = path.read_bytes()
    kept = whole.rfind(b"\n") + 1
    if kept < len(whole):
        with path.open("r+b") as file:
            file.truncate(kept)
