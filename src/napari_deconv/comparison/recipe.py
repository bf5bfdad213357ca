"""`Comparison`: what is compared on what, as a record that makes it all again."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge

from ..core.checks import field
from ..core.errors import DeconvError
from ..restoration.base import Method
from .sweep import Sweep

_KIND = "comparison"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Configured methods, the image they are tried on, and how they are judged.

    Parameters
    ----------
    methods : tuple of Method
        In the order they run; the same one may come twice. Empty where `sweep` names them.
    image, truth, repeat : mapping
        Where the image, the sharp one and a second shot of the same scene are: ``path`` of a file,
        or ``layer``, its name in the viewer. Empty where there is none.
    psf : mapping
        As in a result's recipe: ``spec`` with ``size`` and ``pixel_size``, or ``file``.
    noise : float or None
        Standard deviation on the image's own scale; None estimates it.
    linear : bool
        Whether an sRGB photo is taken to linear light and back.
    align : bool
        Whether each result is fitted to the truth by a factor and an offset before PSNR and SSIM.
    border_px : int
        Pixels left out along every edge there; -1 takes half the PSF.
    sweep : Sweep or None
        One field of one method over a range, instead of `methods`.
    rectangle : tuple of float
        ``(top, left, bottom, right)`` in pixels of the image that the figure shows enlarged.
    """

    methods: tuple[Method, ...] = ()
    image: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    truth: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    repeat: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    psf: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    noise: float | None = None
    linear: bool = False
    align: bool = False
    border_px: int = -1
    sweep: Sweep | None = None
    rectangle: tuple[float, ...] = ()

    @property
    def runs(self) -> tuple[Method, ...]:
        """Every run of the comparison, in order."""
        return self.methods if self.sweep is None else self.sweep.methods()

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each run that tells it from the others, the shortest that does."""
        if self.sweep is not None:
            return self.sweep.labels()
        return distinct(self.methods)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` is the inverse."""
        return {
            "kind": _KIND,
            "methods": [method.to_dict() for method in self.methods],
            **{key: dict(getattr(self, key)) for key in ("image", "truth", "repeat", "psf")},
            "noise": self.noise,
            "linear": self.linear,
            "align": self.align,
            "border_px": self.border_px,
            "sweep": None if self.sweep is None else self.sweep.to_dict(),
            "rectangle": list(self.rectangle),
        }

    @classmethod
    def from_dict(cls, data: Any) -> Comparison:
        """Rebuild a comparison from `to_dict`.

        Raises
        ------
        DeconvError
            If it is not a comparison, or names a method or field that is not there.
        """
        if not (isinstance(data, Mapping) and data.get("kind") == _KIND):
            raise DeconvError(
                "This is not a recipe of a comparison.",
                f'It needs "kind": "{_KIND}" and "methods".',
            )
        where = "The recipe of the comparison"
        places = {key: field(where, data, key, dict, {}) for key in ("image", "truth", "repeat")}
        for key, place in places.items():
            for word in ("path", "layer", "axes"):
                field(f"{where}: {key}", place, word, str, None)
        sweep = data.get("sweep")
        named = field(where, data, "methods", tuple[dict[str, Any], ...], ())
        return cls(
            methods=tuple(Method.from_dict(each) for each in named),
            **places,
            psf=field(where, data, "psf", dict, {}),
            noise=field(where, data, "noise", Annotated[float, Ge(0)], None),
            linear=field(where, data, "linear", bool, False),
            align=field(where, data, "align", bool, False),
            border_px=field(where, data, "border_px", Annotated[int, Ge(-1)], -1),
            sweep=None if sweep is None else Sweep.from_dict(sweep),
            rectangle=field(where, data, "rectangle", tuple[float, ...], ()),
        )


def distinct(configured: tuple[Method, ...]) -> tuple[str, ...]:
    """Titles; with the fields that were changed where a title comes twice, and numbers at last."""
    count = Counter(method.title for method in configured)
    names = [m.title if count[m.title] == 1 else str(m) for m in configured]
    seen: Counter[str] = Counter()
    labels = []
    for name in names:
        seen[name] += 1
        labels.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(labels)
