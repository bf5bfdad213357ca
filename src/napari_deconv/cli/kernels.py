"""The PSFs of a run, one for all channels or one for each, given or out of a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge

from ..core.checks import field
from ..core.errors import DeconvError
from ..io import Picture
from .kernel import Kernel, examined, kernel_in, kernel_of
from .report import Reporter


@dataclass(frozen=True, eq=False)
class Kernels:
    """PSFs before they meet an image.

    Parameters
    ----------
    by_channel : mapping of int or None to Kernel
        Channel -> PSF; under None the one for all channels.
    """

    by_channel: Mapping[int | None, Kernel]

    def on(self, picture: Picture, report: Reporter, mend: bool) -> Any:
        """The PSF for a picture, or a dict of them by channel; see `kernel.examined`."""
        found = {c: examined(one, picture, report, mend) for c, one in self.by_channel.items()}
        return found.get(None, found)

    def said(self, made: Mapping[str, Any], mend: bool) -> dict[str, Any]:
        """How a recipe records them, by what the engine says of them."""
        told = {"repaired": mend}
        if None in self.by_channel:
            return {**made, **self.by_channel[None].said, **told}
        parts = [{"channel": c, **one.said, **told} for c, one in self.by_channel.items()]
        return {**made, **told, "channels": parts}


def kernels_in(texts: Sequence[str], recipe: Mapping[str, Any]) -> Kernels:
    """The PSFs that were given, or those of a recipe.

    Raises
    ------
    DeconvError
        If there are none.
    """
    given = [kernel_in(text) for text in texts]
    if len(given) > 1:
        return Kernels(dict(enumerate(given)))
    found: dict[int | None, Kernel | None] = {None: given[0]} if given else _recorded(recipe)
    known = {channel: one for channel, one in found.items() if one is not None}
    if not known or len(known) < len(found):
        raise DeconvError(
            "There is no PSF.", 'Give one: --psf psf.tif, or --psf "disk:radius_px=7".'
        )
    return Kernels(known)


def _recorded(recipe: Mapping[str, Any]) -> dict[int | None, Kernel | None]:
    said = recipe.get("psf")
    parts = said.get("channels") if isinstance(said, Mapping) else None
    if parts is None and "channels" in recipe:
        raise DeconvError(
            "The recipe has a PSF per channel and does not say where they came from.",
            "Give them again: --psf once for each channel.",
        )
    if parts is None:
        return {None: kernel_of(recipe)}
    where = "The recipe's psf"
    every = field(where, said or {}, "channels", tuple[dict[str, Any], ...])
    numbers = [field(f"{where}: channels", one, "channel", Annotated[int, Ge(0)]) for one in every]
    return {n: kernel_of({"psf": one}) for n, one in zip(numbers, every, strict=True)}


def differ(recipe: Mapping[str, Any], made: Mapping[str, Any]) -> bool:
    """Whether a run's PSFs are others than those of the recipe it replays."""
    then, now = _hashes(recipe), _hashes(made)
    return any(value != now.get(channel) for channel, value in then.items() if value)


def _hashes(recipe: Mapping[str, Any]) -> dict[Any, Any]:
    found = {}
    parts = recipe.get("channels")
    for one in parts if parts and isinstance(parts, list) else [recipe]:
        psf = one.get("psf") if isinstance(one, Mapping) else None
        if isinstance(psf, Mapping):
            found[one.get("channel")] = psf.get("sha256")
    return found
