"""Write src/napari_deconv/weights/LICENSES.md from what every weight file says of itself.

python scripts/weights_licences.py
"""

from __future__ import annotations

from napari_deconv.restoration.weights import FOLDER, read_header

PAGE = FOLDER / "LICENSES.md"


def table() -> str:
    """Each shipped weight file with its licence and what it was trained on."""
    rows = []
    for path in sorted(FOLDER.glob("*.safetensors")):
        header = read_header(path)
        rows.append(f"| {path.name} | {header['licence']} | {header['trained_on']} |\n")
    return (
        "# Licences of the weights\n\n"
        "The code's licence, BSD-3-Clause, holds for a weight file where this table says so.\n\n"
        "| file | licence | trained on |\n|---|---|---|\n" + "".join(rows)
    )


if __name__ == "__main__":
    PAGE.write_text(table(), encoding="utf-8")
