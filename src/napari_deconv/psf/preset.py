"""Optics that were given a name: a microscope's fields, saved as JSON and shared as files."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ..core.checks import as_object
from ..core.checks import field as checked_field
from ..core.errors import DeconvError
from ..core.folders import data_folder
from ..core.json_text import read_object
from ..core.paths import check_plain_name, inside, is_file, is_folder, make_folder
from ..core.spec import unknown
from ..io.atomic import replacing
from .base import PSF
from .microscope import Microscope

_WHERE = "The optics preset"


@dataclass(frozen=True)
class OpticsPreset:
    """What is known of a microscope, to be used for all of its images.

    Parameters
    ----------
    name : str
        What its file is called.
    kind : str
        ``"wide-field"``, ``"confocal"``, ``"light-sheet"``, ``"two-photon"``, or ``"auto"`` for
        what each image says.
    fields : mapping
        Fields of that PSF; they win over an image's metadata, and lose to what is typed.
    microscope : str
        As images call it; they then offer the preset by themselves.

    Raises
    ------
    DeconvError
        If the name cannot be a file's, or kind or fields do not fit.
    """

    name: str
    kind: str = "auto"
    fields: Mapping[str, Any] = field(default_factory=dict)
    microscope: str = ""

    def __post_init__(self) -> None:
        check_plain_name(_WHERE, self.name)
        if self.kind != "auto" and self.kind not in kinds():
            raise unknown("microscope", self.kind, ("auto", *kinds()))
        # Of "auto", one that has all the fields: what does not fit it fits none.
        able = [n for n in kinds() if set(self.fields) <= set(PSF.lookup(n).fields())]
        kind = self.kind if self.kind != "auto" else next(iter(able), "confocal")
        PSF.make(kind, **{"refractive_index_immersion": 2.0} | dict(self.fields))

    @property
    def source(self) -> str:
        """Where values from it come from, in words."""
        return f"preset {self.name}"

    @property
    def path(self) -> Path:
        """Where it lies among a person's own."""
        return _file(self.name)

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain JSON values; `from_dict` is its inverse."""
        return {**vars(self), "fields": dict(self.fields)}

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Read what `to_dict` gives; a `DeconvError` if it does not fit."""
        data = as_object(_WHERE, data)
        return cls(
            name=checked_field(_WHERE, data, "name", str),
            kind=checked_field(_WHERE, data, "kind", str, "auto"),
            fields=checked_field(_WHERE, data, "fields", dict, {}),
            microscope=checked_field(_WHERE, data, "microscope", str, ""),
        )

    def save(self, path: str | Path | None = None) -> Path:
        """Write it among a person's own, or to a file to share; gives the file's path."""
        target = self.path if path is None else Path(path)
        make_folder(target.parent)
        with replacing(target) as part:
            part.write_text(json.dumps(self.to_dict(), indent=2) + "\n", encoding="utf-8")
        return target

    @classmethod
    def load(cls, name: str | Path) -> Self:
        """Read one by its name, or out of a file ending in ``.json``.

        Raises
        ------
        DeconvError
            If there is none, or it does not fit.
        """
        path = Path(name) if str(name).lower().endswith(".json") else _file(str(name))
        if not is_file(path):
            names = [preset.name for preset in saved()]
            near = difflib.get_close_matches(str(name), names, 1)
            listed = f"There are: {', '.join(names)}." if names else "None is saved yet."
            raise DeconvError(
                f"There are no optics called {str(name)!r}.",
                f"Did you mean {near[0]!r}?" if near else listed,
            )
        return cls.from_dict(read_object(path, _WHERE))


def _file(name: str) -> Path:
    return data_folder() / "optics" / f"{name}.json"


def saved() -> tuple[OpticsPreset, ...]:
    """The presets of this person, by name; files that are none are passed over."""
    presets = []
    folder = data_folder() / "optics"
    for path in inside(folder) if is_folder(folder) else ():
        if path.suffix.lower() != ".json":
            continue
        try:
            presets.append(OpticsPreset.load(path))
        except DeconvError:
            continue
    return tuple(sorted(presets, key=lambda preset: preset.name.casefold()))


def fitting(microscope: str) -> OpticsPreset | None:
    """The preset for a microscope as an image names it; None without one."""
    wanted = _plain(microscope)
    return next(
        (preset for preset in saved() if wanted and _plain(preset.microscope) == wanted), None
    )


def _plain(name: str) -> str:
    return re.sub(r"\W+", "", name).casefold()


def kinds() -> tuple[str, ...]:
    """Names of the microscopes."""
    return tuple(n for n, kind in sorted(PSF.registry.items()) if issubclass(kind, Microscope))
