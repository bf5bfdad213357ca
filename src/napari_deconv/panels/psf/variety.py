"""More than one PSF for an image: over depth, and one for each channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...core.errors import DeconvError
from .request import Prepared, Request


@dataclass(frozen=True, eq=False)
class Variety:
    """How the PSF that is asked for differs over an image.

    Parameters
    ----------
    depths : int
        How many PSFs over z.
    planes : int
        How many planes the image has.
    channels : mapping of int to Request or None
        The PSF of each channel, None for one that is left as it is; empty where one PSF is for all.
    """

    depths: int = 1
    planes: int = 1
    channels: Mapping[int, Request | None] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """Whether there is only one PSF."""
        return self.depths == 1 and not self.channels

    def make(self, request: Request) -> tuple[Any, dict[str, Any]]:
        """The PSF or PSFs as the engine takes them, and their recipe; runs in the worker."""
        if not self.channels:
            return self._deep(request.prepare())
        kernels, recipes = {}, []
        for channel, asked in self.channels.items():
            if asked is not None:
                kernels[channel], about = self._deep(asked.prepare())
                recipes.append({"channel": channel, **about})
        if not kernels:
            raise DeconvError("All channels are left as they are.", "Give one a PSF.")
        return kernels, {**recipes[0], "channels": recipes}

    def at(self, prepared: Prepared, channel: int | None, plane: float) -> Prepared:
        """The one PSF that holds for a channel and a plane; runs in the worker."""
        if channel is not None and channel in self.channels:
            asked = self.channels[channel]
            if asked is None:
                raise DeconvError(f"Channel {channel} is left as it is.", "Go to another.")
            prepared = asked.prepare()
        if self.depths == 1 or not deepens(prepared.about):
            return prepared
        several = _through(prepared, self.planes, self.depths)
        nearest = min(range(len(several.planes)), key=lambda i: abs(several.planes[i] - plane))
        return replace(prepared, array=several.psfs[nearest])

    def _deep(self, prepared: Prepared) -> tuple[Any, dict[str, Any]]:
        array = prepared.usable()
        if self.depths == 1:
            return array, prepared.about
        if not deepens(prepared.about):
            raise DeconvError(
                "This PSF does not say how it changes with depth.",
                "Set PSFs over depth to 1, or take a microscope PSF as it was made.",
            )
        about = prepared.about | {"depths": self.depths, "planes": self.planes}
        about["size"] = list(array.shape)
        return _through(prepared, self.planes, self.depths), about


def deepens(about: Mapping[str, Any]) -> bool:
    """Whether a PSF's recipe says how it changes with depth: optics whose indices differ."""
    spec = about.get("spec") or {}
    immersion, sample = (spec.get(f"refractive_index_{x}") for x in ("immersion", "sample"))
    volume = about.get("ndim", 2) == 3 and not about.get("repaired")
    return volume and immersion is not None and immersion != sample


def _through(prepared: Prepared, planes: int, count: int) -> Any:
    from ...psf import PSF, through

    spec: Any = PSF.from_dict(prepared.about["spec"])
    sizes = prepared.about["pixel_size"]
    return through(spec, planes, sizes, count, prepared.array.shape)
