"""Recommend a method by the kind of image and the device, from benchmarks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..core.device import choose_device
from ..core.errors import DeconvError
from ..core.precision import choose_precision
from ..core.progress import Stream
from ..core.spec import unknown
from ..engine.axes import Layout, parse_axes
from ..engine.channels import check_channels
from ..engine.depths import DepthPSF
from ..engine.incoming import as_array
from ..engine.intensity import Block, Intensity
from ..engine.options import Options
from ..engine.readings import Reading, read_typical
from ..engine.regions import RegionPSF
from ..engine.streaming import relative
from ..engine.unseen import Unseen, with_mask
from ..signal.noise_law import NoiseLaw
from .base import Method, methods
from .networks.domain import domain_of
from .networks.stack_remarks import unlike_trained

Kind = Literal[
    "colour photo",
    "gray photo",
    "clipped photo",
    "fluorescent plane",
    "fluorescent stack",
    "stack",
]


@dataclass(frozen=True)
class Facts:
    """What a choice is made by.

    Parameters
    ----------
    kind : Kind
        Of image.
    megapixels : float
        Pixels to restore, of all planes and of all colours that are no photo's, in millions.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
    narrow : bool
        Whether the device computes layers in a format narrower than float32.
    unlike : str
        In what a stack is not like those that the network for stacks learned from; empty if it is.
    """

    kind: Kind
    megapixels: float = 0.0
    device: str = "cpu"
    narrow: bool = True
    unlike: str = ""

    @property
    def ndim(self) -> int:
        """Dimensions that are restored together."""
        return 3 if self.kind.endswith("stack") else 2


@dataclass(frozen=True)
class Recommendation:
    """A method to begin with.

    Parameters
    ----------
    method : Method
        Configured.
    reason : str
        Why; empty if a person chose it.
    """

    method: Method
    reason: str = ""

    def but(self, **fields: Any) -> Recommendation:
        """The same with some fields of the method changed."""
        return replace(self, method=self.method.but(**fields))

    def explained(self, steps: Stream) -> Stream:
        """A restoration's steps; its recipe says why its method was chosen."""
        result = yield from steps
        if not self.reason:
            return result
        return replace(result, record=replace(result.record, method_reason=self.reason))


_BEST: Mapping[Kind, tuple[str, Mapping[str, Any], str]] = {
    # docs/reference/networks.md: together over one by one.
    "colour photo": (
        "unrolled",
        {"domain": "photo"},
        "a colour photo, where restoring colours together gains 1.3 dB over one by one",
    ),
    # docs/benchmarks/photos.md
    "gray photo": (
        "unrolled",
        {"domain": "photo"},
        "a gray photo, where it is 1 dB ahead of the hyper-Laplacian at its best weight",
    ),
    # docs/benchmarks/saturated.md, the last table.
    "clipped photo": (
        "em-outliers",
        {},
        "a photo with clipped highlights, which it leaves out and the networks ring around",
    ),
    # docs/benchmarks/fluorescence.md
    "fluorescent plane": (
        "unrolled",
        {"domain": "fluorescence"},
        "a fluorescent plane, where it is 0.8 to 2 dB ahead of Richardson-Lucy at its best count",
    ),
    # docs/reference/networks.md: for stacks.
    "fluorescent stack": (
        "unrolled-3d",
        {},
        "a fluorescence stack, where it is 1.6 to 2.6 dB ahead of Richardson-Lucy at its best; it "
        "can invent structure, so choose Richardson-Lucy to measure widths or brightness",
    ),
    # docs/benchmarks/microscopy.md
    "stack": (
        "richardson-lucy",
        {},
        "a stack, where it is ahead of Wiener and total variation and stops by itself",
    ),
}
_LARGE: Mapping[int, str] = {2: "hyper-laplacian", 3: "richardson-lucy"}
"""By dimensions, what is taken where a network would take too long."""
_CPU_S = {True: 5.0, False: 10.0}
"""Processor seconds of ``unrolled`` for a megapixel, with units for bfloat16 and without; see
docs/benchmarks/network_speed."""
_PATIENCE_S = 300.0
_CLIPPED = 0.005
"""Share of the pixels at the very top from which on a photo is clipped."""


def recommended(facts: Facts) -> Recommendation:
    """The method to begin with, and why."""
    name, fields, reason = _BEST[facts.kind]
    method = Method.make(name, **fields)
    seconds = _CPU_S[facts.narrow] * facts.megapixels
    if facts.device == "cpu" and method.needs_weights and seconds > _PATIENCE_S:
        return Recommendation(
            Method.make(_LARGE[facts.ndim]),
            f"{facts.megapixels:.0f} mega{'voxels' if facts.ndim == 3 else 'pixels'} on a "
            f"processor: a network would take about {seconds / 60:.0f} minutes of one core",
        )
    if facts.unlike:
        reason = f"a stack {facts.unlike}, unlike those that the network for stacks learned from"
    return Recommendation(method, reason)


def facts_of(
    image: Any,
    psf: Any,
    *,
    axes: str | None = None,
    unseen: Any = None,
    nan: str = "refuse",
    noise: float | NoiseLaw | None = None,
    spacing: Sequence[float] | None = None,
    device: str = "auto",
    precision: str = "auto",
    **_others: Any,
) -> Facts:
    """Collect what there is to know about an image before a method is chosen.

    Parameters
    ----------
    image, psf, axes, unseen, nan, noise, spacing, device, precision
        As for `engine.restore`, whose other options do not matter here; of several PSFs the first
        tells the dimensions.

    Raises
    ------
    DeconvError
        As `engine.restore`, for what is wrong with the image or its axes.
    """
    if not isinstance(getattr(image, "dtype", None), np.dtype):
        image = as_array("The image", image)
    image, options = with_mask(image, Options(unseen=unseen))
    if isinstance(psf, Mapping):
        check_channels(tuple(np.shape(image)), axes, psf)
    layout = parse_axes(tuple(np.shape(image)), axes, _ndim(psf))
    hidden = Unseen.of(image, layout, options.get("unseen"), nan)
    # What a stack is like hangs on its noise; of planes it need not be known.
    volume = len(layout.spatial) == 3
    reading, block = read_typical(image, layout, hidden, noise if volume else 0.0)
    where = choose_device(device)
    format_, _ = choose_precision(precision, where)
    planes = layout.count * (1 if layout.colours == 3 else layout.colours)
    kind = _kind(layout, reading.intensity, block)
    unlike = ""
    if kind == "fluorescent stack":
        steps = relative(spacing, 3)
        ratio = steps[0] / min(steps[1:]) if steps else 1.0
        photons = _photons(reading)
        clipped = clipped_share(block.observed) > _CLIPPED
        unlike = unlike_trained(photons, layout.block_shape[0], ratio, clipped)
    return Facts(
        kind="stack" if unlike else kind,
        megapixels=planes * float(np.prod(layout.block_shape)) / 1e6,
        device=where.type,
        narrow=format_.name != "float32",
        unlike=unlike,
    )


def automatic(image: Any, psf: Any, fields: Collection[str] = (), **options: Any) -> Recommendation:
    """`recommended` for an image and its PSF, or the one method that has the given fields.

    Parameters
    ----------
    image, psf, options
        As for `facts_of`.
    fields : collection of str
        Names of fields that it is to have: it is the recommended method if that has them all, else
        the only one that does.

    Raises
    ------
    DeconvError
        As `facts_of`, and if the fields belong to none or to several.
    """
    facts = facts_of(image, psf, **options)
    choice = recommended(facts)
    if _takes(type(choice.method), fields):
        return choice
    if facts.kind == "fluorescent stack":
        usual = recommended(replace(facts, kind="stack"))
        if _takes(type(usual.method), fields):
            return usual
    names = sorted({name for kind in methods().values() for name in kind.fields()})
    for name in fields:
        if name not in names:
            raise unknown("field of a method", name, names)
    able = [n for n, kind in methods().items() if facts.ndim in kind.ndim and _takes(kind, fields)]
    given = ", ".join(map(repr, fields))
    if len(able) == 1:
        reason = f"{given}, which no other method for this image has"
        return Recommendation(Method.make(able[0]), reason)
    raise DeconvError(
        f"No method was named for {given}, and {choice.method.name!r}, which suits this image, "
        f"does not have {'it' if len(fields) == 1 else 'them'}.",
        f"Name one that does: {', '.join(able)}." if able else "No method has them all: name one.",
    )


def _takes(kind: type[Method], fields: Collection[str]) -> bool:
    """Whether a restoration by a method may be given all of these fields."""
    return set(fields) <= set(kind.fields()) - set(kind.for_training)


def _ndim(psf: Any) -> int:
    """Dimensions of a PSF, or of the first of several."""
    while isinstance(psf, Mapping | DepthPSF | RegionPSF):
        psf = next(iter(psf.values())) if isinstance(psf, Mapping) else psf.psfs[0]
    ndim = np.ndim(psf)
    if ndim not in (2, 3):
        raise DeconvError(f"The PSF is {ndim}-D.", "Give a 2-D or 3-D PSF.")
    return ndim


def _kind(layout: Layout, intensity: Intensity, block: Block) -> Kind:
    bits = 8 * intensity.dtype.itemsize if intensity.dtype.kind in "iu" else 0
    glows = domain_of(block.pixels, bits, intensity.white) == "fluorescence"
    if len(layout.spatial) == 3:
        return "fluorescent stack" if glows else "stack"
    if glows:
        return "fluorescent plane"
    if clipped_share(block.observed) > _CLIPPED:
        return "clipped photo"
    return "colour photo" if layout.colours == 3 else "gray photo"


def _photons(reading: Reading) -> float:
    """At the brightest voxel, as the noise tells."""
    noise, intensity = reading.noise.of(slice(0, 1)), reading.intensity
    if noise.law is not None and noise.law.slope > 0:
        return intensity.scale / noise.law.slope
    return intensity.scale * max(intensity.mean, 0.0) / max(noise.level**2, 1e-30)


def clipped_share(pixels: NDArray[Any]) -> float:
    """Share of the pixels that are as bright as the brightest one."""
    return float(np.mean(pixels == pixels.max())) if pixels.size else 0.0
