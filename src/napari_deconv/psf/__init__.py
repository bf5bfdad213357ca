"""Point spread functions: what the lens, the camera and the hand did to a point of light.

``Disk(radius_px=7)()`` renders a PSF, `load` reads one, `inspect` says in words what is wrong
with it and `repair` mends it. A module added here registers its PSF by itself.
"""

from __future__ import annotations

import importlib
import pkgutil

from ..core.fingerprint import array_hash as psf_hash
from ..engine.depths import DepthPSF
from ..engine.regions import RegionPSF
from .base import PSF
from .beads import measure as measure_beads
from .beads.page import page as bead_page
from .beads.page import table as bead_table
from .camera_shake import CameraShake
from .depths import at_depths, through
from .disk import Disk
from .findings import Finding
from .fluorescence import Confocal, LightSheet, TwoPhoton, WideField
from .gaussian import Gaussian
from .image_facts import ImageFacts
from .measured import from_array, load
from .metadata import ChannelPSF, Fact, from_metadata
from .motion import Motion, line_to_motion
from .preflight import inspect, of_generator, repair
from .preset import OpticsPreset
from .readout import describe, fwhm
from .request import FromMetadata, PreparedPsf, PsfRequest, Values

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = [
    "PSF",
    "CameraShake",
    "ChannelPSF",
    "Confocal",
    "DepthPSF",
    "Disk",
    "Fact",
    "Finding",
    "FromMetadata",
    "Gaussian",
    "ImageFacts",
    "LightSheet",
    "Motion",
    "OpticsPreset",
    "PreparedPsf",
    "PsfRequest",
    "RegionPSF",
    "TwoPhoton",
    "Values",
    "WideField",
    "at_depths",
    "bead_page",
    "bead_table",
    "describe",
    "from_array",
    "from_metadata",
    "fwhm",
    "inspect",
    "line_to_motion",
    "load",
    "measure_beads",
    "of_generator",
    "psf_hash",
    "repair",
    "through",
]
