"""`napari-deconv methods`: what there is to choose from."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from ..core.spec import dumps


def configure(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Declare the option for the format."""
    parser.add_argument("--weights", action="store_true", help="list the networks' weights instead")
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")
    parser.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List name, title, dimensions, weights, what each is for, and citation."""
    from ..restoration.base import methods
    from ..restoration.weights import use_of

    if args.weights:
        return _weights(args.json)
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "title": cls.title,
            "dimensions": list(cls.ndim),
            "needs_weights": cls.needs_weights,
            "suits": use_of(cls),
            "avoid": cls.avoid,
            "citation": cls.citation,
        }
        for name, cls in methods().items()
    ]
    if args.json:
        print(dumps(rows))
        return 0
    width = max(len(row["name"]) for row in rows)
    indent = " " * (width + 2)
    for row in rows:
        where = " and ".join(f"{n}-D" for n in row["dimensions"])
        needs = ", needs weights" if row["needs_weights"] else ""
        print(f"{row['name']:{width}}  {row['title']} ({where}{needs})")
        lines = (f"For: {row['suits']}", f"Not for: {row['avoid']}", row["citation"])
        for line in filter(None, lines):
            print(textwrap.fill(line, 100, initial_indent=indent, subsequent_indent=indent))
    return 0


def _weights(as_json: bool) -> int:
    """List what every shipped weight file says about itself."""
    from ..restoration.networks.any_psf import trained_for
    from ..restoration.weights import shipped

    rows = shipped()
    if as_json:
        print(dumps(rows))
        return 0
    for row in rows:
        print(f"{row['id']}  {row['method']}, for {trained_for(row)}, {row.get('step', 0)} steps")
        lines = (f"sha256 {row['sha256']}", row["trained_on"], row["licence"], *_scores(row))
        for line in filter(None, lines):
            print(f"    {line}")
    return 0


def _scores(row: dict[str, Any]) -> list[str]:
    """What a weight file says of how good it is, a line per test."""
    lines = []
    for test, scores in row["scores"].items():
        figures = ", ".join(
            f"{x if isinstance(x, float) else x['psnr_db']:.2f} dB at {_at(n)}"
            for n, x in scores.items()
        )
        lines.append(f"{test.replace('_', ' ')}: {figures}")
    return lines


def _at(noise: str) -> str:
    return f"noise {noise}" if noise[:1].isdigit() else noise
