"""A PSF before it meets an image (`PsfRequest`), and as it was made for one (`PreparedPsf`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray

from .. import io
from ..core.checks import as_object
from ..core.checks import field as checked_field
from ..core.errors import DeconvError
from ..core.paths import is_file, resolved
from ..core.spec import unknown
from ..engine.depths import DepthPSF
from ..engine.incoming import as_array
from ..engine.regions import RegionPSF
from .base import PSF
from .camera_shake import CameraShake
from .depths import through
from .findings import Finding
from .fluorescence import Confocal
from .image_facts import ImageFacts, along, calibration
from .measured import from_array, of_picture
from .metadata import ChannelPSF, Fact, check_typed, from_metadata
from .microscope import Microscope
from .motion import Motion
from .preflight import inspect, of_generator, repair
from .preset import OpticsPreset
from .readout import describe

Kernel = NDArray[Any] | DepthPSF | RegionPSF
Kernels = Kernel | dict[int, Kernel]
"""What the engine takes: one PSF, several over z or across the image, or one for each channel."""

_HISTORY = ("colours", "estimate", "beads", "refined", "rounds")
_WHERE = "The recipe's psf"
_GIVE_ONE = 'Give one: --psf psf.tif, or --psf "disk:radius_px=7".'
_Size = Annotated[int, Ge(1)]
_Length = Annotated[float, Gt(0)]


@dataclass(frozen=True)
class FromMetadata:
    """A microscope's PSF that an image's metadata have to complete.

    Parameters
    ----------
    kind : str
        Name of the microscope, or ``"auto"``.
    fields : mapping
        The fields that were typed; they win.
    assume : bool
        Whether usual values are taken for what nobody states.
    preset : OpticsPreset, optional
        Optics with a name, which win over the file's.
    """

    kind: str = "auto"
    fields: Mapping[str, Any] = field(default_factory=dict)
    assume: bool = True
    preset: OpticsPreset | None = None

    def __post_init__(self) -> None:
        kinds = (kind for kind in PSF.registry.values() if issubclass(kind, Microscope))
        fields = {name for kind in kinds for name in kind.fields()}
        for name in set(self.fields) - fields:
            raise unknown("field of a microscope", name, fields)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the ``metadata`` of a recipe's psf; a `DeconvError` if something does not fit."""
        where = f"{_WHERE}: metadata"
        return cls(
            kind=checked_field(where, data, "kind", str, "auto"),
            fields=checked_field(where, data, "fields", dict, {}),
            assume=checked_field(where, data, "assume", bool, True),
            preset=OpticsPreset.from_dict(data["preset"]) if data.get("preset") else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain JSON values; `from_dict` is its inverse."""
        preset = {"preset": self.preset.to_dict()} if self.preset else {}
        return {"kind": self.kind, "fields": dict(self.fields), "assume": self.assume} | preset


@dataclass(frozen=True, eq=False)
class Values:
    """The values of a PSF that exist already.

    Parameters
    ----------
    array : array_like
        As they stand.
    pixel_size : tuple of float, optional
        Voxel size, where known.
    unit : str, optional
        Of the voxel size; by default the unit of the image's.
    repair : mapping, optional
        The sizes that they were repaired with; None if they were not.
    """

    array: Any
    pixel_size: tuple[float, ...] | None = None
    unit: str = ""
    repair: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class PsfRequest:
    """A request for a PSF, from a panel, the command line, a script or a recipe.

    It comes from the values of a layer, from a generator, from a file or from an image's metadata:
    the first of these that is there counts, and the others say where it came from.

    Parameters
    ----------
    generator : PSF, optional
        Rendered for each image's voxels, unless ``size`` or ``pixel_size`` are given.
    file : str
        Path of an image file with the PSF.
    layer : str
        Name of the layer that holds it.
    metadata : FromMetadata, optional
        What an image's metadata complete.
    size : tuple of int, optional
        Size per axis that the generator is rendered in; by default it chooses.
    pixel_size : tuple of float, optional
        Voxel size that it is rendered for: in µm for a microscope's, of others only ratios count.
    depths : int
        As how many PSFs over z it is rendered; 1 for one everywhere.
    regions : tuple of int, optional
        Rows and columns of regions of a photo, where the file holds one PSF for each of them.
    channels : mapping of int to PsfRequest
        The PSF of each channel, where they have their own; others are left as they are.
    repair : bool
        Whether to mend what the preflight finds.
    facts : tuple of Fact
        Where the generator's fields came from, if out of an image's metadata.
    history : mapping
        How values were found that no generator makes: ``estimate``, ``beads``, ``refined``, or
        ``colours`` that were averaged.
    values : Values, optional
        The values, where they are there already; they do not go into JSON.
    """

    generator: PSF | None = None
    file: str = ""
    layer: str = ""
    metadata: FromMetadata | None = None
    size: tuple[int, ...] | None = None
    pixel_size: tuple[float, ...] | None = None
    depths: int = 1
    regions: tuple[int, int] | None = None
    channels: Mapping[int, PsfRequest] = field(default_factory=dict)
    repair: bool = False
    facts: tuple[Fact, ...] = ()
    history: Mapping[str, Any] = field(default_factory=dict)
    values: Values | None = field(default=None, compare=False, repr=False)

    @classmethod
    def parse(cls, text: str, complete: bool = False) -> Self:
        """Read ``psf.tif``, ``disk:radius_px=7``, or ``auto``.

        Parameters
        ----------
        text : str
            A file, which is read at once, or a generator with its fields.
        complete : bool
            Whether an image's metadata complete a microscope's fields; ``auto`` stands for all.

        Raises
        ------
        DeconvError
            If it is neither, or does not fit.
        """
        if Path(text).suffix.lower() in (*io.SUFFIXES, ".bmp") or is_file(Path(text)):
            return cls(file=text).loaded()
        name, _, rest = text.partition(":")
        if complete and name.strip() == "auto":
            return cls(metadata=FromMetadata("auto", Confocal.parse_fields(rest)))
        kind = PSF.lookup(name.strip())
        if complete and issubclass(kind, Microscope):
            typed = kind.parse_fields(rest)
            check_typed(kind.name, typed)
            return cls(metadata=FromMetadata(kind.name, typed))
        return cls(generator=PSF.parse(text))

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain JSON values; `from_dict` is its inverse but for ``values``."""
        metadata = self.metadata
        given: dict[str, Any] = {
            "spec": self.generator and self.generator.to_dict(),
            "file": self.file,
            "layer": self.layer,
            "metadata": metadata and metadata.to_dict(),
            "size": self.size and list(self.size),
            "pixel_size": self.pixel_size and list(self.pixel_size),
            "depths": self.depths if self.depths > 1 else None,
            "regions": self.regions and list(self.regions),
            "channels": [{"channel": c, **part.to_dict()} for c, part in self.channels.items()],
            "optics": [fact.to_dict() for fact in self.facts],
            **self.history,
        }
        repaired = self.repair or self._mended_before
        return {key: value for key, value in given.items() if value} | {"repaired": repaired}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_dict`, or an older recipe, records.

        Raises
        ------
        DeconvError
            If a field does not fit.
        """
        data = as_object(_WHERE, data)
        spec = checked_field(_WHERE, data, "spec", dict, data if "name" in data else None)
        parts = checked_field(_WHERE, data, "channels", tuple[dict[str, Any], ...], ())
        facts = checked_field(_WHERE, data, "optics", tuple[dict[str, Any], ...], ())
        metadata = checked_field(_WHERE, data, "metadata", dict, None)
        part, number = f"{_WHERE}: channels", Annotated[int, Ge(0)]
        return cls(
            generator=None if spec is None else PSF.from_dict(spec),
            file=checked_field(_WHERE, data, "file", str, ""),
            layer=checked_field(_WHERE, data, "layer", str, ""),
            metadata=None if metadata is None else FromMetadata.from_dict(metadata),
            size=checked_field(_WHERE, data, "size", tuple[_Size, ...], None) or None,
            pixel_size=checked_field(_WHERE, data, "pixel_size", tuple[_Length, ...], None) or None,
            depths=checked_field(_WHERE, data, "depths", _Size, 1),
            regions=checked_field(_WHERE, data, "regions", tuple[_Size, _Size], None),
            channels={
                checked_field(part, own, "channel", number): cls.from_dict({**own, "channels": ()})
                for own in parts
            },
            repair=bool(data.get("repaired")),
            facts=tuple(map(Fact.from_dict, facts)),
            history={key: data[key] for key in _HISTORY if data.get(key)},
        )

    @property
    def files(self) -> tuple[str, ...]:
        """The files it is read from."""
        own = (self.file,) if self.file else ()
        return own + tuple(name for part in self.channels.values() for name in part.files)

    @property
    def deepens(self) -> bool:
        """Whether it says how it changes with depth: a volume of optics whose indices differ."""
        spec = self.generator
        if not isinstance(spec, Microscope) or self.repair or self._mended_before:
            return False
        differs = spec.refractive_index_immersion != spec.refractive_index_sample
        return differs and len(self.pixel_size or ()) == 3

    def repaired(self) -> Self:
        """The same request with repair switched on, in its channels too."""
        channels = {channel: part.repaired() for channel, part in self.channels.items()}
        return replace(self, repair=True, channels=channels)

    def loaded(self) -> Self:
        """The same request with its files read.

        Raises
        ------
        DeconvError
            If a file cannot be read, or nothing says what the PSF is.
        """
        if self.channels:
            return replace(self, channels={c: part.loaded() for c, part in self.channels.items()})
        if self.values is not None or self.generator is not None or self.metadata is not None:
            return self
        if not self.file:
            raise DeconvError("There is no PSF.", _GIVE_ONE)
        path = Path(self.file)
        picture = io.read(path)
        array = of_picture(picture, name=path.name)
        facts = ImageFacts.of(picture)
        values = Values(array, facts.sizes(array.ndim), facts.unit)
        grid = _regions(picture, len(array)) if array.ndim == 3 else None
        return replace(self, file=str(resolved(path)), values=values, regions=grid)

    def prepare(self, image: ImageFacts | None = None) -> PreparedPsf:
        """Make the PSF for an image, look it over and, if asked to, mend it.

        Parameters
        ----------
        image : ImageFacts, optional
            Without one, the PSF is looked at by itself.

        Returns
        -------
        PreparedPsf
            Whether it can be used is known by its `PreparedPsf.usable`.

        Raises
        ------
        DeconvError
            If it cannot be made.
        """
        request, optics = self.loaded()._completed(image)
        if not request.channels:
            return replace(request._prepared(image), optics=optics)
        parts = {}
        for channel, part in request.channels.items():
            complete, stated = part._completed(image, channel)
            parts[channel] = complete._prepared(image)
            optics += stated
        first = next(iter(parts.values()))
        findings = tuple(finding for psf in parts.values() for finding in psf.findings)
        return replace(first, request=request, findings=findings, channels=parts, optics=optics)

    def _completed(
        self, image: ImageFacts | None, channel: int | None = None
    ) -> tuple[Self, tuple[ChannelPSF, ...]]:
        """Fill in generators from an image's metadata; return these channel by channel as well.

        Where channels differ, and none is named, each gets its own.
        """
        wanted = self.metadata
        if wanted is None or self.channels:
            return self, ()
        if image is None or image.picture is None:
            raise DeconvError("There is no image whose metadata could complete the PSF.", _GIVE_ONE)
        picture = image.picture
        sizes = image.sizes(3 if "Z" in picture.axes else 2) if image.typed else None
        psfs = from_metadata(
            picture,
            wanted.kind,
            pixel_size=sizes,
            assume=wanted.assume,
            preset=wanted.preset,
            **wanted.fields,
        )
        if channel is not None and channel >= len(psfs):
            name = picture.path.name if picture.path else "the image"
            raise DeconvError(
                f"There is a PSF for channel {channel}, and {name} has {len(psfs)}.",
                "Channels count from 0: give --psf once, or once for each channel.",
            )
        psfs = psfs if channel is None else psfs[channel : channel + 1]
        plain = replace(self, metadata=None)
        requests = {p.channel: replace(plain, generator=p.spec, facts=p.facts) for p in psfs}
        if all(psf.spec == psfs[0].spec for psf in psfs):
            return requests[psfs[0].channel], psfs
        return replace(plain, channels=requests), psfs

    def _prepared(self, image: ImageFacts | None) -> PreparedPsf:
        """One PSF, or several over z or across the image."""
        if self.regions is not None and self.values is not None:
            several = RegionPSF(self.regions, tuple(self.values.array))
            middle = several.psfs[len(several.psfs) // 2]
            words = f"{' x '.join(map(str, self.regions))} regions, each {describe(middle)}"
            # They were looked over when they were estimated.
            return PreparedPsf(self, several, middle, image, description=words)
        array = self._array(image)
        ndim = array.ndim
        own, wanted = self._voxels(image, ndim)
        sizes: dict[str, Any] = {"image_shape": image and image.shape}
        sizes |= {"pixel_size": own, "image_pixel_size": wanted}
        findings = self._news(inspect(array, **sizes), image, ndim)
        mended = tuple(f for f in findings if f.repairable and self.repair)
        if mended:
            array, own = repair(array, findings, **sizes), own and wanted
            findings = self._news(inspect(array, **{**sizes, "pixel_size": own}), image, ndim)
        prepared = PreparedPsf(
            request=self,
            kernel=array,
            array=array,
            image=image,
            findings=findings,
            mended=mended,
            repair={k: list(v) for k, v in sizes.items() if v is not None} if mended else None,
        )
        if any(f.fatal for f in findings):
            return prepared
        prepared = replace(prepared, description=self._words(array, image, own or wanted))
        if self.depths == 1:
            return prepared
        request = replace(self, size=array.shape)
        return replace(prepared, request=request, kernel=request._through(image, bool(mended)))

    def _array(self, image: ImageFacts | None) -> NDArray[Any]:
        """The array before any repair."""
        if self.values is not None:
            array = self.values.array
            return from_array(array, self.layer) if self.layer else as_array("The PSF", array)
        spec = self.generator
        assert spec is not None
        if self.size or self.pixel_size:
            return spec(self.size, self.pixel_size)
        if spec.calibrated and image is not None:
            return spec(None, calibration(spec, image, len(image.shape)))
        plain = spec()
        sizes = image.sizes(plain.ndim) if image is not None else None
        return plain if sizes is None or len(set(sizes)) == 1 else spec(None, sizes)

    def _voxels(
        self, image: ImageFacts | None, ndim: int
    ) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
        """Voxel sizes of the PSF and of the image in one unit, where there is one to compare.

        A generator's need no comparison: it is rendered for the image, or as its recipe says.
        """
        own = self.values.pixel_size if self.values is not None else None
        unit = self.values.unit if self.values is not None else ""
        if image is None:
            return own, None
        if own is None or unit in ("", image.unit):
            return own, image.sizes(ndim)
        return own, along(image.microns, ndim) if unit == "µm" else None

    @property
    def _mended_before(self) -> bool:
        return self.values is not None and self.values.repair is not None

    def _news(
        self, findings: tuple[Finding, ...], image: ImageFacts | None, ndim: int
    ) -> tuple[Finding, ...]:
        """The findings that are not in the generator's nature."""
        if self.generator is None or self._mended_before:
            return findings
        voxels = self.pixel_size or (along(image.microns, ndim) if image is not None else None)
        return of_generator(findings, self.generator, voxels)

    def _words(
        self, array: NDArray[Any], image: ImageFacts | None, size: tuple[float, ...] | None
    ) -> str:
        """Describe size and widths, and what a field's px are where voxels are not cubes."""
        own, unit = self.values, image.unit if image is not None else ""
        if own is not None:
            size, unit = own.pixel_size and size, own.unit or unit
        shaken = self.generator is None and "estimate" in self.history
        path = shaken or isinstance(self.generator, Motion | CameraShake)
        words = describe(array, size if unit else None, unit, path=path)
        physical = self.generator is None or self.generator.calibrated
        if own is not None or physical or size is None or len(set(size)) < 2:
            return words
        return f"{words}. Fields count px of the finest axis, {min(size):g} {unit}".rstrip() + "."

    def _through(self, image: ImageFacts | None, mended: bool) -> DepthPSF:
        """PSFs over the planes of the image."""
        spec, sizes = self.generator, self.pixel_size or ()
        optics = isinstance(spec, Microscope) and len(sizes) == 3
        stack = image is not None and len(image.shape) == 3
        if not (optics and stack) or mended or self._mended_before:
            raise DeconvError(
                "PSFs over z need a stack, and a microscope's PSF as it was made, with its pixel "
                "size.",
                "Give one PSF: set PSFs over depth to 1, or --psf.",
            )
        assert isinstance(spec, Microscope) and image is not None
        return through(spec, image.shape[0], sizes, self.depths, self.size)


@dataclass(frozen=True, eq=False)
class PreparedPsf:
    """A PSF as it was made for an image, with what there is to say of it.

    Parameters
    ----------
    request : PsfRequest
        What it was made by: what was left to the image's metadata is filled in.
    kernel : ndarray, DepthPSF or RegionPSF
        The PSF, or several; that of the first channel where channels have their own.
    array : ndarray
        The PSF to look at: the one, or one of several.
    image : ImageFacts or None
        The image it was made for.
    findings : tuple of Finding
        What is odd about it.
    mended : tuple of Finding
        What was, and has been mended.
    description : str
        Size and widths in words.
    repair : mapping, optional
        The sizes that it was mended with, if it was.
    channels : mapping of int to PreparedPsf
        Each channel's, where they have their own.
    optics : tuple of ChannelPSF
        What the image's metadata say, where they were asked.
    """

    request: PsfRequest
    kernel: Kernel
    array: NDArray[Any]
    image: ImageFacts | None
    findings: tuple[Finding, ...] = ()
    mended: tuple[Finding, ...] = ()
    description: str = ""
    repair: Mapping[str, Any] | None = None
    channels: Mapping[int, PreparedPsf] = field(default_factory=dict)
    optics: tuple[ChannelPSF, ...] = ()

    def usable(self) -> Kernels:
        """The PSF, or PSFs by channel, that the engine takes.

        Raises
        ------
        DeconvError
            If a finding says that it cannot be used, or not before it is mended.
        """
        for finding in self.findings:
            if finding.refuses:
                raise DeconvError(finding.message, finding.remedy)
        if self.channels:
            return {channel: part.kernel for channel, part in self.channels.items()}
        return self.kernel

    def single(self) -> NDArray[Any]:
        """The one PSF; a `DeconvError` as `usable`, and if there are several."""
        kernel = self.usable()
        if not isinstance(kernel, np.ndarray):
            raise DeconvError("There are several PSFs, and one is needed here.", "Give one.")
        return kernel

    def at(self, place: Mapping[str, float]) -> NDArray[Any]:
        """The PSF that holds nearest to a pixel.

        Parameters
        ----------
        place : mapping of str to float
            Its position by axis: ``Z``, ``Y`` and ``X``.

        Raises
        ------
        DeconvError
            As `usable`.
        """
        self.usable()
        kernel, z = self.kernel, place.get("Z", 0)
        if isinstance(kernel, DepthPSF):
            return min(zip(kernel.planes, kernel.psfs, strict=True), key=lambda p: abs(p[0] - z))[1]
        if isinstance(kernel, RegionPSF):
            shape = self.image.shape[-2:] if self.image is not None else (1, 1)
            cells = zip("YX", shape, kernel.grid, strict=True)
            row, column = (min(int(place.get(a, 0) * n / size), n - 1) for a, size, n in cells)
            return kernel.psfs[row * kernel.grid[1] + column]
        return kernel

    @property
    def record(self) -> dict[str, Any]:
        """How a recipe records it, as plain JSON values; `PsfRequest.from_dict` reads it."""
        record, values = self.request.to_dict(), self.request.values
        mended = self.repair if self.repair is not None else values and values.repair
        if self.channels:
            parts = self.channels.items()
            record["channels"] = [{"channel": channel, **part.record} for channel, part in parts]
        if isinstance(self.kernel, DepthPSF) and self.image is not None and not self.channels:
            record["planes"] = self.image.shape[0]
        return record | ({"repair": dict(mended)} if mended else {})


def _regions(picture: io.Picture, count: int) -> tuple[int, int] | None:
    """The grid that `psf estimate --regions` wrote beside the PSFs."""
    psf = (picture.recipe or {}).get("psf")
    grid = psf.get("regions") if isinstance(psf, Mapping) else None
    if not (isinstance(grid, list) and len(grid) == 2 and all(type(n) is int for n in grid)):
        return None
    return (grid[0], grid[1]) if grid[0] * grid[1] == count else None
