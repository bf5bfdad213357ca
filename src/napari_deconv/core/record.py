"""How a result was made: `RunRecord`, and what there is to say of it: `Note`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, get_type_hints

from annotated_types import Ge, Gt, Interval

from .checks import as_object, field
from .errors import DeconvError
from .json_text import Json, JsonObject, as_json
from .replay import PSF_FILE, arguments, file_word, named, psf_command, psf_lines, word
from .shell import command_line

Severity = Literal["info", "warning"]

_CLIPPED_PERCENT = 3.0
"""Nearly every 8-bit run clips a few pixels."""

_LOST_PERCENT = 1.0
"""Few voxels of a sparse stack can hold much of its light."""


@dataclass(frozen=True)
class Note:
    """Something a person should know of a result.

    Parameters
    ----------
    code : str
        What it is about, for programs.
    text : str
        One or several sentences.
    severity : str
        ``"warning"`` where it asks for a look at the result, otherwise ``"info"``.
    """

    code: str
    text: str
    severity: Severity = "warning"

    def __str__(self) -> str:
        return self.text


def clipping(count: int, size: int, dtype: object, lost: float = 0.0) -> Note:
    """Say how many of ``size`` pixels a data type could not hold, and what share of the light."""
    share = 100 * count / size
    text = f"{share:.2g} % of the pixels lay outside the range of {dtype} and were clipped"
    if 100 * lost > _LOST_PERCENT:
        text = f"{text}, and with them {100 * lost:.2g} % of the light is lost"
        return Note("clipped", f"{text}. Keep the result as float to measure brightness.")
    if share <= _CLIPPED_PERCENT:
        return Note("clipped", f"{text}.", "info")
    remedy = "raise the noise level or lower the strength, or keep the result as float."
    return Note("clipped", f"{text}. It looks over-sharpened: {remedy}")


_Channel = Annotated[int, Ge(0)]
_Count = Annotated[int, Ge(1)]
_Length = Annotated[float, Gt(0)]
_Hashes = str | tuple[str, ...]

_PSF_FIELDS: dict[str, object] = {
    "channel": _Channel,
    "depths": _Count,
    "file": str,
    "layer": str,
    "ndim": Annotated[int, Interval(ge=2, le=3)],
    "pixel_size": tuple[_Length, ...],
    "planes": _Count | tuple[float, ...],
    "regions": tuple[_Count, _Count],
    "repaired": bool | str,
    "sha256": _Hashes,
    "shape": tuple[_Count, ...],
    "size": tuple[_Count, ...],
}
_REPAIR_FIELDS: dict[str, object] = {
    "image_pixel_size": tuple[_Length, ...],
    "image_shape": tuple[_Count, ...],
    "pixel_size": tuple[_Length, ...],
}

_Level = Annotated[float, Ge(0)]
_Share = Annotated[float, Interval(ge=0, le=1)]
_Rounds = Annotated[int, Interval(ge=0, le=100)]
_NaN = Literal["refuse", "unseen", "fill"]

_IMAGE = "IMAGE.tif"
"""Name in a command for an image that came from no file."""


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """How a result was made: enough to make it again. Fields at their default were not recorded.

    Parameters
    ----------
    method : mapping
        ``name`` of the method and its fields, as it was asked for.
    method_reason : str
        Why it was chosen, where that was left open.
    psf : mapping
        How the PSF was made (``spec``, ``size``, ``pixel_size``, ``depths``, ``planes``), or where
        it lies (``file``, ``layer``); ``repaired``; its ``shape`` and ``sha256``; ``channels``.
    axes : str
        One letter per axis of the image.
    noise : float or None
        Standard deviation on the image's own scale.
    noise_estimated : bool or None
        Whether it was read from the image.
    noise_origin, noise_colours, noise_law, noise_common
        Where it was read, each colour's, how it grows with brightness, and that of the mean of
        three colours over that of one.
    unseen : int
        Pixels that were taken as not observed.
    nan : str
        What became of values that are not finite.
    keep_float : bool
        Whether the result of integers was left as float32.
    spacing : tuple of float
        Relative voxel size along the PSF's axes.
    light : str
        ``"linear"`` where a photo was restored in linear light.
    refine_psf : int
        Rounds in which the PSF was refined.
    strength : float
        How much of the restoration the result is; the rest is the image.
    chosen : mapping
        What the method chose for itself.
    reblur_rms : float or None
        Root mean square of what the blurred result lacks of the image, on its own scale.
    scale, zero : float or None
        Intensities that were 1 and 0 to the method.
    items : mapping
        Noise and scale of several channels or frames.
    device, precision : str
        What computed, and the number format of a network's layers.
    tiles : tuple of int
        Into how many tiles each axis was cut.
    blocks : mapping
        ``count``, ``core`` and ``halo`` of a block-wise run.
    seconds, seconds_choosing : float or None
        Wall time of the run, and of what the method chose before it.
    elements : int
        Values that all estimates together held.
    versions : mapping
        Of this package and those it computes with.
    kind, source, path, written : str
        ``"result"`` on a layer; name of the image; its file; where a result on disk lies.
    channels : tuple of RunRecord
        What differs from channel to channel.
    channel : int or None
        Which, of such a part.
    extra : mapping
        What others, or other versions, recorded besides.
    """

    method: JsonObject = dataclasses.field(default_factory=dict)
    method_reason: str = ""
    psf: JsonObject = dataclasses.field(default_factory=dict)
    axes: str = ""
    noise: _Level | None = None
    noise_estimated: bool | None = None
    noise_origin: str = ""
    noise_colours: tuple[float, ...] = ()
    noise_law: JsonObject = dataclasses.field(default_factory=dict)
    noise_common: float | None = None
    unseen: int = 0
    nan: _NaN = "refuse"
    keep_float: bool = False
    spacing: tuple[_Length, ...] = ()
    light: Literal["", "linear"] = ""
    refine_psf: _Rounds = 0
    strength: _Share = 1.0
    chosen: JsonObject = dataclasses.field(default_factory=dict)
    reblur_rms: float | None = None
    scale: float | None = None
    zero: float = 0.0
    items: JsonObject = dataclasses.field(default_factory=dict)
    device: str = ""
    precision: str = ""
    tiles: tuple[int, ...] = ()
    blocks: JsonObject = dataclasses.field(default_factory=dict)
    seconds: float | None = None
    seconds_choosing: float = 0.0
    elements: int = 0
    versions: JsonObject = dataclasses.field(default_factory=dict)
    kind: str = ""
    source: str = ""
    path: str = ""
    written: str = ""
    channels: tuple[RunRecord, ...] = ()
    channel: _Channel | None = None
    extra: JsonObject = dataclasses.field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: object, where: str = "The recipe") -> RunRecord:
        """Read what `to_dict` made, in this version or an older one; each field is checked.

        Raises
        ------
        DeconvError
            If it is not a record of a deconvolution, or a field does not fit.
        """
        method = data.get("method") if isinstance(data, Mapping) else None
        if not (isinstance(method, Mapping) and isinstance(method.get("name"), str)):
            raise DeconvError(
                f"{where} holds no recipe of a deconvolution.", "It needs a 'method' with a 'name'."
            )
        return cls._read(where, as_json(where, data))

    @classmethod
    def _read(cls, where: str, value: Json) -> RunRecord:
        data = as_object(where, value)
        hints = get_type_hints(cls, localns={"JsonObject": dict}, include_extras=True)
        parts = field(where, data, "channels", tuple[dict, ...], ())  # type: ignore[type-arg]
        _check_psf(f"{where}'s psf", field(where, data, "psf", dict, {}))
        values = {
            key: field(where, data, key, hint)
            for key, hint in hints.items()
            if data.get(key) is not None and key not in ("channels", "extra")
        }
        return cls(
            **values,
            channels=tuple(cls._read(f"{where}: channels", part) for part in parts),
            extra={key: value for key, value in data.items() if key not in hints},
        )

    def to_dict(self) -> dict[str, Json]:
        """Plain JSON values; `from_dict` is the inverse."""
        values: dict[str, Json] = {}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if value in (each.default, {}) or each.name == "extra":
                continue
            if each.name == "channels":
                values["channels"] = [part.to_dict() for part in self.channels]
            else:
                values[each.name] = as_json(f"The record's {each.name}", value)
        return {**self.extra, **values}

    @classmethod
    def of_channels(cls, parts: Sequence[RunRecord]) -> RunRecord:
        """One record of runs over the channels of an image; each names its ``channel``."""
        first = parts[0]
        alike = all(part.psf == first.psf for part in parts)
        return replace(
            first,
            channel=None,
            psf=first.psf if alike else {"shape": first.psf["shape"]},
            **totals(parts),
            chosen={},
            items={},
            channels=tuple(
                RunRecord(**{key: getattr(part, key) for key in _PART_FIELDS}) for part in parts
            ),
        )

    def with_psf(self, psf: JsonObject) -> RunRecord:
        """Add how the PSF was made, or where it lies, to what the engine says of it."""
        return replace(self, psf={**self.psf, **psf})

    @property
    def given_noise(self) -> float | None:
        """The level to run with again: one that was estimated belongs to the image."""
        return None if self.noise_estimated else self.noise

    @property
    def parts(self) -> tuple[RunRecord, ...]:
        """The channels' records; where there are none, this one."""
        return self.channels or (self,)

    def choices(self) -> list[str]:
        """What the method chose for itself, as sentences."""
        counts = [part.chosen.get("iterations") for part in self.parts]
        sentences = []
        if None not in counts:
            limit = any("iterations_limit" in part.chosen for part in self.parts)
            most = " (the most that are tried)" if limit else ""
            sentences.append(f"{' and '.join(map(str, counts))} iterations were chosen{most}.")
        for key, words in (("offset_counts", "camera's offset"), ("background", "background")):
            levels = [part.chosen for part in self.parts if key in part.chosen]
            if levels:
                values = " and ".join(f"{each[key]:g}" for each in levels)
                reason = levels[0][f"{key}_reason"]
                sentences.append(f"The {words} was taken as {values} ({reason}).")
        return sentences

    def uses_another_psf_than(self, other: RunRecord) -> bool:
        """Whether this run's PSFs are not those of a record that it replays."""
        now = {part.channel: part.psf.get("sha256") for part in self.parts}
        then = {part.channel: part.psf.get("sha256") for part in other.parts}
        return any(value != now.get(channel) for channel, value in then.items() if value)

    def summary(self, usual: object = None) -> str:
        """One line: the method, its fields without those that are as in ``usual``, and the time."""
        fields = dict(self.method)
        name = fields.pop("name", "?")
        unusual = {k: v for k, v in fields.items() if v and v != getattr(usual, k, None)}
        listed = ", ".join(f"{k} {v}" for k, v in unusual.items())
        where = "" if self.seconds is None else f"{self.seconds:.1f} s on {self.device or '?'}"
        title = getattr(usual, "title", name)
        return "; ".join(filter(None, [f"{title}" + (f" ({listed})" if listed else ""), where]))

    @property
    def takes_layers(self) -> bool:
        """Whether `as_python` needs napari's viewer, because image or PSF came from no file."""
        return not self.path or any("viewer." in line for line in psf_lines(self.psf))

    def as_python(self) -> str:
        """Write a script that makes the result again, for napari's console or a notebook.

        Nothing of the record stands in it but as a literal.

        Raises
        ------
        DeconvError
            If the record names a field that is not a name.
        """
        source = self.source or "image"
        image = f"read({self.path!r}).data" if self.path else f"viewer.layers[{source!r}].data"
        options: dict[str, Json] = {"axes": self.axes or None}
        options |= {} if self.given_noise is None else {"noise": self.given_noise}
        options |= {"spacing": self.spacing} if self.spacing else {}
        options |= {"refine_psf": self.refine_psf} if self.refine_psf else {}
        options |= {"nan": self.nan} if self.nan != "refuse" else {}
        options |= {"keep_float": True} if self.keep_float else {}
        options |= {"strength": self.strength} if self.strength < 1 else {}
        options |= {"linear": True} if self.light == "linear" else {}
        name, fields = named("method", self.method, options)
        return "\n".join(
            [
                "from napari_deconv import deconvolve, psf",
                *(["from napari_deconv.io import read"] if self.path else []),
                "",
                f"image = {image}",
                *psf_lines(self.psf),
                f"result = deconvolve(image, kernel, {name}{arguments({**options, **fields})})",
                "",
            ]
        )

    @property
    def has_command(self) -> bool:
        """Whether a command line can make it: of some PSFs that takes files which are not there."""
        return not ({"channels", "depths"} & set(self.psf) or self.written)

    @property
    def missing_files(self) -> list[str]:
        """Names in `as_command` under which layers have to be saved first."""
        psf_given = self.psf.get("spec") or self.psf.get("file")
        return [*([] if self.path else [_IMAGE]), *([] if psf_given else [PSF_FILE])]

    def as_command(self) -> str:
        """Write the command line; two in a row where the PSF has to be made first.

        Raises
        ------
        DeconvError
            If a word of the record cannot stand in a command line.
        """
        fields = dict(self.method)
        making, kernel = psf_command(self.psf)
        words = ["napari-deconv", "deconvolve", file_word(self.path or _IMAGE), "-o", "RESULT.tif"]
        words += ["--psf", kernel]
        words += ["--repair-psf"] if self.psf.get("repaired") else []
        words += [f"--axes={self.axes}"] if self.axes else []
        words += ["--method", word(fields.pop("name"))]
        words += [] if self.given_noise is None else ["--noise", repr(self.given_noise)]
        # Without a voxel size of its own, the PSF was made for the one that the file states.
        stated = "spec" in self.psf and not self.psf.get("pixel_size")
        words += ["--spacing", word(self.spacing)] if self.spacing and not stated else []
        words += ["--linear"] if self.light == "linear" else []
        words += ["--refine-psf", str(self.refine_psf)] if self.refine_psf else []
        words += ["--nan", self.nan] if self.nan != "refuse" else []
        words += ["--keep-float"] if self.keep_float else []
        words += ["--strength", f"{self.strength:g}"] if self.strength < 1 else []
        for key, value in fields.items():
            words += ["--set", f"{word(key)}={word(value)}"]
        return command_line(*filter(None, (making, words)))


_PART_FIELDS = ("channel", "psf", "noise", "noise_origin", "scale", "items", "tiles", "chosen")


def totals(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Wall time and work of runs one after the other, as fields."""
    keys = ("seconds", "seconds_choosing", "elements")
    return {key: round(sum(getattr(each, key) or 0 for each in records), 3) for key in keys}


def _check_psf(where: str, psf: JsonObject) -> None:
    for key, hint in _PSF_FIELDS.items():
        field(where, psf, key, hint, None)
    spec = field(where, psf, "spec", dict, None)
    if spec is not None:
        field(f"{where}: spec", spec, "name", str)
    repair = field(where, psf, "repair", dict, {})
    for key in repair:
        field(f"{where}: repair", repair, key, _REPAIR_FIELDS.get(key, type(None)))
    if psf.get("depths") and spec is not None:
        field(where, psf, "planes", _Count)
    for part in field(where, psf, "channels", tuple[dict, ...], ()):  # type: ignore[type-arg]
        field(f"{where}: channels", part, "channel", _Channel)
        _check_psf(f"{where}: channels", {k: v for k, v in part.items() if k != "channels"})
