"""Estimating the point spread function from the image itself.

`estimate` tries the families of a few parameters and camera shake and takes what fits best;
`from_edge` measures it on one straight edge.
"""

from __future__ import annotations

from .across import Across, estimate_across, stream_across
from .api import estimate, stream
from .edge import from_edge
from .refine import refine
from .result import Confidence, Estimate, Guess

__all__ = [
    "Across",
    "Confidence",
    "Estimate",
    "Guess",
    "estimate",
    "estimate_across",
    "from_edge",
    "refine",
    "stream",
    "stream_across",
]
