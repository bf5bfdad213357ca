"""A panel of its own for every network."""

from __future__ import annotations

from .panel import DeconvolvePanel


class Unrolled(DeconvolvePanel, preset="unrolled"):
    """The Deconvolve panel on the unrolled U-Net."""


class FCNN(DeconvolvePanel, preset="fcnn"):
    """The Deconvolve panel on FCNN."""


class GLRA(DeconvolvePanel, preset="glra"):
    """The Deconvolve panel on GLRA."""


class RGDN(DeconvolvePanel, preset="rgdn"):
    """The Deconvolve panel on RGDN."""


class DCNN(DeconvolvePanel, preset="dcnn"):
    """The Deconvolve panel on DCNN."""


class ODCNN(DeconvolvePanel, preset="odcnn"):
    """The Deconvolve panel on ODCNN."""


class CRCNet(DeconvolvePanel, preset="crcnet"):
    """The Deconvolve panel on CRCNet."""
