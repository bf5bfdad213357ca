"""Where the sharp patches of a training come from: folders of images, and a generator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from .images import read_sharp
from .recipe import Recipe

Images = Sequence[NDArray[np.float32]]

_HELD_IMAGES = 24
"""About so many in all, where there is more than one source."""


@dataclass(frozen=True, eq=False)
class Material:
    """Sharp images, read and divided into those to train on and those held out.

    Parameters
    ----------
    recipe : Recipe
        Shares, and the generator of structures.
    training, held : sequence of sequences of ndarray
        float32 on the unit scale, per source: gray ``(Y, X)``, or ``(3, Y, X)`` where colours are
        trained on.
    names : tuple of str
        Of the files that are trained on.
    skipped : list of str
        What was wrong with which file.
    """

    recipe: Recipe
    training: Sequence[Images]
    held: Sequence[Images]
    skipped: list[str]
    names: tuple[str, ...] = ()

    def draw(self, rng: np.random.Generator, side_px: int = 0) -> NDArray[np.float32]:
        """A sharp image, at least as large as a patch, which is the recipe's if it is not given."""
        if self.recipe.generated and rng.random() < self.recipe.generated:
            side = side_px or self.recipe.patch_px
            return self._generated(side, rng)
        shares = np.array([source.share for source in self.recipe.sources])
        images = self.training[int(rng.choice(len(shares), p=shares / shares.sum()))]
        return images[int(rng.integers(len(images)))]

    def exam(self, side_px: int) -> list[NDArray[np.float32]]:
        """The images to validate on: of each source, and generated, by their shares."""
        generated = 0.0 if self.recipe.structures.like_photos else self.recipe.generated
        if len(self.held) == 1 and not generated:
            return list(self.held[0])
        total = sum(source.share for source in self.recipe.sources)
        chosen: list[NDArray[np.float32]] = []
        for source, images in zip(self.recipe.sources, self.held, strict=True):
            share = (1 - generated) * source.share / total
            chosen += images[: math.ceil(_HELD_IMAGES * share)]
        rng = np.random.default_rng(54321)
        count = range(round(_HELD_IMAGES * generated))
        return chosen + [self._generated(side_px, rng) for _ in count]

    def _generated(self, side_px: int, rng: np.random.Generator) -> NDArray[np.float32]:
        colours = self.recipe.colours > 0
        return self.recipe.structures.draw((side_px, side_px), rng, colours=colours)


def read_material(recipe: Recipe, folders: Sequence[Path]) -> Material:
    """Read and check all images before the hours begin.

    Parameters
    ----------
    recipe : Recipe
        Says how each folder is used.
    folders : sequence of Path
        One per source of the recipe.

    Raises
    ------
    DeconvError
        If there are not as many folders as sources, or a folder holds too few usable images,
        naming the first that is not.
    """
    if len(folders) != len(recipe.sources):
        raise DeconvError(
            f"The recipe draws from {len(recipe.sources)} folders of images, not {len(folders)}.",
            "Give them in the order of its sources.",
        )
    training, held, skipped, names = [], [], [], []
    for source, folder in zip(recipe.sources, folders, strict=True):
        images, notes = read_sharp(
            folder,
            recipe.least_px,
            2,
            source.every,
            colours=recipe.colours > 0,
            clean=source.clean,
        )
        held.append(list(images.values())[:: recipe.held_out])
        kept = [name for i, name in enumerate(images) if i % recipe.held_out]
        training.append([images[name] for name in kept])
        names += kept
        skipped += notes
    return Material(recipe, training, held, skipped, tuple(names))
