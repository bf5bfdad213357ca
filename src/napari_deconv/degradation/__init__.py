"""Degradation: blur, exposure, noise, saturation, bits and JPEG, seeded and reproducible."""

from __future__ import annotations

import importlib
import pkgutil

from .base import Degradation, degrade
from .camera import Exposure, Jpeg, Poisson, Quantise, ReadNoise, Saturation
from .chain import Chain
from .dataset import generate, regenerate
from .optics import Blur
from .sampling import PSFRange, Sampler, Scene, standard_psfs

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = [
    "Blur",
    "Chain",
    "Degradation",
    "Exposure",
    "Jpeg",
    "PSFRange",
    "Poisson",
    "Quantise",
    "ReadNoise",
    "Sampler",
    "Saturation",
    "Scene",
    "degrade",
    "generate",
    "regenerate",
    "standard_psfs",
]
