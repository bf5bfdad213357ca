"""`Method`: successive estimates of what was there before the blur."""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Unpack

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import DeconvError
from ..core.spec import Spec
from ..core.words import shortened
from ..engine.depths import DepthPSF
from ..engine.incoming import as_array
from ..engine.options import Options
from ..engine.problem import Problem, Settled
from ..engine.regions import RegionPSF
from ..engine.restore import restore
from ..engine.streaming import Step, Stream, drain
from ..psf import PSF, inspect
from .expected import expected, remembered


class Method(Spec):
    """A way to restore a blurred image.

    Class keywords of a concrete method: ``title``, ``name``, ``ndim``, ``citation`` and, where
    they differ from the defaults below, the other class variables.
    """

    ndim: ClassVar[tuple[int, ...]] = (2,)
    """Dimensions of PSF and image it works in."""
    citation: ClassVar[str] = ""
    """Author, year, title of the source."""
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
        """How many estimates `steps` will yield at most: the progress bar's length."""
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
        """What the person should know of this image's result; asked for once, after the run.

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
_HANDLED = frozenset({"sum", "even", "bool", "negative", "flat", "delta"})
"""Findings of the preflight that the engine deals with exactly, refuses, or that do no harm."""


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


def deconvolve(
    image: Any,
    psf: Any,
    method: str | Method = "richardson-lucy",
    *,
    axes: str | None = None,
    noise: float | None = None,
    spacing: Sequence[float] | None = None,
    device: str = "auto",
    precision: str = "auto",
    memory_bytes: int | None = None,
    linear: bool = False,
    refine_psf: int = 0,
    unseen: Any = None,
    nan: str = "refuse",
    progress: Callable[[Step], None] | None = None,
    **fields: Any,
) -> NDArray[Any]:
    """Restore a blurred image.

    Parameters
    ----------
    image : array_like
        Real image, stack or series of any dtype; numpy, dask or zarr.
    psf : ndarray, PSF or DepthPSF, or a list or dict of them
        Point spread function, 2-D or 3-D; its dimension decides whether planes or volumes are
        restored. It is normalised to unit sum; its centre is its pixel ``size // 2``. A `DepthPSF`
        holds several over z, a `RegionPSF` several across the image. A list has one for each entry
        of the axis ``C``; of a dict ``{channel: psf}``, channels that are missing are left as they
        are.
    method : str or Method
        A name from `methods`, or a configured method.
    axes : str, optional
        One letter per axis of ``image``, such as ``"TCZYX"`` or ``"YXS"``.
    noise : float, optional
        Standard deviation of the noise on the image's own scale; estimated by default.
    spacing : sequence of float, optional
        Voxel size along the PSF's axes in any one unit: regularisers need to know where voxels are
        no cubes. Only ratios count.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
    precision : str
        Number format of a network's layers, of `core.precision.NAMES`: ``"auto"`` is the fastest
        that the device has units for. Where it has none for the one asked for, another is used
        and a warning says so.
    memory_bytes : int, optional
        Memory budget; larger images are cut into tiles. By default what the device can spare.
    linear : bool
        Whether to take an sRGB photo to linear light before and back after, with one PSF.
    refine_psf : int
        Rounds of refining the one PSF on the image first, for a PSF that is only nearly right; 0
        for none, 3 is usual. `psf.refine` returns that PSF.
    unseen : array_like of bool, optional
        True where a pixel was not observed (dead, masked, outside the field): of the image's shape,
        of that without its colours, or of its spatial axes alone; it may be lazy. Such pixels do
        not enter; the result has there what their surroundings say. A numpy or dask masked array
        brings its own mask, and colours under an alpha of 0 are unseen.
    nan : str
        NaN and infinite values are ``"refuse"``-d with an error; or taken as ``"unseen"``, and NaN
        in the result as well; or taken as unseen, and ``"fill"``-ed.
    progress : callable, optional
        Called with a `Step` after every estimate.
    **fields
        The method's own fields, such as ``iterations=20``; of a configured method, the changes.

    Returns
    -------
    ndarray
        Same shape, dtype and intensity scale as ``image``; a masked array if that is one.

    Raises
    ------
    DeconvError
        On bad input, naming the thing, its value and the remedy.
    """
    methods()
    chosen = _configured(method, fields)
    options: dict[str, Any] = {"axes": axes, "noise": noise, "spacing": spacing}
    options |= {"device": device, "precision": precision, "memory_bytes": memory_bytes}
    options |= {"unseen": unseen, "nan": nan}
    run = restore(chosen, image, _usable(psf), linear=linear, refine_psf=refine_psf, **options)
    result = drain(remembered(chosen, run), progress)
    for note in result.notes:
        warnings.warn(note, stacklevel=2)
    if isinstance(image, np.ma.MaskedArray):
        return np.ma.MaskedArray(result.data, image.mask)
    return result.data


def stream(
    method: str | Method,
    image: Any,
    psf: Any,
    *,
    linear: bool = False,
    refine_psf: int = 0,
    **options: Unpack[Options],
) -> Stream:
    """`deconvolve` step by step, to look at the estimates or to stop.

    Parameters
    ----------
    method, image, psf, linear, refine_psf
        As for `deconvolve`; configure the method first.
    **options
        ``axes``, ``noise``, ``spacing``, ``device``, ``memory_bytes``, ``unseen`` and ``nan`` as
        for `deconvolve`, and ``cancel``, a `threading.Event` that may be set from another thread.

    Yields
    ------
    Step
        After every estimate: ``done``, ``total``, ``label`` and ``preview()``.

    Returns
    -------
    Result
        ``data``, ``recipe``, ``notes``, and ``psf`` where it was refined; `drain` gives it.

    Raises
    ------
    DeconvError
        As `deconvolve`; `Cancelled` where ``cancel`` was set.
    """
    chosen, usable = _configured(method, {}), _usable(psf)
    run = restore(chosen, image, usable, linear=linear, refine_psf=refine_psf, **options)
    return remembered(chosen, run)


def expected_seconds(
    image: Any, psf: Any, method: str | Method = "richardson-lucy", **options: Any
) -> float:
    """Seconds that `deconvolve` will take.

    Where the same method ran before on this computer, those runs say it; otherwise the method is
    tried on a small part of the image. Refining the PSF is not counted.

    Parameters
    ----------
    image, psf, method
        As for `deconvolve`.
    **options
        Those of `deconvolve`, and the method's own fields.

    Raises
    ------
    DeconvError
        As `deconvolve`, for what is wrong with the input.
    """
    methods()
    given = {key: options.pop(key) for key in Options.__annotations__ if key in options}
    for ours in ("linear", "refine_psf", "progress"):
        options.pop(ours, None)
    return expected(_configured(method, options), image, _usable(psf), **given)


def _usable(psf: Any) -> Any:
    """The values of a PSF, or of several by channel."""
    kernels = dict(enumerate(psf)) if _is_several(psf) else psf
    if isinstance(kernels, Mapping):
        return {channel: _kernel(one) for channel, one in kernels.items()}
    return _kernel(kernels)


def _is_several(psf: Any) -> bool:
    """Whether it is a sequence of PSFs and not a PSF as nested lists."""
    return isinstance(psf, list | tuple) and any(
        isinstance(one, PSF) or getattr(one, "ndim", 0) > 1 for one in psf
    )


def _kernel(psf: Any) -> Any:
    """The values of a PSF (or a `DepthPSF`), with a warning of what is odd about them."""
    if isinstance(psf, DepthPSF | RegionPSF):
        return replace(psf, psfs=tuple(map(_kernel, psf.psfs)))
    kernel: NDArray[Any] = psf() if isinstance(psf, PSF) else as_array("The PSF", psf)
    for finding in inspect(kernel):
        if finding.code not in _HANDLED and not finding.fatal:
            warnings.warn(f"{finding} (psf.repair)", stacklevel=4)
    return kernel


def _configured(method: Any, fields: dict[str, Any]) -> Method:
    if isinstance(method, str):
        return Method.make(method, **fields)
    if not isinstance(method, Method):
        raise DeconvError(
            f"method = {shortened(method)} is not a method.", "Give a name out of methods()."
        )
    return method.but(**fields)
