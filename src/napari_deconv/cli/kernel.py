"""A PSF as the command line names it: a file, or a generator with its fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray

from ..core.checks import field
from ..core.errors import DeconvError
from ..core.paths import is_file, resolved
from ..io import SUFFIXES, Picture, read
from ..psf import PSF, Fact, inspect, of_generator, repair
from ..psf.measured import of_picture
from .report import Reporter

_Size = Annotated[int, Ge(1)]
_Length = Annotated[float, Gt(0)]


@dataclass(frozen=True, eq=False)
class Kernel:
    """A PSF before it meets an image.

    Parameters
    ----------
    spec : PSF or None
        A generator, rendered for each image's voxel size.
    array : ndarray or None
        Or the values of a file.
    path : str
        That file.
    spacing : tuple of float or None
        Voxel size that the file states, or that the generator was rendered for.
    shape : tuple of int or None
        Size that the generator was rendered in; by default it chooses.
    regions : tuple of int or None
        Where the file holds one PSF per region of a photo, rows and columns of regions.
    depths : int
        As how many PSFs over z the generator is rendered; 1 for one everywhere.
    facts : tuple of Fact
        Where the fields of the generator came from, if out of an image's metadata.
    """

    spec: PSF | None = None
    array: NDArray[np.float32] | None = None
    path: str = ""
    spacing: tuple[float, ...] | None = None
    shape: tuple[int, ...] | None = None
    regions: tuple[int, int] | None = None
    depths: int = 1
    facts: tuple[Fact, ...] = ()

    @property
    def said(self) -> dict[str, Any]:
        """How a recipe records where it came from."""
        if self.spec is None:
            return {"file": self.path}
        said: dict[str, Any] = {"spec": self.spec.to_dict()}
        said |= {"size": list(self.shape)} if self.shape else {}
        said |= {"depths": self.depths} if self.depths > 1 else {}
        said |= {"optics": [fact.to_dict() for fact in self.facts]} if self.facts else {}
        return said | ({"pixel_size": list(self.spacing)} if self.spacing else {})

    def on(self, picture: Picture) -> NDArray[np.float32]:
        """Its values for the voxels of a picture."""
        if self.array is not None:
            return self.array
        assert self.spec is not None
        if self.shape or self.spacing:
            return self.spec(self.shape, self.spacing)
        if self.spec.calibrated:
            return self.spec(None, _calibration(self.spec, picture))
        plain = self.spec()
        sizes = picture.spacing("ZYX"[-plain.ndim :])
        return plain if sizes is None or len(set(sizes)) == 1 else self.spec(None, sizes)


def _calibration(spec: PSF, picture: Picture) -> tuple[float, ...]:
    """The picture's voxel size in micrometres, or a `DeconvError` saying that it has none."""
    axes = "ZYX" if "Z" in picture.axes else "YX"
    sizes = picture.spacing(axes)
    if sizes is None or {picture.units.get(a) for a in axes} != {"µm"}:
        raise DeconvError(
            f"A {spec.title.lower()} PSF needs the pixel size, and the image does not say it.",
            "Give deconvolve --spacing Z,Y,X in µm, or make the PSF with: napari-deconv psf ... "
            "--pixel-size Z,Y,X -o psf.tif.",
        )
    return sizes


def kernel_in(text: str) -> Kernel:
    """``psf.tif`` or ``disk:radius_px=7``.

    Raises
    ------
    DeconvError
        If it is neither, or does not fit.
    """
    path = Path(text)
    if path.suffix.lower() in (*SUFFIXES, ".bmp") or is_file(path):
        stated = read(path)
        array = of_picture(stated, name=path.name)
        axes = "ZYX"[-array.ndim :]
        spacing = stated.spacing(axes) if set(axes) <= set(stated.axes) else None
        return Kernel(
            array=array, path=str(resolved(path)), spacing=spacing,
            regions=_regions(stated, array),
        )  # fmt: skip
    spec = PSF.parse(text)
    assert isinstance(spec, PSF)
    return Kernel(spec=spec)


def _regions(stated: Picture, array: NDArray[np.float32]) -> tuple[int, int] | None:
    """What `psf estimate --regions` wrote beside the PSFs."""
    said = (stated.recipe or {}).get("psf")
    grid = said.get("regions") if isinstance(said, Mapping) else None
    whole = isinstance(grid, list) and all(type(n) is int for n in grid)
    if not (isinstance(grid, list) and whole and len(grid) == 2 and array.ndim == 3):
        return None
    rows, columns = grid
    return (rows, columns) if rows * columns == len(array) else None


def kernel_of(recipe: Mapping[str, Any]) -> Kernel | None:
    """The PSF that a recipe records, if it says how to make or find it."""
    said = recipe.get("psf")
    if not isinstance(said, Mapping):
        return None
    if isinstance(said.get("spec"), Mapping):
        where = "The recipe's psf"
        shape = field(where, said, "size", tuple[_Size, ...], None) or None
        spacing = field(where, said, "pixel_size", tuple[_Length, ...], None) or None
        depths = field(where, said, "depths", _Size, 1)
        spec = PSF.from_dict(said["spec"])
        return Kernel(spec=spec, shape=shape, spacing=spacing, depths=depths)
    if "name" in said:
        return Kernel(spec=PSF.from_dict(said))
    file = field("The recipe's psf", said, "file", str, "")
    return kernel_in(file) if file else None


def examined(kernel: Kernel, picture: Picture, report: Reporter, mend: bool) -> Any:
    """The PSF for a picture after the preflight; findings are told in words.

    PSFs of regions were looked over when they were estimated.

    Raises
    ------
    DeconvError
        If the PSF cannot be used, or not without the repair that was not asked for.
    """
    array = kernel.on(picture)
    if kernel.regions is not None:
        from ..engine.regions import RegionPSF

        return RegionPSF(kernel.regions, tuple(array))
    spatial = "ZYX"[-array.ndim :]
    shape = tuple(picture.data.shape[picture.axes.index(a)] for a in spatial if a in picture.axes)
    # A generator's voxel size counts by its ratios only; a file's is compared with the image's.
    stated = kernel.spacing if kernel.array is not None else None
    sizes = {"pixel_size": stated, "image_pixel_size": picture.spacing(spatial)}
    findings = inspect(array, shape, **sizes)
    if kernel.spec is not None:
        known = kernel.spacing or picture.spacing(spatial)
        findings = of_generator(findings, kernel.spec, known)
    for finding in findings:
        if finding.fatal:
            raise DeconvError(f"PSF: {finding.message}", finding.remedy)
        if finding.code == "negative" and not mend:
            raise DeconvError(f"PSF: {finding.message}", "Add --repair-psf, which sets them to 0.")
        ask = " (--repair-psf)" if finding.repairable and not mend else ""
        report.note(f"PSF: {finding}{ask}")
    if mend and any(f.repairable for f in findings):
        array = repair(array, findings, image_shape=shape, **sizes)
        report.note(f"PSF: repaired; it is now {' x '.join(map(str, array.shape))} px.")
    return array if kernel.depths == 1 else _through(kernel, picture)


def _through(kernel: Kernel, picture: Picture) -> Any:
    """PSFs over the planes of a picture."""
    from ..psf import through
    from ..psf.microscope import Microscope

    spec = kernel.spec
    if "Z" not in picture.axes or not kernel.spacing or not isinstance(spec, Microscope):
        raise DeconvError(
            "The recipe has PSFs over z; they need a stack, a microscope and its pixel_size.",
            "Give a stack, or one PSF: --psf.",
        )
    planes = picture.data.shape[picture.axes.index("Z")]
    return through(spec, planes, kernel.spacing, kernel.depths, kernel.shape)
