"""A training recipe for stacks: everything that decides which weights come out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Interval

from ...core.errors import DeconvError
from ...degradation.structures import Structures
from ...restoration.networks.base import Norm
from ..recipe import Recipe
from ..schedule import Schedule


class StackRecipe(
    Schedule,
    title="Training recipe for stacks",
    ranges=("photons", "background", "read", "offset"),
):
    """What to train on generated stacks, for how long: a `Schedule` and its stacks.

    Parameters
    ----------
    structures : Structures
        What the stacks show; their background is the trainer's.
    microscopes : int
        How many PSFs are rendered beforehand.
    photons_low, photons_high : float
        Range of the expected photons at the brightest voxel, drawn log-uniformly.
    background_low, background_high : float
        Range of the background over the brightest voxel, drawn log-uniformly.
    read_share : float
        Share of the stacks whose camera has read noise.
    read_low, read_high : float
        Range of its standard deviation in photons, drawn log-uniformly.
    offset_share : float
        Share of the stacks whose camera adds an offset.
    offset_low, offset_high : float
        Range of the offset over the brightest voxel.
    depth_px, patch_px : int
        Planes of the training stacks, and the side of each.
    psf_depth_px, psf_px : int
        Planes of the PSFs, and the side of each: light comes from as far.
    stacks : int
        How many stacks are made, each shown again and again.
    steps_per_stack : int
        Steps after which there is one more of them.
    batch : int
        Stacks per step.
    """

    structures: Structures = Structures()
    microscopes: Annotated[int, Interval(ge=1, le=100_000)] = 400
    photons_low: Annotated[float, Interval(ge=1, le=1e9)] = 5.0
    photons_high: Annotated[float, Interval(ge=1, le=1e9)] = 2000.0
    background_low: Annotated[float, Interval(gt=0, le=10)] = 0.003
    background_high: Annotated[float, Interval(gt=0, le=10)] = 0.5
    read_share: Annotated[float, Interval(ge=0, le=1)] = 0.3
    read_low: Annotated[float, Interval(gt=0, le=1000)] = 0.3
    read_high: Annotated[float, Interval(gt=0, le=1000)] = 3.0
    offset_share: Annotated[float, Interval(ge=0, le=1)] = 0.3
    offset_low: Annotated[float, Interval(ge=0, le=100)] = 0.0
    offset_high: Annotated[float, Interval(ge=0, le=100)] = 0.3
    depth_px: Annotated[int, Interval(ge=16, le=256)] = 20
    patch_px: Annotated[int, Interval(ge=16, le=256)] = 64
    psf_depth_px: Annotated[int, Interval(ge=3, le=255)] = 23
    psf_px: Annotated[int, Interval(ge=3, le=255)] = 33
    stacks: Annotated[int, Interval(ge=1, le=1_000_000)] = 2000
    steps_per_stack: Annotated[int, Interval(ge=1, le=1_000_000)] = 6
    batch: Annotated[int, Interval(ge=1, le=1024)] = 2
    steps: Annotated[int, Interval(ge=1, le=10_000_000)] = 10_000
    loss: Norm = "psnr"
    trained_on: str = "generated stacks"
    licence: str = "BSD-3-Clause"

    def __post_init__(self) -> None:
        super().__post_init__()
        if 3 not in self.method.ndim:
            raise DeconvError(
                f"{self.method.title} has nothing to train on stacks.", "Choose a network for them."
            )


def recipe_of(fields: Mapping[str, Any]) -> Recipe | StackRecipe:
    """Read a training recipe, for planes or for stacks."""
    return (StackRecipe if fields.get("name") == StackRecipe.name else Recipe).from_dict(fields)
