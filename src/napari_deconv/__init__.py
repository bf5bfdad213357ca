"""Deblur photos and microscopy stacks: in napari, from Python and from the command line.

Everything public is loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import blocks, degradation, estimation, io, metrics, psf, samples
    from .blocks import stream_blocks
    from .core.errors import Cancelled, DeconvError
    from .core.progress import Result, Step, drain
    from .deblurring import Deblurred, deblur
    from .deconvolution import deconvolve, expected_seconds, stream
    from .degradation.base import degrade
    from .restoration.base import Method, methods
    from .restoration.networks.maps import Map, maps

__version__ = "0.3.0.dev0"

__all__ = [
    "Cancelled",
    "Deblurred",
    "DeconvError",
    "Map",
    "Method",
    "Result",
    "Step",
    "__version__",
    "blocks",
    "deblur",
    "deconvolve",
    "degradation",
    "degrade",
    "drain",
    "estimation",
    "expected_seconds",
    "io",
    "maps",
    "methods",
    "metrics",
    "psf",
    "samples",
    "stream",
    "stream_blocks",
]

_HOMES = {
    "Cancelled": "core.errors",
    "Deblurred": "deblurring",
    "DeconvError": "core.errors",
    "Map": "restoration.networks.maps",
    "Method": "restoration.base",
    "Result": "core.progress",
    "Step": "core.progress",
    "deblur": "deblurring",
    "deconvolve": "deconvolution",
    "degrade": "degradation.base",
    "drain": "core.progress",
    "expected_seconds": "deconvolution",
    "maps": "restoration.networks.maps",
    "methods": "restoration.base",
    "stream": "deconvolution",
    "stream_blocks": "blocks",
}
_MODULES = ("blocks", "degradation", "estimation", "io", "metrics", "psf", "samples")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
