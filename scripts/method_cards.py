"""Write ``docs/reference/methods.md``: a table and a card for every method in the registry.

    python scripts/method_cards.py [--check]

Everything is taken from the classes. With ``--check`` nothing is written, and the status is 1 if
the page is out of date.
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
from napari_deconv.restoration.weights import use_of

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "methods.md"

HEAD = """\
# Methods

<!-- Made by `python scripts/method_cards.py` from the methods themselves; do not edit. -->

For anyone choosing a method or looking up one of its fields.

Edges, intensity scale, axes, tiles and devices are handled in the same way for every method: see
[how the numbers are treated](../understand/faithful-numerics.md). Where a weight, sigma or ratio
of 0 is "taken from the noise level", the level is estimated from the image, or set with `noise`. In
Richardson-Lucy the number of iterations is the regularisation. How the methods compare on test
images is measured in the [benchmarks](../benchmarks/README.md), [on
photos](../benchmarks/photos.md) first. In Python, fields are keyword arguments of
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
    parts += [f"**Use it for**: {use_of(cls)}", f"**Not for**: {cls.avoid}", _table(cls)]
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
