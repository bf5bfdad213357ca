"""A person's own weights: kept under readable names, and found again by the PSF they are for."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.paths import exists, is_file, make_folder, open_file
from ..core.words import refusal
from ..io import files_in
from ..io.atomic import replacing
from ..io.guard import Guard
from ..psf import psf_hash
from ..restoration.base import methods
from ..restoration.networks.one_psf import distance, trained_psf
from ..restoration.released import SUFFIXES as RELEASED
from ..restoration.released import converted
from ..restoration.weights import FOLDER, own_folder, read_header, read_weights

log = logging.getLogger("napari_deconv")

_SUFFIX = ".safetensors"
_NAME = re.compile(r"[\w][\w .,()+=-]{0,79}")


@dataclass(frozen=True, eq=False)
class Entry:
    """One set of weights, in the library or from the package.

    Parameters
    ----------
    name : str
        What the person calls it; a method's field ``weights`` takes it.
    method : str
        Name of the network it is of.
    path : Path
        Its file.
    header : mapping
        What the file says about itself: recipe, scores, licence and so on.
    """

    name: str
    method: str
    path: Path
    header: Mapping[str, Any]

    @property
    def shipped(self) -> bool:
        """Whether it comes with the package."""
        return self.path.parent == FOLDER

    @property
    def psf(self) -> NDArray[np.float32] | None:
        """The one PSF it was trained for; None if there were many."""
        return trained_psf(self.header)

    @property
    def psf_hash(self) -> str:
        """Fingerprint of that PSF; empty if there is none."""
        return "" if self.psf is None else psf_hash(self.psf)

    @property
    def score(self) -> float:
        """Mean PSNR on held-out images in dB; NaN if it does not say."""
        scores = self.header.get("scores", {}).get("held_out_psnr", {})
        return float(np.mean(list(scores.values()))) if scores else float("nan")


@dataclass(frozen=True, eq=False)
class Match:
    """Weights, and the distance of their PSF from a given one.

    Parameters
    ----------
    entry : Entry
        The weights.
    distance : float
        0 for equal ones; see `restoration.one_psf.distance`.
    """

    entry: Entry
    distance: float


def entries() -> list[Entry]:
    """List the library by name; files that are not ours are passed over."""
    return _entries(own_folder())


def _entries(folder: Path) -> list[Entry]:
    """List the weights of a folder, which need not exist or be readable."""
    weights = []
    try:
        paths = files_in(folder, (_SUFFIX,)) if exists(folder) else []
    except DeconvError as error:
        log.warning("%s", error)
        return []
    for path in paths:
        try:
            weights.append(_entry(path))
        except DeconvError as error:
            log.warning("%s", error)
    return weights


def get(name: str) -> Entry:
    """The entry of a name.

    Raises
    ------
    DeconvError
        If there is none.
    """
    path = own_folder() / f"{name}{_SUFFIX}"
    if not is_file(path):
        raise DeconvError(f"There are no weights {name!r} of yours.", "Look at the list.")
    return _entry(path)


def names(method: str) -> list[str]:
    """List the weights of a network by name: the person's own, then those of the package."""
    return [e.name for e in (*entries(), *_entries(FOLDER)) if e.method == method]


def matches(method: str, psf: NDArray[Any]) -> list[Match]:
    """A network's weights that were trained for one PSF, the nearest to ``psf`` first.

    The person's own and, behind own ones as near, those that come with the package.
    """
    wanted = psf_hash(psf)
    candidates = []
    for entry in (*entries(), *_entries(FOLDER)):
        own = entry.psf
        if entry.method == method and own is not None and psf.ndim == 2:
            away = 0.0 if entry.psf_hash == wanted else distance(psf, own)
            candidates.append(Match(entry, away))
    return sorted(candidates, key=lambda match: match.distance)


def add(file: Path, name: str) -> Entry:
    """Copy a weight file into the library.

    Parameters
    ----------
    file : Path
        A weight file, from a training or from somebody else; or one of a denoiser as
        `restoration.released` takes it, which is converted.
    name : str
        What to call it.

    Raises
    ------
    DeconvError
        If the file is not ours or was altered, or the name does not do or exists.
    """
    target = _free(name)
    if file.suffix.lower() in RELEASED:
        content = converted(file)
        with replacing(target) as beside:
            beside.write_bytes(content)
        return _entry(target)
    read_weights(file, *methods())
    _copy(file, target)
    return _entry(target)


def rename(name: str, new: str) -> Entry:
    """Call an entry something else; see `add` for errors."""
    entry, target = get(name), _free(new)
    try:
        entry.path.rename(target)
    except OSError as error:
        raise refusal(target, error) from error
    return _entry(target)


def delete(name: str) -> None:
    """Take an entry away for good."""
    path = get(name).path
    try:
        path.unlink()
    except OSError as error:
        raise refusal(path, error) from error


def export(name: str, file: Path, overwrite: bool = False) -> Path:
    """Copy an entry to a file, which gets the suffix ``.safetensors`` if it lacks it.

    Parameters
    ----------
    name : str
        The entry.
    file : Path
        Where to.
    overwrite : bool
        Whether the person agreed that ``file``, under exactly this name, is replaced.

    Raises
    ------
    DeconvError
        If there is no such entry, or the file exists or cannot be written. One in the library is
        never replaced.
    """
    target = file if file.name.endswith(_SUFFIX) else file.with_name(file.name + _SUFFIX)
    entry = get(name)
    guard = Guard.of([*files_in(own_folder(), (_SUFFIX,)), *files_in(FOLDER, (_SUFFIX,))])
    guard.check_inputs(target)
    if exists(target) and not (overwrite and target == file and is_file(target)):
        raise DeconvError(f"{target} exists.", "Choose another name.")
    _copy(entry.path, target)
    return target


def check(name: str) -> None:
    """Raise `DeconvError` if a name does not do or is taken."""
    _free(name)


def unused(name: str) -> str:
    """``name`` as it can be used, with a number behind it if there is one of that name."""
    plain = re.sub(r"[^\w .,()+=-]", "", name).strip(" .-")[:70] or "weights"
    number, free = 1, plain
    while _taken(free):
        number += 1
        free = f"{plain} {number}"
    return free


def _entry(path: Path) -> Entry:
    header = read_header(path)
    return Entry(path.stem, str(header["method"]), path, header)


def _taken(name: str) -> bool:
    return any(exists(folder / f"{name}{_SUFFIX}") for folder in (own_folder(), FOLDER))


def _free(name: str) -> Path:
    if not _NAME.fullmatch(name) or name.endswith((" ", ".", _SUFFIX)):
        raise DeconvError(
            f"{name!r} does not do as a name.", "Use letters, digits, spaces and . , ( ) + = - _"
        )
    if _taken(name):
        raise DeconvError(f"There are weights called {name!r} already.", "Choose another name.")
    return make_folder(own_folder()) / f"{name}{_SUFFIX}"


def _copy(file: Path, target: Path) -> None:
    with open_file(file) as source, replacing(target) as beside, beside.open("wb") as copy:
        shutil.copyfileobj(source, copy)
