"""Remarks on images that are not in memory, and results that are written to disk."""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from napari.layers import Image
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ...core.paths import exists, is_folder
from ...core.record import Note, RunRecord
from ..kit.inputs import FileRow
from ..kit.layers import KEY, pixels
from ..kit.parts import Notice, rows
from .order import Order
from .remarks import remarks


class ToDisk(QWidget):
    """Says what is odd about an image, and offers a folder where it is lazy."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.notice = Notice()
        self.folder = FileRow("A folder for the result", "in memory")
        self.folder.edit.setToolTip(
            "Where given, the result is written there as an OME-Zarr, block by block, and opened "
            "as a lazy layer. The same run into the same folder goes on where it was stopped."
        )
        self._form = QWidget()
        form = rows()
        form.addRow("Write into", self.folder)
        self._form.setLayout(form)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.notice)
        layout.addWidget(self._form)
        self.set_image(None)

    def set_image(self, layer: Image | None) -> None:
        """Tell which image it is about."""
        lazy = layer is not None and not isinstance(pixels(layer), np.ndarray)
        self._form.setVisible(lazy)
        words = []
        if layer is not None and layer.multiscale:
            count, shape = len(layer.data), "x".join(map(str, pixels(layer).shape))
            words.append(f"It has {count} levels: level 0, the finest ({shape}), is restored.")
        if lazy:
            words.append(
                f"It is read as needed ({_bytes(pixels(layer))} in all). The preview reads what is "
                "in view; Run makes the whole, in memory unless a folder is given."
            )
        odd = [] if layer is None else remarks(layer)
        self.notice.say("\n".join([*words, *odd]), "warning" if odd else "info")

    def target(self, layer: Image, title: str) -> Path | None:
        """The OME-Zarr to write, or None for a result in memory.

        Raises
        ------
        DeconvError
            If the folder is not there or holds a finished result of that name; without one, if
            the result of a lazy layer would not fit into memory.
        """
        folder = self.folder.path if self._form.isVisibleTo(self) else ""
        if not folder:
            _check_memory(pixels(layer))
            return None
        if not is_folder(folder):
            raise DeconvError(f"There is no folder {folder}.", "Choose one that is there.")
        name = re.sub(r"[^\w.+-]+", "-", f"{layer.name} {title}").strip("-")
        path = Path(folder) / f"{name}.zarr"
        if exists(path) and not exists(path.with_name(path.name + ".progress")):
            raise DeconvError(
                f"{path} exists already.", "Choose another folder, or remove it: nothing is lost."
            )
        return path


def _bytes(data: NDArray[Any]) -> str:
    size = data.size * data.dtype.itemsize
    return f"{size / 1e9:,.3g} GB" if size >= 1e9 else f"{size / 1e6:.3g} MB"


def _check_memory(data: Any) -> None:
    if isinstance(data, np.ndarray):
        return
    size, free = data.size * data.dtype.itemsize, psutil.virtual_memory().available
    if size > free:
        raise DeconvError(
            f"The result takes {_bytes(data)}, and {free / 1e9:.3g} GB of memory are free.",
            "Choose a folder under Write into, or crop the layer.",
        )


def check_blocks(order: Order) -> None:
    """A `DeconvError` where a result cannot go to disk block by block."""
    if order.refine:
        raise DeconvError(
            "A PSF is not refined on an image that is larger than memory.",
            "Refine it on a part of the image first, or switch Refine PSF off.",
        )
    if order.strength < 1:
        raise DeconvError(
            "Block by block, a result is not mixed with the image.", "Set a higher strength."
        )
    if order.keep_float:
        raise DeconvError(
            "Block by block, a result has the image's type.", "Switch “Keep as float” off."
        )


@dataclass(frozen=True, eq=False)
class Written:
    """A result on disk, as `core.progress.Result` for the panel."""

    target: Path
    record: RunRecord
    notes: tuple[Note, ...]


def write(
    order: Order, layer_path: str | None, data: NDArray[Any], axes: str, target: Path,
    cancel: threading.Event,
) -> Generator[Any, None, Any]:  # fmt: skip
    """Restore a file block by block; runs in the worker. Returns what `Order.run` would."""
    from ...blocks import open_source, stream_blocks

    if not layer_path:
        raise DeconvError(
            "The layer comes from no file, which blocks are read from.",
            "Save it as an OME-Zarr or TIFF, open that, and run again.",
        )
    psf = order.prepared()
    kernels = psf.usable()
    source = open_source(layer_path, axes)
    try:
        if tuple(source.array.shape) != tuple(data.shape):
            raise DeconvError(
                f"{layer_path} holds {source.array.shape}, but the layer {tuple(data.shape)}.",
                "Open the file as one layer, or use napari-deconv deconvolve on it.",
            )
        given = order.options(axes, kernels, cancel)
        outcome = yield from stream_blocks(
            order.method, source, target, kernels, psf_record=psf.record, **given
        )
    finally:
        source.close()
    lines = [f"Block {where}: {why}" for where, why in outcome.failed.items()]
    lines += ["Run it again to try these blocks once more."] if lines else []
    notes = (Note("failed", line) for line in lines)
    return Written(outcome.target, outcome.record, (*outcome.notes, *notes)), psf.record


def open_written(
    viewer: Viewer, target: Path, name: str, look: Mapping[str, Any], metadata: Mapping[str, Any]
) -> Any:
    """Open a result on disk as a lazy layer with all its levels."""
    import dask.array
    import zarr

    da: Any = dask.array
    node = zarr.open_group(str(target), mode="r")
    attributes: Any = node.attrs.asdict()
    multiscales = attributes.get("ome", attributes)["multiscales"]
    levels = [da.from_zarr(str(target), x["path"]) for x in multiscales[0]["datasets"]]
    options = dict(look) | {"multiscale": len(levels) > 1}
    data = levels if len(levels) > 1 else levels[0]
    return viewer.add_image(data, name=name, metadata={KEY: dict(metadata)}, **options)
