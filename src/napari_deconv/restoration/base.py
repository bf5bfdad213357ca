"""`Method`: successive estimates of what was there before the blur."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Generator, Iterator
from typing import ClassVar, Literal

from torch import Tensor

from ..core.spec import Spec
from ..engine.problem import Problem, Settled


class Method(Spec):
    """A way to restore a blurred image.

    Class keywords of a concrete method: ``title``, ``name``, ``ndim``, ``citation`` and, where
    they differ from the defaults below, the other class variables.
    """

    ndim: ClassVar[tuple[int, ...]] = (2,)
    """Dimensions of PSF and image it works in."""
    citation: ClassVar[str] = ""
    """Author, year, title of the source."""
    suits: ClassVar[str] = ""
    """What it is for, in plain sentences."""
    avoid: ClassVar[str] = ""
    """What it is not for."""
    heeds_noise: ClassVar[bool] = True
    """Whether the noise level that it is given changes the result."""
    dial: ClassVar[Literal["noise", "iterations"]] = "noise"
    """What makes it sharpen more or less; see `restoration.strength`."""
    needs_weights: ClassVar[bool] = False
    for_training: ClassVar[tuple[str, ...]] = ()
    """Fields that matter to a training only: the weights bring their own, so a form for restoring
    does not show them."""
    unit_scale: ClassVar[bool] = True
    """Whether it wants intensities near [0, 1]; otherwise it gets them as they are, uncopied."""
    shift_free: ClassVar[bool] = False
    """Whether a constant added to the image is added to the result and changes nothing else: such
    a method gets intensities whose robust minimum is 0."""
    non_negative: ClassVar[bool] = False
    """Whether it takes intensities for light, so that what is below 0 counts as 0."""
    buffers: ClassVar[float] = 10.0
    """Peak memory in float32 arrays of the padded grid, for the tile planner."""
    features: ClassVar[float] = 0.0
    """What a network's layers take besides, in such arrays of the format that they run in."""
    roomy: ClassVar[bool] = True
    """Whether images get more of an unseen ring than the PSF reaches, so that what a regularised
    inverse makes of one border does not come round to the opposite one."""
    halo_factor: ClassVar[float] = 6.0
    """Reach of a pixel's influence, in PSF sizes: the overlap of tiles."""

    @classmethod
    def complete(cls) -> None:
        """Import every method of the package."""
        methods()

    @property
    def total(self) -> int:
        """Number of estimates that `steps` yields at most: the progress bar's length."""
        return 1

    @property
    def joint_channels(self) -> bool:
        """Whether colour channels are restored together; otherwise one by one."""
        return False

    def margin(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Pixels of unseen ring before each axis (and at least as many after it)."""
        if not self.roomy:
            return tuple(n // 2 for n in psf_shape)
        # Along z a volume has no memory to spare.
        room = [max(_ROOM_PX, 2 * (n // 2)) for n in psf_shape[-2:]]
        return (*(n // 2 for n in psf_shape[:-2]), *room)

    def halo(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Pixels of true surroundings each tile is given on each side, per axis."""
        factor = self.halo_factor if len(psf_shape) == 2 else min(2.0, self.halo_factor)
        return tuple(max(8, round(factor * n)) for n in psf_shape)

    def settle(self, problem: Problem) -> Generator[str, None, Settled | None]:
        """Choose on a part of the image what the fields leave open; None if that is nothing.

        It is called once a run, before the tiles, so that all of them are treated alike; it yields
        what it is doing, in words.
        """
        yield from ()
        return None

    def notes(self, problem: Problem, reblur: float) -> tuple[str, ...]:
        """List what the person should know about the result; called once, after the run.

        Parameters
        ----------
        problem : Problem
            A part of the image.
        reblur : float
            Of a network, the root mean square of ``A x - y`` of its result, on the unit scale.
        """
        return ()

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        """Yield estimates ``(C, *problem.grid)`` on the unit scale; the last is the answer."""
        raise NotImplementedError


_ROOM_PX = 32


def methods() -> dict[str, type[Method]]:
    """Every method by name, as a class with its title, dimensions, weights and citation.

    Returns
    -------
    dict of str to type
        Ordered by name; calling a class with its fields configures it.
    """
    import napari_deconv.restoration as package

    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    return dict(sorted(Method.registry.items()))
