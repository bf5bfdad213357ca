"""The recipe of a training that a person starts: one PSF, one camera, one network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..degradation.chain import Chain
from ..degradation.sampling import Sampler
from ..psf.given import GivenPSF
from ..restoration.base import Method, methods
from ..restoration.networks.base import LearnedMethod
from ..restoration.weights import shipped
from . import library
from .recipe import Recipe

_LEAST_NOISE = 1e-4
_FLUORESCENCE = "fluorescence"
"""Part of the names of weights that were trained on it."""


def recipe_for(
    method: LearnedMethod, psf: NDArray[Any], camera: Chain, start: str, trained_on: str
) -> Recipe:
    """Make the recipe of a training for a person's own PSF and camera.

    Parameters
    ----------
    method : Method
        The network; its ``weights`` are left empty.
    psf : ndarray
        ``(Y, X)``.
    camera : Chain
        Noise, saturation and so on; boundary and seed are the trainer's.
    start : str
        Weights to begin from; empty begins as the method does.
    trained_on : str
        What the sharp images are.

    Raises
    ------
    DeconvError
        If the PSF is not a plane, or the method has nothing to train.
    """
    noise, photons = max(camera.noise, _LEAST_NOISE), camera.photons
    given: dict[str, Any] = {"noise_low": noise, "noise_high": noise}
    if photons:
        # The trainer puts a tenth of the noise beside photons.
        most = max(math.hypot(noise, math.sqrt(1 / photons)), _LEAST_NOISE)
        given = {"noise_low": min(10 * noise, 1.0), "noise_high": min(10 * noise, 1.0)}
        if not method.one_psf:
            given = {"noise_low": noise, "noise_high": min(1.0, max(noise, most))}
        given |= {"photon_share": 1.0, "photons_low": photons, "photons_high": photons}
    still = replace(camera, noise=0.0, photons=0.0, boundary="reflect", seed=0)
    sampler = Sampler(psfs=(GivenPSF.of(psf),), mildest=still, harshest=still)
    plan = asdict(method.training)
    own = method.but(weights="")
    return Recipe(method=own, sampler=sampler, start=start, trained_on=trained_on, **given | plan)


def trainable() -> dict[str, type[LearnedMethod]]:
    """The networks that a person can train, by name."""
    learned = {name: kind for name, kind in methods().items() if issubclass(kind, LearnedMethod)}
    return {name: kind for name, kind in learned.items() if kind.needs_weights}


def starts(name: str, fluorescence: bool = False) -> dict[str, str]:
    """Weights that a network can begin from, best guess first: id to what to call it.

    The empty id is the network as it begins by itself.

    Parameters
    ----------
    name : str
        Of the network.
    fluorescence : bool
        Whether it is to learn fluorescence, and not photos.
    """
    kind = trainable()[name]

    def unlike(row: Mapping[str, Any]) -> tuple[bool, int]:
        return (_FLUORESCENCE in row["id"]) != fluorescence, _odd(kind, row)

    rows = sorted((row for row in shipped() if row["method"] == name), key=unlike)
    labels = {row["id"]: f"built in: {row['id']}" for row in rows}
    labels |= {e.name: f"yours: {e.name}" for e in library.entries() if e.method == name}
    itself = "nothing learned" if kind.untrained else "the inverse of the PSF"
    return {"": itself, **labels} if kind.one_psf else {**labels, "": "nothing learned"}


def _odd(kind: type[Method], row: Mapping[str, Any]) -> int:
    """Count the fields that some weights were trained with and that are not the defaults."""
    trained = row.get("recipe", {}).get("method", {})
    return sum(trained[key] != getattr(kind, key) for key in trained.keys() & kind.fields().keys())


def name_for(method: Method, psf_recipe: dict[str, Any]) -> str:
    """A readable name for new weights that is not taken."""
    spec = dict(psf_recipe.get("spec") or {})
    words = str(spec.pop("name", psf_recipe.get("layer") or psf_recipe.get("file") or "my PSF"))
    first = next((v for v in spec.values() if isinstance(v, int | float) and np.isfinite(v)), None)
    size = f" {first:g}" if first is not None else ""
    return library.unused(f"{method.title} {words}{size}")
