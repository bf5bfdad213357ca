"""The papers' own analyses, done again with this package's methods.

A study is one file: a function under `study` that gets photos and returns numbers and a figure.
`python -m studies NAME`, from a checkout of the repository, writes them beside what the paper says.
"""

from __future__ import annotations

from .base import Findings, Study, studies
from .material import Given

__all__ = ["Findings", "Given", "Study", "studies"]
