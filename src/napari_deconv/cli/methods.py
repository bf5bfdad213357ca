"""`napari-deconv methods`: what there is to choose from."""

from __future__ import annotations

import argparse
from typing import Any

from ..core.spec import dumps


def configure(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Only the choice of format."""
    parser.add_argument("--weights", action="store_true", help="list the networks' weights instead")
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")
    parser.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List name, title, dimensions, weights and citation."""
    from ..restoration.base import methods

    if args.weights:
        return _weights(args.json)
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "title": cls.title,
            "dimensions": list(cls.ndim),
            "needs_weights": cls.needs_weights,
            "citation": cls.citation,
        }
        for name, cls in methods().items()
    ]
    if args.json:
        print(dumps(rows))
        return 0
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        where = " and ".join(f"{n}-D" for n in row["dimensions"])
        needs = ", needs weights" if row["needs_weights"] else ""
        print(f"{row['name']:{width}}  {row['title']} ({where}{needs})")
        if row["citation"]:
            print(f"{'':{width}}  {row['citation']}")
    return 0


def _weights(as_json: bool) -> int:
    """List what every shipped weight file says about itself."""
    from ..core.weights import shipped

    rows = shipped()
    if as_json:
        print(dumps(rows))
        return 0
    for row in rows:
        psnr = row["scores"].get("held_out_psnr", {})
        scores = ", ".join(f"{value:.2f} dB at noise {key}" for key, value in psnr.items())
        print(f"{row['id']}  {row['method']}, sha256 {row['sha256'][:16]}")
        for said in (row["trained_on"], row["licence"], scores and f"On held-out images: {scores}"):
            print(f"    {said}") if said else None
    return 0
