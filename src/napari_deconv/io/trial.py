"""Whether a format can hold a result, found out before the work that makes it."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from .files import write
from .picture import Picture
from .storage import Storage

_SIDE = 8


def check_format(path: str | Path, like: Picture, storage: Storage | None = None) -> None:
    """Raise unless pixels such as those of ``like`` can be written to a file of this name.

    A corner of the picture, blank, is written elsewhere, in the same way and with the same
    metadata: what cannot be written says so now and not after hours.

    Parameters
    ----------
    path : str or Path
        Only its name counts; nothing is written there.
    like : Picture
        Number type, axes and metadata of the result.
    storage : Storage, optional
        As for `write`.

    Raises
    ------
    DeconvError
        As `write` would.
    """
    shape = tuple(
        min(n, _SIDE if a in "YX" else 4 if a == "S" else 2)
        for a, n in zip(like.axes, like.data.shape, strict=True)
    )
    blank = np.zeros(shape, like.data.dtype)
    with tempfile.TemporaryDirectory() as folder:
        name, blank_like = Path(folder) / Path(path).name, replace(like, data=blank, path=None)
        write(name, blank, like=blank_like, storage=storage)
