"""The PSF of a microscope from an image of beads, with its table and page of figures."""

from __future__ import annotations

from .average import measure

__all__ = ["measure"]
