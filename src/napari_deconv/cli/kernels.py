"""The PSFs of a run, one for all channels or one for each, given or out of a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from ..core.checks import field
from ..core.errors import DeconvError
from ..core.paths import is_file
from ..io import SUFFIXES, Picture
from ..psf import PSF, ChannelPSF, Confocal, from_metadata
from ..psf.metadata import check_typed
from ..psf.microscope import Microscope
from .kernel import Kernel, examined, kernel_in, kernel_of
from .report import Reporter

_BARE = {suffix for suffix in (*SUFFIXES, ".bmp") if not suffix.startswith(".tif")}
"""Files that say nothing of a microscope."""


@dataclass(frozen=True)
class FromMetadata:
    """A microscope's PSF that an image's metadata have to complete.

    Parameters
    ----------
    kind : str
        Name of the microscope, or ``"auto"``.
    fields : mapping
        What was typed.
    """

    kind: str = "auto"
    fields: Mapping[str, Any] = dataclass_field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Kernels:
    """PSFs before they meet an image.

    Parameters
    ----------
    by_channel : mapping of int or None to Kernel
        Channel -> PSF; under None the one for all channels.
    open : mapping of int or None to FromMetadata
        Likewise, those that an image's metadata complete.
    """

    by_channel: Mapping[int | None, Kernel]
    open: Mapping[int | None, FromMetadata] = dataclass_field(default_factory=dict)

    def met(
        self,
        picture: Picture,
        sizes: Sequence[float] | None,
        assume: bool,
        report: Reporter,
        name: str,
    ) -> Kernels:
        """Those for one picture: the open ones completed, each value told with its source."""
        made: dict[int | None, Kernel] = dict(self.by_channel)
        for channel, one in self.open.items():
            found = from_metadata(picture, one.kind, pixel_size=sizes, assume=assume, **one.fields)
            if channel is not None and channel >= len(found):
                raise DeconvError(
                    f"There is a PSF for channel {channel}, and {name} has {len(found)}.",
                    "Channels count from 0: give --psf once, or once for each channel.",
                )
            if channel is not None:
                found = found[channel : channel + 1]
            for psf in found:
                _tell(psf, report, name, len(found) > 1 or channel is not None)
            if channel is None and all(psf.spec == found[0].spec for psf in found):
                made[None] = Kernel(spec=found[0].spec, facts=found[0].facts)
            else:
                made |= {psf.channel: Kernel(spec=psf.spec, facts=psf.facts) for psf in found}
        return Kernels(made)

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


def _tell(psf: ChannelPSF, report: Reporter, name: str, several: bool) -> None:
    """List the values of a PSF with their sources."""
    which = f", channel {psf.channel}{f' ({psf.name})' if psf.name else ''}" if several else ""
    report.notes(psf.notes, name)
    listed = "".join(f"\n  {fact}" for fact in psf.facts)
    report.note(f"{name}{which}: {psf.spec.title.lower()} PSF from{listed}")


def kernels_in(
    texts: Sequence[str], recipe: Mapping[str, Any], sources: Sequence[str] = ()
) -> Kernels:
    """The PSFs that were given, or those of a recipe, or the ones of the images' metadata.

    ``sources`` are the images, some of which are of kinds that have no such metadata.

    Raises
    ------
    DeconvError
        If there are none, or a recipe does not say how they were made.
    """
    given = [_open(text) or kernel_in(text) for text in texts]
    recorded = {"psf", "channels"} & set(recipe)
    if not given and not recorded and not all(Path(p).suffix.lower() in _BARE for p in sources):
        given = [FromMetadata()]
    if given:
        by = dict(enumerate(given)) if len(given) > 1 else {None: given[0]}
        return Kernels(
            {c: one for c, one in by.items() if isinstance(one, Kernel)},
            {c: one for c, one in by.items() if isinstance(one, FromMetadata)},
        )
    found = _recorded(recipe)
    known = {channel: one for channel, one in found.items() if one is not None}
    if not known or len(known) < len(found):
        raise DeconvError(
            "There is no PSF.", 'Give one: --psf psf.tif, or --psf "disk:radius_px=7".'
        )
    return Kernels(known)


def _open(text: str) -> FromMetadata | None:
    """``auto``, ``auto:depth_um=2`` or a microscope with some of its fields."""
    kind, _, rest = text.partition(":")
    kind = kind.strip()
    if is_file(Path(text)) or Path(text).suffix.lower() in SUFFIXES:
        return None
    if kind == "auto":
        return FromMetadata("auto", Confocal.parse_fields(rest))
    found = next((one for one in PSF.registry.values() if kind in (one.name, one.title)), None)
    if found is None or not issubclass(found, Microscope):
        return None
    typed = found.parse_fields(rest)
    check_typed(found.name, typed)
    return FromMetadata(found.name, typed)


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
