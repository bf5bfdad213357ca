"""Pixels known not to have been observed: masked, NaN, or under an alpha of 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from .axes import Layout, Region
from .incoming import as_array
from .options import Options

NaN = Literal["refuse", "unseen", "fill"]
"""What becomes of NaN and infinite values: an error; unseen, and NaN again in the result; or
unseen, and in the result what their surroundings say."""

Hidden = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Unseen:
    """The mask of unobserved pixels, and what to do with NaN.

    Parameters
    ----------
    mask : array_like or None
        True where a pixel was not observed; numpy, dask or zarr.
    layout : Layout or None
        Of the mask.
    nan : str
        See `NaN`.
    alpha : bool
        Whether colours under an alpha of 0 count as unseen.
    """

    mask: Any = None
    layout: Layout | None = None
    nan: NaN = "refuse"
    alpha: bool = False

    @property
    def any(self) -> bool:
        """Whether there may be unseen pixels."""
        return self.mask is not None or self.alpha or self.nan != "refuse"

    @classmethod
    def of(cls, image: Any, layout: Layout, mask: Any, nan: str) -> Unseen:
        """Make it from the options, checked against the image.

        Raises
        ------
        DeconvError
            If the mask does not fit the image, or ``nan`` is none of the words.
        """
        if nan not in get_args(NaN):
            words = ", ".join(map(repr, get_args(NaN)))
            raise DeconvError(f"nan = {nan!r} is not understood.", f"Choose one of {words}.")
        word = cast(NaN, nan)
        alpha = layout.samples > layout.colours
        if alpha and isinstance(image, np.ndarray):
            # An alpha that hides everything was never filled in.
            alpha = bool(np.any(image[layout.veil]))
        if mask is None:
            return cls(nan=word, alpha=alpha)
        if not isinstance(getattr(mask, "dtype", None), np.dtype):
            mask = as_array("The mask of unseen pixels", mask)
        if mask.dtype.kind not in "biu":
            raise DeconvError(
                f"The mask of unseen pixels has dtype {mask.dtype}.",
                "Give booleans: True where a pixel was not observed.",
            )
        return cls(mask, _layout_of(tuple(mask.shape), layout), word, alpha)

    def read(
        self, image: Any, layout: Layout, item: dict[str, int], region: Region, colours: slice
    ) -> Hidden | None:
        """Unseen pixels ``(S, *spatial)`` of a block, NaN left out; None where there are none."""
        hidden: Hidden | None = None
        shape = (colours.stop - colours.start, *(cut.stop - cut.start for cut in region))
        if self.layout is not None:
            part = self.layout.read(self.mask, item, region, colours).astype(bool)
            hidden = np.broadcast_to(part, shape)
        if self.alpha:
            clear = layout.read(image, item, region, slice(layout.colours, layout.samples)) == 0
            hidden = _either(hidden, np.broadcast_to(clear, shape))
        return hidden if hidden is not None and hidden.any() else None

    def with_nan(self, block: NDArray[Any], hidden: Hidden | None) -> Hidden | None:
        """``hidden`` and, where they are not refused, the values that are not finite."""
        if self.nan == "refuse" or block.dtype.kind != "f":
            return hidden
        broken = ~np.isfinite(block)
        return _either(hidden, broken) if broken.any() else hidden


def _either(mask: Hidden | None, other: Hidden) -> Hidden:
    return other if mask is None else mask | other


def _layout_of(shape: tuple[int, ...], layout: Layout) -> Layout:
    """Axes of a mask: the image's own, those without colours, or the spatial ones."""
    sizes = dict(zip(layout.axes, layout.shape, strict=True))
    spatial = "".join(a for a in layout.axes if a in layout.spatial)
    choices = [layout.axes, layout.axes.replace("S", ""), spatial, layout.spatial]
    if len(layout.axes.replace("S", "")) == len(shape) and "S" in layout.axes:
        choices.reverse()
    for letters in choices:
        if shape == tuple(sizes[a] for a in letters):
            return Layout(letters, shape, layout.spatial)
    raise DeconvError(
        f"The mask of unseen pixels has shape {shape}, the image {layout.shape}.",
        f"Give it the image's shape, or that of its axes {spatial}.",
    )


def with_mask(image: Any, options: Options) -> tuple[Any, Options]:
    """An image without its numpy mask, which becomes the option ``unseen``.

    numpy's masked arrays and dask arrays of them; others come back as they are.
    """
    if isinstance(image, np.ma.MaskedArray):
        mask: Any = None if image.mask is np.ma.nomask else np.ma.getmaskarray(image)
        image = np.ma.getdata(image)
    elif isinstance(getattr(image, "_meta", None), np.ma.MaskedArray):
        import dask.array as da

        image, mask = da.ma.getdata(image), da.ma.getmaskarray(image)
    else:
        return image, options
    if mask is None:
        return image, options
    also = options.get("unseen")
    if also is not None:
        if tuple(np.shape(also)) != tuple(image.shape):
            raise DeconvError(
                "The image is a masked array, and another mask of unseen pixels is given.",
                "Give that one the image's shape, or mask the array with both.",
            )
        mask = mask | also
    together: Options = {**options, "unseen": mask}
    return image, together


def filled(block: NDArray[Any], hidden: Hidden) -> NDArray[Any]:
    """A block ``(S, *spatial)`` whose unseen pixels have the value of the nearest that was seen.

    A colour of which nothing was seen is left at 0.
    """
    from scipy.ndimage import distance_transform_edt

    out = np.array(block)
    for values, mask in zip(out, hidden, strict=True):
        if mask.all():
            values[...] = 0
        elif mask.any():
            nearest = distance_transform_edt(mask, return_distances=False, return_indices=True)
            values[mask] = values[tuple(index[mask] for index in nearest)]
    return out
