"""Sets of PSFs: from files, folders and generators."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.fingerprint import array_hash
from ..core.paths import check_readable, is_folder
from ..engine.incoming import psf_fault
from ..io import files_in
from ..psf import PSF, from_array, load
from .naming import settings

SUFFIXES = (".npz", ".npy", ".tif", ".tiff", ".png")


@dataclass(frozen=True, eq=False)
class Kernel:
    """A PSF under the name that rows of results give it.

    Parameters
    ----------
    label : str
        Tells it from all others: a generator with its fields, or a file with a fingerprint.
    array : ndarray
        float32 ``(Y, X)`` of unit sum.
    """

    label: str
    array: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class KernelSet:
    """PSFs that images take in turn, image i the one of number ``i mod n``.

    Parameters
    ----------
    label : str
        What a table calls them.
    kernels : tuple of Kernel
        At least one.
    """

    label: str
    kernels: tuple[Kernel, ...]


def generated(psfs: Sequence[PSF], label: str = "") -> KernelSet:
    """PSFs rendered by generators."""
    # Every field, so that a default that changes one day changes the name.
    kernels = tuple(_kernel(f"{psf.name}:{settings(psf)}", psf()) for psf in psfs)
    return KernelSet(label or ", ".join(k.label for k in kernels), kernels)


def kernels_in(path: Path) -> KernelSet:
    """PSFs of a file, or of the files of a folder in sorted order.

    Parameters
    ----------
    path : Path
        An NPZ file (all its arrays, sorted by name), one NPY, TIFF or PNG file, or a folder.

    Raises
    ------
    DeconvError
        If there is none, or one of them is not a plane.
    """
    if is_folder(path):
        files = files_in(path, SUFFIXES)
        arrays = [pair for file in files for pair in _arrays(file)]
    else:
        arrays = list(_arrays(path))
    if not arrays:
        raise DeconvError(f"There is no PSF in {path}.", f"Looked for {', '.join(SUFFIXES)}.")
    kernels = tuple(_kernel(f"{name} {array_hash(array)[:8]}", array) for name, array in arrays)
    return KernelSet(path.name, kernels)


def _arrays(path: Path) -> Iterable[tuple[str, NDArray[np.float32]]]:
    if path.suffix.lower() != ".npz":
        return [(path.stem, load(path))]
    check_readable(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            names = sorted(file)
            return [
                (f"{path.stem}:{name}", from_array(file[name], f"{path.name}: {name}"))
                for name in names
            ]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DeconvError(f"{path} could not be read: {error}.", "Give plain arrays.") from error


def _kernel(label: str, array: NDArray[Any]) -> Kernel:
    values = np.asarray(array, np.float64)
    if values.ndim != 2:
        raise DeconvError(f"The PSF {label} is {values.ndim}-D.", "The protocol is for planes.")
    if fault := psf_fault(values):
        raise DeconvError(f"{label}: {fault[1]}", fault[2])
    return Kernel(label, (values / values.sum()).astype(np.float32))
