"""Deblur photos and microscopy stacks: in napari, from Python and from the command line.

Everything public is loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import metrics, psf
    from .core.errors import DeconvError
    from .degradation.base import degrade
    from .restoration.base import deconvolve, methods

__version__ = "0.1.0"

__all__ = ["DeconvError", "__version__", "deconvolve", "degrade", "methods", "metrics", "psf"]

_HOMES = {
    "DeconvError": "core.errors",
    "deconvolve": "restoration.base",
    "degrade": "degradation.base",
    "methods": "restoration.base",
}
_MODULES = ("metrics", "psf")


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
