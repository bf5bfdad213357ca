"""A restoration as asked for in the Deconvolve panel, and as its worker runs it."""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..kit import settings
from ..kit.layers import Placement
from ..psf.request import Request
from ..psf.variety import Variety

if TYPE_CHECKING:
    from ...engine.options import Options
    from ...signal.noise_law import NoiseLaw


@dataclass(frozen=True, eq=False)
class Order:
    """One restoration as the panel stood when it was asked for."""

    method: Any
    psf: Request
    noise: float | NoiseLaw | None
    linear: bool = False
    voxel: Mapping[str, float] = field(default_factory=dict)
    variety: Variety = field(default_factory=Variety)
    refine: int = 0
    nan: str = "refuse"

    def stream(
        self, data: Any, axes: str, kernels: Any, cancel: threading.Event, refine: int = 0
    ) -> Generator[Any, None, Any]:
        """The engine's steps; runs in the worker."""
        from ...engine.restore import restore
        from ...restoration.expected import remembered

        given = self.options(axes, kernels, cancel)
        light = self.linear
        run = restore(self.method, data, kernels, linear=light, refine_psf=refine, **given)
        return remembered(self.method, run)

    def options(self, axes: str, kernels: Any, cancel: threading.Event) -> Options:
        """What the engine is told besides image and PSF."""
        chosen = settings.current()
        return {
            "axes": axes,
            "noise": self.noise,
            "spacing": self.spacing(axes, kernels),
            "device": chosen.device,
            "precision": chosen.precision,
            "memory_bytes": chosen.memory_bytes,
            "cancel": cancel,
            "nan": self.nan,
        }

    def expected(
        self, data: Any, axes: str, cancel: threading.Event
    ) -> Generator[Any, None, float]:
        """Seconds that a run will take; runs in the worker."""
        from ...restoration.expected import expected

        kernels, _ = self.variety.make(self.psf)
        yield from ()  # the worker runs generators
        return expected(self.method, data, kernels, **self.options(axes, kernels, cancel))

    def spacing(self, axes: str, kernels: Any) -> list[float] | None:
        """Voxel size along the axes of the PSF, where the image has one."""
        one = next(iter(kernels.values())) if isinstance(kernels, dict) else kernels
        sizes = [self.voxel[a] for a in "ZYX"[-one.ndim :] if a in self.voxel]
        return sizes if len(sizes) == one.ndim else None

    def run(self, data: Any, axes: str, cancel: threading.Event) -> Generator[Any, None, Any]:
        """Make the PSF and restore; returns the engine's result and the PSF's recipe."""
        kernels, about = self.variety.make(self.psf)
        result = yield from self.stream(data, axes, kernels, cancel, self.refine)
        return result, about

    def preview(
        self, data: Any, axes: str, prepared: Any, cancel: threading.Event
    ) -> Generator[Any, None, Any]:
        """Restore a region; returns the array."""
        result = yield from self.stream(data, axes, prepared.usable(), cancel)
        return result.data


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a running restoration came from, for when the layer is gone or the panel moved on."""

    placement: Placement
    title: str
    path: str | None
