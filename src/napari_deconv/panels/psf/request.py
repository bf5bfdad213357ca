"""A PSF as asked for in a panel, and as made, looked over and mended beside the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ...core.errors import DeconvError


@dataclass(frozen=True, eq=False)
class Request:
    """Everything needed to make a PSF, taken from the panel; making it may take a worker's time.

    Parameters
    ----------
    make : callable
        Returns the PSF as it stands.
    about : dict
        Its recipe, JSON-able.
    pixel_size : tuple of float or None
        Its voxel size, in the image's unit; None if unknown.
    image_shape, image_pixel_size : tuple or None
        The image's spatial axes; None without an image.
    unit : str
        Name of the unit.
    mend : bool
        Whether to repair what the preflight finds.
    spec : PSF or None
        The generator it is made by.
    """

    make: Callable[[], NDArray[Any]]
    about: dict[str, Any]
    pixel_size: tuple[float, ...] | None = None
    image_shape: tuple[int, ...] | None = None
    image_pixel_size: tuple[float, ...] | None = None
    unit: str = ""
    mend: bool = False
    spec: Any = None

    def prepare(self) -> Prepared:
        """Make the PSF, look it over and, if asked to, mend it."""
        from ...psf import describe, inspect, repair

        array, size = self.make(), self.pixel_size
        about = dict(self.about)
        found = self._news(inspect(array, self.image_shape, size, self.image_pixel_size))
        mended = ""
        if self.mend and any(f.repairable for f in found):
            sizes: dict[str, Any] = {
                "image_shape": self.image_shape,
                "pixel_size": size,
                "image_pixel_size": self.image_pixel_size,
            }
            array = repair(array, **sizes)
            about["repair"] = {key: list(v) for key, v in sizes.items() if v is not None}
            mended = ", ".join(f.code.replace("-", " ") for f in found if f.repairable)
            about["repaired"] = mended
            size = self.image_pixel_size if size is not None else None
            found = self._news(inspect(array, self.image_shape, size, self.image_pixel_size))
        fatal = any(f.fatal for f in found)
        said = "" if fatal else describe(array, size if self.unit else None, self.unit) + self._px()
        return Prepared(array, about, tuple(found), said, mended)

    def _news(self, found: tuple[Any, ...]) -> tuple[Any, ...]:
        """What there is to say beyond the generator's nature."""
        from ...psf import of_generator

        if self.spec is None:
            return found
        return of_generator(found, self.spec, self.about.get("pixel_size"))

    def _px(self) -> str:
        """What a field's px are, where voxels are no cubes."""
        sizes = self.pixel_size or ()
        physical = self.spec is None or self.spec.calibrated
        if "layer" in self.about or physical or len(set(sizes)) < 2:
            return ""
        return f". Fields count px of the finest axis, {min(sizes):g} {self.unit}".rstrip() + "."


@dataclass(frozen=True, eq=False)
class Prepared:
    """A PSF ready for use, with what there is to say of it."""

    array: NDArray[Any]
    about: dict[str, Any]
    findings: tuple[Any, ...]
    described: str
    mended: str

    def usable(self) -> NDArray[Any]:
        """The array, or a `DeconvError` if a finding is fatal."""
        for finding in self.findings:
            if finding.fatal:
                raise DeconvError(finding.message, finding.remedy)
        return self.array
