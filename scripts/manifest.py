"""Write the preset panels into ``src/napari_deconv/napari.yaml``.

    python scripts/manifest.py [--check]

Their rows are `napari_deconv.panels.presets.PRESETS`; the rest of the manifest stays as it is. With
``--check`` nothing is written, and the status is 1 if the manifest is out of date.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

import napari_deconv
from napari_deconv.panels import docks, presets

PATH = Path(napari_deconv.__file__).parent / "napari.yaml"


def main() -> int:
    """Write or check the manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    written = PATH.read_text(encoding="utf-8")
    text = with_presets(yaml.safe_load(written))
    if not parser.parse_args().check:
        PATH.write_text(text, encoding="utf-8")
    elif text != written:
        print("napari.yaml is out of date: run python scripts/manifest.py")
        return 1
    return 0


def with_presets(manifest: dict[str, Any]) -> str:
    """The manifest's text with the rows of the table in place of those it has."""
    parts = manifest["contributions"]
    module = docks.__name__
    old = {c["id"] for c in parts["commands"] if c["python_name"].startswith(f"{module}:")}
    commands = [
        {"id": row.command, "title": row.title, "python_name": f"{module}:{row.opens}"}
        for row in presets.PRESETS
    ]
    parts["commands"] = _replaced(parts["commands"], "id", old, commands)
    parts["widgets"] = _replaced(parts["widgets"], "command", old, [])
    for submenu in ("psf", "networks"):
        rows = [row for row in presets.PRESETS if (row.panel == "deconvolve") == (submenu != "psf")]
        entries = [{"command": row.command} for row in rows]
        own = [{"command": "napari-deconv.psf"}] if submenu == "psf" else []
        parts["menus"][f"napari-deconv/{submenu}"] = own + entries
    head = "# The preset panels are written by scripts/manifest.py from panels/presets.py.\n"
    return head + yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=100)


def _replaced(
    entries: list[dict[str, str]], key: str, old: set[str], new: list[dict[str, str]]
) -> list[dict[str, str]]:
    """Entries with the new ones where the first of the old ones was."""
    at = next((i for i, entry in enumerate(entries) if entry[key] in old), len(entries))
    others = [entry for entry in entries if entry[key] not in old]
    return [*others[:at], *new, *others[at:]]


if __name__ == "__main__":
    sys.exit(main())
