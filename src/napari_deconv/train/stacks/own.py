"""A network for stacks, fine-tuned for one microscope and camera, as a stack of theirs has them."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DeconvError
from ...core.paths import exists, make_folder
from ...core.spec import dumps
from ...engine.axes import parse_axes
from ...engine.intensity import survey
from ...engine.readings import image_noise
from ...io.atomic import replacing
from ...restoration.networks.base import LearnedMethod
from ..loop import Trained
from .loop import fit_stacks
from .microscopes import Bank, Optics
from .recipe import StackRecipe

_LARGEST = (31, 49, 49)
"""Of a PSF that is trained on: what lies beyond is cut off."""
_DIMMER = 0.4
"""Parts of a stack are less bright than its brightest: photons from this share on."""
_VARIES = 1.5
"""Factor by which background and read noise vary from one part to another."""
_RATE = 5e-4
"""Highest rate of a fine-tuning: a sixth of that of the shipped weights."""

_STEPS = 1000


@dataclass(frozen=True)
class Camera:
    """What a stack tells of the light in it, and of its camera.

    Parameters
    ----------
    photons : float
        At the brightest voxel, above background and offset.
    background, offset : float
        Over that brightness; the offset is what has no photon noise.
    read : float
        Standard deviation of the read noise in photons; 0 if none was seen.
    """

    photons: float
    background: float
    offset: float
    read: float


def camera_of(stack: NDArray[Any]) -> Camera:
    """Read noise, background and brightness of a stack ``(Z, Y, X)``.

    Where it is too small to see how the noise grows with brightness, that is taken for photon
    noise.

    Raises
    ------
    DeconvError
        If it is not a stack, or has no noise to see.
    """
    if stack.ndim != 3:
        raise DeconvError(
            f"The stack has {stack.ndim} axes.", "Give one channel of one frame, (Z, Y, X)."
        )
    intensity, _ = survey(stack, parse_axes(stack.shape, "ZYX", 3))
    noise, scale = image_noise(stack, "ZYX"), intensity.scale
    level, mean = noise.level / scale, intensity.mean / scale
    if level <= 0 or mean <= 0:
        raise DeconvError("The stack has no noise to be seen.", "Give it as it was recorded.")
    if noise.law is None:
        slope, constant = level**2 / mean, 0.0
    else:
        law = noise.law.over(scale)
        slope, constant = law.slope, law.constant
    # Variance = slope (brightness - offset) + read noise: of the two, one is seen.
    offset = max(0.0, -constant / slope)
    dark = max(intensity.dark / scale, offset)
    signal = max(1 - dark, 0.05)
    return Camera(
        photons=signal / slope,
        background=(dark - offset) / signal,
        offset=offset / signal,
        read=math.sqrt(max(constant, 0.0)) / slope,
    )


def recipe_for_stack(
    method: LearnedMethod, stack: NDArray[Any], psf: NDArray[Any], start: str, name: str
) -> StackRecipe:
    """Make the recipe of a fine-tuning for the microscope and camera of a stack.

    Parameters
    ----------
    method : Method
        The network; its ``weights`` are left empty.
    stack : ndarray
        One channel of one frame, ``(Z, Y, X)``.
    psf : ndarray
        ``(Z, Y, X)``.
    start : str
        Weights to begin from; empty begins at random.
    name : str
        What the microscope is called.

    Raises
    ------
    DeconvError
        As `camera_of`, and if the PSF is flat.
    """
    camera, shape = camera_of(stack), _cut(psf).shape
    photons = min(max(camera.photons, 1.0), 1e9)
    background = min(max(camera.background, 1e-3), 10 / _VARIES)
    read = min(max(camera.read, 0.05), 600.0)
    return StackRecipe(
        method=method.but(weights=""),
        start=start,
        microscopes=1,
        photons_low=max(1.0, _DIMMER * photons),
        photons_high=photons,
        background_low=background / _VARIES,
        background_high=background * _VARIES,
        read_share=1.0 if camera.read else 0.0,
        read_low=read / _VARIES,
        read_high=read * _VARIES,
        offset_share=1.0 if camera.offset else 0.0,
        offset_low=min(camera.offset, 100.0),
        offset_high=min(camera.offset, 100.0),
        psf_depth_px=shape[0],
        psf_px=max(shape[1:]),
        stacks=400,
        steps_per_stack=4,
        steps=_STEPS,
        rate=_RATE,
        optimiser="muon",
        trained_on=f"generated stacks, as {name} records them",
        licence="your own",
    )


def tune(
    recipe: StackRecipe,
    psf: NDArray[Any],
    spacing: Sequence[float],
    out: Path,
    **options: Any,
) -> Generator[Trained, None, Path]:
    """Fine-tune for one microscope; call again to go on exactly there.

    Parameters
    ----------
    recipe : StackRecipe
        Of `recipe_for_stack`.
    psf : ndarray
        ``(Z, Y, X)``.
    spacing : sequence of float
        Voxel size ``(z, y, x)`` in any unit.
    out : Path
        Folder of the training; the recipe is kept there as well.
    options
        As for `loop.fit_stacks`.

    Yields and returns as `loop.fit_stacks`.
    """
    make_folder(out)
    if not exists(out / "recipe.json"):
        with replacing(out / "recipe.json") as beside:
            beside.write_text(dumps(recipe.to_dict()))
    keep_microscope(psf, spacing, out)
    return (yield from fit_stacks(recipe, out, **options))


def keep_microscope(psf: NDArray[Any], spacing: Sequence[float], out: Path) -> None:
    """Write the one microscope of a fine-tuning where `fit_stacks` takes it from."""
    z, y, x = (float(step) / min(spacing) for step in spacing)
    kernel = _cut(psf)
    make_folder(out)
    Bank.of([Optics(kernel, kernel, (z, y, x))]).save(out / "microscopes.npz")


def _cut(psf: NDArray[Any]) -> NDArray[np.float32]:
    """The middle of a PSF, of unit sum and odd sides."""
    if psf.ndim != 3 or min(psf.shape) < 3:
        raise DeconvError(
            f"The PSF is {' x '.join(map(str, psf.shape))}: flat.",
            "Give the stack's own PSF, (Z, Y, X), of at least three planes.",
        )
    part = np.asarray(psf, np.float32).clip(0)
    for axis, most in enumerate(_LARGEST):
        middle = part.shape[axis] // 2
        reach = min((most - 1) // 2, part.shape[axis] - 1 - middle)
        part = part.take(range(middle - reach, middle + reach + 1), axis)
    return np.ascontiguousarray(part / part.sum())
