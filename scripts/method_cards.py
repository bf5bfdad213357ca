"""Write ``docs/reference/methods.md``: a table and a card for every method in the registry.

    python scripts/method_cards.py [--check]

What a class says of itself is taken from the class; when to use a method and when not stands here,
in `ADVICE`. With ``--check`` nothing is written, and the status is 1 if the page is out of date.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from dataclasses import MISSING
from pathlib import Path
from typing import Any

from napari_deconv import methods
from napari_deconv.core.fields import Field
from napari_deconv.core.spec import Spec

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "methods.md"

ADVICE = {
    "wiener": (
        "A first look, large images and long series: one step. A linear filter, so that its "
        "result can be reasoned about frequency by frequency.",
        "Where ringing along sharp edges disturbs, or values must not become negative.",
    ),
    "tikhonov": (
        "As Wiener, but with one weight to set by eye instead of a noise-to-signal ratio.",
        "Where edges should stay sharp: a penalty on the squared gradient rounds them.",
    ),
    "richardson-lucy": (
        "Fluorescence and other images that count photons: the result is never negative and keeps "
        "the flux. The usual choice for stacks.",
        "Strong read noise on a dark background. Images with values below zero, which it takes "
        "as zero. Many iterations without `tv` turn noise into speckle.",
    ),
    "richardson-lucy-saturated": (
        "Photos with clipped highlights (street lamps, reflections), where the other methods ring "
        "around every light. Give a float image to keep highlights above the clip level.",
        "Images that are not clipped: it then only needs more memory than plain Richardson-Lucy.",
    ),
    "tv": (
        "Objects of piecewise constant brightness: text, drawings, labelled structures, "
        "strong noise.",
        "Fine texture, which becomes patches (staircases).",
    ),
    "hyper-laplacian": (
        "Photos and other natural images: a good first choice where the noise is white.",
        "Sparse points on a dark background; images whose intensities are to be measured in very "
        "noisy parts, where weak structure is flattened. Large blurs of a camera's own photos as "
        "stored: take them in "
        "[linear light](../understand/faithful-numerics.md#photos-are-not-linear-light).",
    ),
    "unrolled": (
        "Photos and other natural images with 0.3 % to 10 % of noise and a PSF of up to about 31 "
        "pixels, and fluorescence planes: the first network to try. Its weights are for "
        "non-commercial use; see [networks](networks.md).",
        "Measuring intensities, microscopy in particular: a network can invent structure. Clipped "
        "highlights, which GLRA has seen. PSFs much larger than it was trained on. Stacks in 3-D "
        "(it works plane by plane).",
    ),
    "unrolled-3d": (
        "Stacks of 5 to 2000 photons at the brightest voxel, confocal above all, where it is well "
        "ahead of Richardson-Lucy; in wide field by a few tenths of a decibel on average. Any PSF; "
        "its weights are free. See [networks](networks.md#for-stacks) for both beside each other.",
        "Measuring unchecked: a network can invent structure. Stacks that were clipped, of fewer "
        "than 8 planes, or with z-steps more than 8 times as coarse as the pixels.",
    ),
    "fcnn": (
        "Photos and other natural images with 0.3 % to 10 % of noise and a PSF of up to about 31 "
        "pixels: sharper than the classical priors. Its weights are for non-commercial use; see "
        "[networks](networks.md).",
        "Measuring intensities, microscopy in particular: a network can invent structure, and this "
        "one has seen photos only. Clipped highlights. PSFs much larger than it was trained on.",
    ),
    "sparse": (
        "Photos where a few sharp edges carry the image and the time does not matter.",
        "Stacks (it is 2-D only), large images, quick looks: it solves a linear system per round.",
    ),
    "epll": (
        "Photos with 0.3 % to 5 % of noise, where a network is not wanted: sharper than the "
        "hyper-Laplacian. Its mixture is for non-commercial use, as the networks' weights.",
        "Large images and quick looks: it takes many times as long as the "
        "hyper-Laplacian. Microscopy: its mixture has seen photos only. Stacks (it is 2-D only).",
    ),
    "plug-and-play": (
        "Photos with 0.3 % to 10 % of noise under any PSF: the network knows no blur, so that no "
        "PSF is foreign to it. Its weights are for non-commercial use.",
        "Measuring intensities, microscopy in particular: the denoiser has seen photos only and "
        "can invent structure. Clipped highlights. Stacks (it is 2-D only).",
    ),
    "em-outliers": (
        "Photos with small lights that are clipped, hot or dead pixels, dust, scratches: what no "
        "blurred scene can be is left out of account.",
        "Images with none of these, where the prior alone does as well in a fraction of the time. "
        "Large clipped areas such as skies hardly ring anyway. Stacks (it is 2-D only).",
    ),
    "ird": (
        "To watch sharpness and noise grow from iteration to iteration and to stop where it suits; "
        "as the reference for the network that was derived from it.",
        "As a default: its limit is a Wiener filter with a constant ratio, which Wiener reaches in "
        "one step.",
    ),
}
"""Method -> when to use it, and when not."""

HEAD = """\
# Methods

<!-- Made by `python scripts/method_cards.py` from the methods themselves; do not edit. -->

For whoever chooses a method or wants to know a field of it.

Every method gets the same treatment of edges, scale, axes, tiles and devices: see
[faithful numerics](../understand/faithful-numerics.md). Where a weight, sigma or ratio of 0 is
"taken from the noise level", that level is estimated from the image, or given as `noise`. In
Richardson-Lucy the number of iterations is the regularisation. How the methods compare on test
images is measured in the [benchmarks](../benchmarks/README.md), [on
photos](../benchmarks/photos.md) first. From Python, fields are keywords of
[`deconvolve`](python.md); on the [command line](command-line.md) they are options.
"""


def main() -> int:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    made = page()
    if not parser.parse_args().check:
        PAGE.write_text(made, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != made:
        print("docs/reference/methods.md is out of date: run python scripts/method_cards.py")
        return 1
    return 0


def page() -> str:
    """The whole page."""
    found = methods()
    rows = ["| method | name | dimensions | weights | in short |", "|---|---|---|---|---|"]
    rows += [_row(cls) for cls in found.values()]
    cards = [_card(cls) for cls in found.values()]
    return "\n".join([HEAD, *rows, "", "\n".join(cards)])


def _row(cls: type[Any]) -> str:
    link = f"[{cls.title}](#{_anchor(cls.title)})"
    needs = "needed" if cls.needs_weights else "none"
    return f"| {link} | `{cls.name}` | {_dimensions(cls)} | {needs} | {_summary(cls)} |"


def _card(cls: type[Any]) -> str:
    parts = [f"## {cls.title}", f"`{cls.name}`, {_dimensions(cls)}", *_text(cls)]
    if cls.name in ADVICE:
        use, leave = ADVICE[cls.name]
        parts += [f"**Use it for**: {use}", f"**Not for**: {leave}"]
    parts.append(_table(cls))
    parts += [f"Source: {cls.citation}."] if cls.citation else []
    return "\n\n".join(parts) + "\n"


def _table(cls: type[Spec]) -> str:
    rows = ["| field | type | bounds | default | |", "|---|---|---|---|---|"]
    for field in cls.fields().values():
        default = "" if field.default is MISSING else f"`{field.default!r}`"
        kind, text = _kind(field), _escaped(field.text)
        rows.append(f"| `{field.name}` | {kind} | {field.limits} | {default} | {text} |")
    return "\n".join(rows) if len(rows) > 2 else "It has no fields."


def _text(cls: type[Any]) -> list[str]:
    """The docstring above its Parameters as Markdown: formulas become code blocks."""
    doc = inspect.cleandoc(cls.__doc__ or "").split("\nParameters\n")[0].strip()
    paragraphs = []
    for paragraph in doc.split("\n\n"):
        if paragraph.startswith("    "):
            paragraphs.append(f"```text\n{inspect.cleandoc(paragraph)}\n```")
        else:
            paragraphs.append(re.sub(r" ?::$", ":", paragraph).replace("``", "`"))
    return paragraphs


def _summary(cls: type[Any]) -> str:
    return _escaped(cls.summary().replace("``", "`"))


def _dimensions(cls: type[Any]) -> str:
    return ", ".join(f"{n}-D" for n in cls.ndim)


def _kind(field: Field) -> str:
    if field.choices:
        return " or ".join(f"`{choice!r}`" for choice in field.choices)
    names = {"whole": "int", "number": "float", "switch": "bool", "text": "str"}
    return names.get(field.kind) or " or ".join(sorted(t.__name__ for t in field.types))


def _anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
