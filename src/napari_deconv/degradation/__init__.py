"""Degradation: blur, exposure, noise, saturation, bits and JPEG, seeded and reproducible."""

from __future__ import annotations

from .base import Degradation, degrade
from .camera import Exposure, Jpeg, Poisson, Quantise, ReadNoise, Saturation
from .chain import Chain
from .dataset import generate, regenerate
from .optics import Blur
from .sampling import PSFRange, Sampler, Scene, standard_psfs

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
