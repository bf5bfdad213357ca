"""`deconvolve` and its steps: an image, a PSF and a method in, the restored image out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from .core.errors import DeconvError
from .core.progress import Step, Stream, drain
from .core.words import shortened
from .engine import restore as engine
from .engine.colour import in_linear_light
from .engine.depths import DepthPSF
from .engine.incoming import as_array
from .engine.mixing import blended, strength_in
from .engine.options import Options
from .engine.problem import Solver
from .engine.regions import RegionPSF
from .engine.streaming import check_psf, translated
from .engine.unseen import with_mask
from .estimation.refine import refined_psf
from .psf import PSF, PreparedPsf, PsfRequest, Values
from .restoration.base import Method, methods
from .restoration.choice import Recommendation, automatic
from .restoration.expected import expected, remembered

_HANDLED = frozenset({"sum", "even", "flat", "delta"})
"""Findings of the preflight that the engine deals with exactly, or that do no harm."""


def deconvolve(
    image: Any,
    psf: Any,
    method: str | Method = "auto",
    *,
    axes: str | None = None,
    noise: float | None = None,
    spacing: Sequence[float] | None = None,
    device: str = "auto",
    precision: str = "auto",
    memory_bytes: int | None = None,
    linear: bool = False,
    refine_psf: int = 0,
    strength: float = 1.0,
    unseen: Any = None,
    nan: str = "refuse",
    keep_float: bool = False,
    progress: Callable[[Step], None] | None = None,
    **fields: Any,
) -> NDArray[Any]:
    """Restore a blurred image.

    Parameters
    ----------
    image : array_like
        Real image, stack or series of any dtype; numpy, dask or zarr.
    psf : ndarray, PSF, PsfRequest, PreparedPsf or DepthPSF, or a list or dict of them
        Point spread function, 2-D or 3-D; its dimension decides whether planes or volumes are
        restored. It is normalised to unit sum; its centre is its pixel ``size // 2``. A `DepthPSF`
        holds several over z, a `RegionPSF` several across the image. A list has one for each entry
        of the axis ``C``; of a dict ``{channel: psf}``, channels that are missing are left as they
        are.
    method : str or Method
        A name from `methods`, or a configured method; ``"auto"`` takes what does best on images of
        this kind, see `restoration.choice`. The recipe of `stream` says which it was, and why.
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
        for none, 3 is usual. `estimation.refine` returns that PSF.
    strength : float
        How much of the restoration to take, from 0, the image as it is, to 1.
    unseen : array_like of bool, optional
        True where a pixel was not observed (dead, masked, outside the field): of the image's shape,
        of that without its colours, or of its spatial axes alone; it may be lazy. Such pixels do
        not enter; the result has there what their surroundings say. A numpy or dask masked array
        brings its own mask, and colours under an alpha of 0 are unseen.
    nan : str
        NaN and infinite values are ``"refuse"``-d with an error; or taken as ``"unseen"``, and NaN
        in the result as well; or taken as unseen, and ``"fill"``-ed.
    keep_float : bool
        Whether the result of integers is float32 on their scale: nothing is rounded or clipped.
    progress : callable, optional
        Called with a `Step` after every estimate.
    **fields
        The method's own fields, such as ``iterations=20``; of a configured method, the changes. Of
        ``"auto"``, fields of what it takes, or of the only method that has them.

    Returns
    -------
    ndarray
        Same shape, dtype (but for ``keep_float``) and intensity scale as ``image``; a masked array
        if that is one.

    Raises
    ------
    DeconvError
        On bad input, naming the thing, its value and the remedy.
    """
    options: dict[str, Any] = {"axes": axes, "noise": noise, "spacing": spacing}
    options |= {"device": device, "precision": precision, "memory_bytes": memory_bytes}
    options |= {"unseen": unseen, "nan": nan, "keep_float": keep_float}
    kernels = _usable(psf)
    choice = _chosen(method, fields, image, kernels, options)
    given: dict[str, Any] = {"linear": linear, "refine_psf": refine_psf, "strength": strength}
    run = restore(choice.method, image, kernels, **given, **options)
    result = drain(remembered(choice.method, run), progress)
    for note in result.notes:
        warnings.warn(note.text, stacklevel=2)
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
    strength: float = 1.0,
    **options: Unpack[Options],
) -> Stream:
    """`deconvolve` step by step, to look at the estimates or to stop.

    Parameters
    ----------
    method, image, psf, linear, refine_psf, strength
        As for `deconvolve`; configure the method first.
    **options
        ``axes``, ``noise``, ``spacing``, ``device``, ``memory_bytes``, ``unseen``, ``nan`` and
        ``keep_float`` as for `deconvolve`, and ``cancel``, a `threading.Event` that may be set
        from another thread.

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
    kernels = _usable(psf)
    choice = _chosen(method, {}, image, kernels, dict(options))
    given: dict[str, Any] = {"linear": linear, "refine_psf": refine_psf, "strength": strength}
    run = restore(choice.method, image, kernels, **given, **options)
    return choice.explained(remembered(choice.method, run))


def expected_seconds(image: Any, psf: Any, method: str | Method = "auto", **options: Any) -> float:
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
    given: dict[str, Any] = {
        key: options.pop(key) for key in Options.__annotations__ if key in options
    }
    for ours in ("linear", "refine_psf", "strength", "progress"):
        options.pop(ours, None)
    kernels = _usable(psf)
    return expected(_chosen(method, options, image, kernels, given).method, image, kernels, **given)


def _usable(psf: Any) -> Any:
    """The values of a PSF, or of several by channel."""
    kernels = dict(enumerate(psf)) if _is_several(psf) else psf
    if isinstance(kernels, Mapping):
        return {channel: _kernel(kernel) for channel, kernel in kernels.items()}
    return _kernel(kernels)


def _is_several(psf: Any) -> bool:
    """Whether it is a sequence of PSFs and not a PSF as nested lists."""
    return isinstance(psf, list | tuple) and any(
        isinstance(item, PSF | PsfRequest | PreparedPsf) or getattr(item, "ndim", 0) > 1
        for item in psf
    )


def _kernel(psf: Any) -> Any:
    """The values of a PSF or of several, with a warning of what is odd about them."""
    if isinstance(psf, DepthPSF | RegionPSF):
        return replace(psf, psfs=tuple(map(_kernel, psf.psfs)))
    if isinstance(psf, PSF):
        psf = PsfRequest(generator=psf)
    elif not isinstance(psf, PsfRequest | PreparedPsf):
        psf = PsfRequest(values=Values(psf))
    prepared = psf if isinstance(psf, PreparedPsf) else psf.prepare()
    kernels = prepared.usable()
    for finding in prepared.findings:
        if finding.code not in _HANDLED:
            warnings.warn(f"{finding} (psf.repair)", stacklevel=4)
    return kernels


def _chosen(
    method: Any, fields: dict[str, Any], image: Any, psf: Any, options: dict[str, Any]
) -> Recommendation:
    """A method with its fields, or what suits the image where it is left open."""
    methods()
    if not isinstance(method, str) or method not in ("", "auto"):
        return Recommendation(_configured(method, fields))
    return automatic(image, psf, fields, **options).but(**fields)


def _configured(method: Any, fields: dict[str, Any]) -> Method:
    if isinstance(method, str):
        return Method.make(method, **fields)
    if not isinstance(method, Method):
        raise DeconvError(
            f"method = {shortened(method)} is not a method.", "Give a name out of methods()."
        )
    return method.but(**fields)


def restore(
    method: Solver,
    image: Any,
    psf: Any,
    *,
    linear: bool = False,
    refine_psf: int = 0,
    strength: float = 1.0,
    **options: Unpack[Options],
) -> Stream:
    """Restore an image step by step, if wished with a PSF that is refined on it first.

    Parameters
    ----------
    method, image, psf, linear, options
        As in `engine.restore`.
    refine_psf : int
        Rounds of refining the one PSF (`estimation.refine`); 0 for none.
    strength : float
        How much of the restoration to take, from 0, the image as it is, to 1.

    Returns
    -------
    Stream
        Its result has the refined PSF as ``psf``.

    Raises
    ------
    DeconvError
        As `engine.restore`, and if there are several PSFs to refine.
    """
    if strength_in(strength) < 1:
        given: dict[str, Any] = {"linear": linear, "refine_psf": refine_psf, **options}
        return _mixed(image, restore(method, image, psf, **given), strength)
    if not refine_psf:
        return engine.restore(method, image, psf, linear=linear, **options)
    if isinstance(psf, Mapping | DepthPSF | RegionPSF):
        raise DeconvError("Refining is for one PSF, and there are several.", "Switch it off.")
    return _refined_first(method, image, psf, linear, refine_psf, options)


def _mixed(image: Any, run: Stream, strength: float) -> Stream:
    """Take a share of what a run gives."""
    result = yield from run
    image = as_array("The image", np.ma.getdata(image))
    data = blended(image, result.data, strength)
    return replace(result, data=data, record=replace(result.record, strength=strength))


def _refined_first(
    method: Solver, image: Any, psf: Any, linear: bool, rounds: int, options: Options
) -> Stream:
    with translated(method):
        image, options = with_mask(image, options)
        start = check_psf(psf, method)
        blurred, given = image, options
        if linear:
            blurred, given = in_linear_light(as_array("The image", image), options, start.ndim)
        refined = yield from refined_psf(method, blurred, start, rounds, **given)
    result = yield from engine.restore(method, image, refined, linear=linear, **options)
    return replace(result, record=replace(result.record, refine_psf=rounds), psf=refined)
