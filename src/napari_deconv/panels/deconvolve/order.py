"""A restoration with the settings of the Deconvolve panel, as its worker runs it."""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ...core.errors import DeconvError
from ...psf import ImageFacts, PreparedPsf, PsfRequest
from ...psf.request import Kernels
from ..kit import settings

if TYPE_CHECKING:
    from ...engine.options import Options
    from ...restoration.base import Method
    from ...signal.noise_law import NoiseLaw


@dataclass(frozen=True, eq=False)
class Order:
    """A restoration with the panel's settings at the press of the button."""

    method: Method
    psf: PsfRequest
    noise: float | NoiseLaw | None
    image: ImageFacts | None = None
    linear: bool = False
    refine: int = 0
    strength: float = 1.0
    nan: str = "refuse"
    keep_float: bool = False
    path: str | None = None

    def stream(
        self,
        data: NDArray[Any],
        axes: str,
        kernels: Kernels,
        cancel: threading.Event,
        refine: int = 0,
    ) -> Generator[Any, None, Any]:
        """The engine's steps; runs in the worker."""
        from ...deconvolution import restore
        from ...restoration.expected import remembered

        given = self.options(axes, kernels, cancel)
        run = restore(
            self.method, data, kernels, linear=self.linear, refine_psf=refine,
            strength=self.strength, **given,
        )  # fmt: skip
        return remembered(self.method, run)

    def options(self, axes: str, kernels: Kernels, cancel: threading.Event) -> Options:
        """Options for the engine: axes, noise, spacing, device, memory."""
        from ...io.photo import jpeg_tables

        chosen = settings.current()
        return {
            "axes": axes,
            "noise": self.noise,
            "tables": jpeg_tables(self.path),
            "spacing": self.spacing(kernels),
            "device": chosen.device,
            "precision": chosen.precision,
            "memory_bytes": chosen.memory_bytes,
            "cancel": cancel,
            "nan": self.nan,
            "keep_float": self.keep_float,
        }

    def expected(
        self, data: NDArray[Any], axes: str, cancel: threading.Event
    ) -> Generator[Any, None, float]:
        """Seconds that a run will take; runs in the worker."""
        from ...restoration.expected import expected

        kernels = self.prepared().usable()
        yield from ()  # the worker runs generators
        return expected(self.method, data, kernels, **self.options(axes, kernels, cancel))

    def spacing(self, kernels: Kernels) -> tuple[float, ...] | None:
        """Voxel size along the axes of the PSF, where the image has one."""
        first = next(iter(kernels.values())) if isinstance(kernels, dict) else kernels
        return self.image.sizes(first.ndim) if self.image is not None else None

    def prepared(self) -> PreparedPsf:
        """The PSF, or a `DeconvError` if it cannot be made; runs in the worker."""
        return self.psf.prepare(self.image)

    def run(
        self, data: NDArray[Any], axes: str, cancel: threading.Event
    ) -> Generator[Any, None, Any]:
        """Make the PSF and restore; returns the engine's result and the PSF's recipe."""
        psf = self.prepared()
        result = yield from self.stream(data, axes, psf.usable(), cancel, self.refine)
        return result, psf.record

    def psf_at(self, prepared: PreparedPsf, place: Mapping[str, float]) -> NDArray[Any]:
        """The PSF that holds at a pixel, by axis; ``made`` is that of the panel without depths.

        Raises
        ------
        DeconvError
            If it cannot be made, or the channel there is left as it is.
        """
        request = self.psf
        if "C" in place and request.channels:
            part = request.channels.get(int(place["C"]))
            if part is None:
                raise DeconvError(f"Channel {place['C']} is left as it is.", "Go to another.")
            return part.prepare(self.image).at(place)
        return (prepared if request.depths == 1 else request.prepare(self.image)).at(place)

    def preview(
        self, data: NDArray[Any], axes: str, kernel: NDArray[Any], cancel: threading.Event
    ) -> Generator[Any, None, Any]:
        """Restore a region; returns the array, of the image's dtype."""
        run = replace(self, keep_float=False)
        result = yield from run.stream(data, axes, kernel, cancel)
        return result.data
