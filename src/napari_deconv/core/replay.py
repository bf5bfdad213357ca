"""Recorded values as words of a Python script or a command line; nothing of them is run."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping, Sequence

from .errors import DeconvError
from .json_text import Json, JsonObject
from .words import shortened

PSF_FILE = "PSF.tif"
"""Name in a command for a PSF that came from no file."""


def psf_lines(psf: JsonObject) -> Iterator[str]:
    """Write the lines of a script that make the PSF, as ``kernel``."""
    parts = psf.get("channels")
    if not isinstance(parts, Sequence) or not parts:
        yield from _one_psf(psf)
        return
    yield "kernels = {}"
    for part in parts:
        assert isinstance(part, Mapping)
        yield from _one_psf(part)
        yield f"kernels[{_literal(part['channel'])}] = kernel"
    yield "kernel = kernels"


def _one_psf(psf: JsonObject) -> Iterator[str]:
    spec, generator = psf.get("spec"), ""
    if isinstance(spec, Mapping):
        name, fields = named("psf", spec)
        generator = f"psf.PSF.make({name}{arguments(fields)})"
        size, voxel = _literal(psf.get("size")), _literal(psf.get("pixel_size"))
        if psf.get("depths"):
            planes, count = _literal(psf["planes"]), _literal(psf["depths"])
            yield f"kernel = psf.through({generator}, {planes}, {voxel}, {count}, {size})"
        else:
            yield f"kernel = {generator}({size}, {voxel})"
    elif psf.get("file"):
        yield f"kernel = psf.load({_literal(psf['file'])})"
    else:
        grey = "[..., :3].mean(-1)" if psf.get("colours") else ""
        yield f"kernel = psf.from_array(viewer.layers[{_literal(psf.get('layer'))}].data{grey})"
    if psf.get("repaired"):
        sizes = psf.get("repair")
        sizes_given = arguments(sizes) if isinstance(sizes, Mapping) else ""
        yield f"found = psf.inspect(kernel{sizes_given})"
        if generator:  # what is in its nature stays
            yield f"found = psf.of_generator(found, {generator}, None)"
        yield f"kernel = psf.repair(kernel, found{sizes_given})"


def named(where: str, spec: JsonObject, taken: JsonObject | None = None) -> tuple[str, JsonObject]:
    """The name of a method or PSF as a literal, and its fields."""
    fields = {key: value for key, value in spec.items() if key != "name"}
    for key in fields:
        if key in (taken or {}):
            raise DeconvError(f"The recipe's {where} has a field {key!r}.", "Remove it.")
    return _literal(spec.get("name")), fields


def arguments(fields: JsonObject) -> str:
    """``, key=value`` for each field."""
    for key in fields:
        if not key.isidentifier() or keyword.iskeyword(key):
            raise DeconvError(
                f"The recipe names a field {shortened(key)}, which is not a name.", "Remove it."
            )
    return "".join(f", {key}={_literal(value)}" for key, value in fields.items())


def _literal(value: Json) -> str:
    """A value of JSON as Python's literal; a list becomes a tuple."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k!r}: {_literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        inside = ", ".join(map(_literal, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    return repr(value)


def psf_command(psf: JsonObject) -> tuple[list[str], str]:
    """The command that makes the PSF, if it takes one, and how the next one names it."""
    spec = psf.get("spec")
    if not isinstance(spec, Mapping):
        return [], file_word(str(psf.get("file") or PSF_FILE))
    fields = dict(spec)
    name, size, voxel = word(fields.pop("name")), psf.get("size"), psf.get("pixel_size")
    sizes = voxel if isinstance(voxel, Sequence) else ()
    if not size and len(sizes) < 3 and len(set(sizes)) < 2:
        values = ",".join(f"{word(k)}={word(v)}" for k, v in fields.items())
        return [], f"{name}:{values}" if values else name
    # An .npy states no voxel size that could disagree with the image file's.
    words = ["napari-deconv", "psf", name, "-o", "PSF.npy"]
    words += [f"--{word(k).replace('_', '-')}={word(v)}" for k, v in fields.items()]
    words += [f"--shape={word(size)}"] if size else []
    words += [f"--pixel-size={word(voxel)}"] if voxel else []
    return words, "PSF.npy"


def file_word(path: str) -> str:
    """A path that cannot be taken for an option."""
    return f"./{path}" if path.startswith("-") else path


def word(value: Json) -> str:
    """A value as the command line reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(word, value))
    text = str(value)
    if isinstance(value, Mapping) or (isinstance(value, str) and _means_more(text)):
        raise DeconvError(
            f"{shortened(value)} in the recipe cannot stand in a command line.",
            "Copy the Python script instead.",
        )
    return text


def _means_more(text: str) -> bool:
    """Whether the command line would take a text for more than one value, or for an option."""
    return text.startswith("-") or any(c in "=," or not c.isprintable() for c in text)
