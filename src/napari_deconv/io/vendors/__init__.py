"""Files as microscopes write them (CZI, ND2, LIF), through other people's readers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DeconvError
from ...core.paths import check_readable
from ..complete import check_room
from ..folder import VENDORS
from ..optics import Optics
from ..picture import ORDER, Picture, finite_sizes

_READERS = {"czi": ("zeiss", "czifile"), "nd2": ("nikon", "nd2"), "lif": ("leica", "liffile")}
_REMEDY = 'Install it: pip install "napari-deconv[vendors]".'


@dataclass(frozen=True, eq=False, kw_only=True)
class Raw:
    """An image of such a file, of which no pixels have been read.

    Parameters
    ----------
    axes : str
        One letter per axis, in the file's own order.
    shape : tuple of int
        Length of each.
    dtype : dtype
        Of the pixels.
    pixels : callable
        Reads them.
    sizes : mapping of str to tuple of float and str
        Size along an axis and its unit.
    channels : tuple of str
        Names.
    optics : Optics
        What the file states of them.
    notes : tuple of str
        What had to be decided, in words.
    """

    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    pixels: Callable[[], NDArray[Any]] = field(repr=False)
    sizes: Mapping[str, tuple[float, str]]
    channels: tuple[str, ...] = ()
    optics: Optics = field(default_factory=Optics)
    notes: tuple[str, ...] = ()

    def picture(self, path: Path, pixels: bool = True) -> Picture:
        """The picture in the order of ``TCZYXS``, without axes of length 1 but Y and X.

        Parameters
        ----------
        path : Path
            Of the file.
        pixels : bool
            Whether to read them; without, they are zeros that take no memory.

        Raises
        ------
        DeconvError
            If an axis or the numbers are none that can be restored, or do not fit in memory.
        """
        kept = [i for i, a in enumerate(self.axes) if self.shape[i] > 1 or a in "YX"]
        letters = "".join(self.axes[i] for i in kept)
        odd = next((a for a in letters if a not in ORDER), "")
        if odd or self.dtype.kind not in "uif":
            what = f"its axes are {letters}" if odd else f"its numbers are {self.dtype}"
            part = odd if odd else "that"
            raise DeconvError(
                f"{what}, and {part} is none that can be restored.",
                "Export one of them as OME-TIFF in the maker's own program.",
            )
        if pixels:
            check_room(self.shape, self.dtype)
            data = self.pixels()
        else:
            data = np.broadcast_to(np.zeros((), self.dtype), self.shape)
        data = data.reshape([self.shape[i] for i in kept])
        wanted = "".join(a for a in ORDER if a in letters)
        data = data.transpose([letters.index(a) for a in wanted])
        # Metres become micrometres with an error in the last digit.
        sizes, units = finite_sizes({a: (round(n, 9), unit) for a, (n, unit) in self.sizes.items()})
        return Picture(
            data=np.ascontiguousarray(data) if pixels else data, axes=wanted, pixel_size=sizes,
            units=units, channels=self.channels if any(self.channels) else (),
            info={"optics": self.optics, "files": (str(path),)}, notes=self.notes,
        )  # fmt: skip


@contextmanager
def opened(path: Path, position: int | None = None) -> Iterator[Raw]:
    """An image of such a file (the first is 0), without its pixels.

    Raises
    ------
    DeconvError
        If the reader is not installed, the file is damaged, or there is no such image.
    """
    module = _module(path)
    with module.opened(path) as images:
        count = len(images)
        if not count:
            raise DeconvError("it holds no image.", "Save it anew.")
        if not 0 <= (position or 0) < count:
            raise DeconvError(
                f"there is no position {position}: it holds {count} image{'s' * (count > 1)}.",
                f"Count from 0 to {count - 1}." if count > 1 else "Leave it out, or give 0.",
            )
        raw: Raw = images[position or 0]()
        if count > 1 and position is None:
            text = f"The file holds {count} images; only the first is used."
            raw = Raw(**{**vars(raw), "notes": (*raw.notes, text)})
        yield raw


def read_vendor(path: Path, position: int | None = None) -> Picture:
    """Read an image of such a file with its metadata, as `opened` says."""
    with opened(path, position) as raw:
        return raw.picture(path)


def position_count(path: Path) -> int:
    """How many images such a file holds; 1 of one that cannot be read: reading it will say why."""
    try:
        with _module(path).opened(path) as images:
            return max(1, len(images))
    except Exception:
        return 1


def _module(path: Path) -> ModuleType:
    name, package = _READERS[VENDORS[path.suffix.lower()]]
    check_readable(path)
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise DeconvError(
            f"reading {path.suffix.upper()[1:]} needs the package {package}.", _REMEDY
        ) from error
    return importlib.import_module(f".{name}", __name__)
