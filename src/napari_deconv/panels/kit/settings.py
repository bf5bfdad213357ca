"""What the person set under Preferences > Deconvolution."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

_GB = 1024**3
_log = logging.getLogger("napari_deconv")


@dataclass(frozen=True)
class Settings:
    """Where and how to compute, and how much memory to take.

    Parameters
    ----------
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    precision : str
        Number format of networks: ``auto``, ``float32`` or ``bfloat16``.
    memory_bytes : int or None
        Budget of a run; None takes what the device can spare.
    """

    device: str = "auto"
    precision: str = "auto"
    memory_bytes: int | None = None


def current() -> Settings:
    """The settings as they are now; the defaults where napari knows none."""
    try:
        from napari.settings import get_plugin_settings

        run = get_plugin_settings("napari-deconv").computing
        budget = float(run.memory_gb)
        usable = budget > 0 and math.isfinite(budget)
        memory = int(budget * _GB) if usable else None
        return Settings(str(run.device), str(run.precision), memory)
    except (ImportError, KeyError, AttributeError, TypeError, ValueError):
        _log.debug("no settings page", exc_info=True)
        return Settings()
