"""A panel of its own for every network."""

from __future__ import annotations

from .deconvolve import DeconvolvePanel


class FCNN(DeconvolvePanel, preset="fcnn"):
    """The Deconvolve panel on FCNN."""
