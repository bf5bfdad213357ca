"""A restoration as asked for in the Deconvolve panel, and as its worker runs it."""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import settings
from .layers import Placement
from .psf_request import Prepared, Request


@dataclass(frozen=True, eq=False)
class Order:
    """One restoration as the panel stood when it was asked for."""

    method: Any
    psf: Request
    noise: float | None
    linear: bool = False
    voxel: Mapping[str, float] = field(default_factory=dict)

    def stream(
        self, data: Any, axes: str, prepared: Prepared, cancel: threading.Event
    ) -> Generator[Any, None, Any]:
        """The engine's steps; runs in the worker."""
        from ..core.colour import stream_in_linear_light
        from ..core.engine import stream

        chosen, kernel = settings.current(), prepared.usable()
        sizes = [self.voxel[a] for a in "ZYX"[-kernel.ndim :] if a in self.voxel]
        return (stream_in_linear_light if self.linear else stream)(
            self.method, data, kernel, axes=axes, noise=self.noise,
            spacing=sizes if len(sizes) == kernel.ndim else None,
            device=chosen.device, memory_bytes=chosen.memory_bytes, cancel=cancel,
        )  # fmt: skip

    def run(self, data: Any, axes: str, cancel: threading.Event) -> Generator[Any, None, Any]:
        """Make the PSF and restore; returns the engine's result and the PSF's recipe."""
        prepared = self.psf.prepare()
        result = yield from self.stream(data, axes, prepared, cancel)
        return result, prepared.about

    def preview(
        self, data: Any, axes: str, prepared: Any, cancel: threading.Event
    ) -> Generator[Any, None, Any]:
        """Restore a region; returns the array."""
        result = yield from self.stream(data, axes, prepared, cancel)
        return result.data


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a running restoration came from, for when the layer is gone or the panel moved on."""

    placement: Placement
    title: str
    path: str | None
