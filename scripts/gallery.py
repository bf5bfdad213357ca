"""Make the gallery: before and after pictures of the samples, and the page that shows them.

    python scripts/gallery.py [--page]

Photos are scikit-image's CC0 pictures, blurred here; the stack is generated. Those of which nothing
is known come from ``scripts/ten_photos.py``.
"""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

import napari_deconv as nd
from napari_deconv import samples

DOCS = Path(__file__).parents[1] / "docs"
FOLDER = DOCS / "images" / "gallery"
WIDTH_PX = 640


@dataclass(frozen=True, eq=False)
class Pair:
    """One picture of the gallery.

    Parameters
    ----------
    name, title : str
        Of the files, and of the heading.
    blurred : ndarray
        What is restored.
    psf : ndarray
        The PSF that the method is given.
    method : str
        Which.
    axes : str
        Of the image.
    text : str
        What is seen.
    """

    name: str
    title: str
    blurred: NDArray[Any]
    psf: NDArray[np.float32]
    method: str
    axes: str
    text: str


def pairs() -> list[Pair]:
    """What the gallery shows."""
    shaken, stack = samples.photo(), samples.stack()
    assert shaken.psf is not None and stack.psf is not None
    disk = nd.psf.Disk(radius_px=4.5)()
    defocused, _ = nd.degrade(data.coffee(), disk, noise=2.0, bits=8, seed=1)
    motion = nd.psf.Motion(length_px=17, angle_deg=25)()
    moved, _ = nd.degrade(data.chelsea(), motion, noise=2.0, bits=8, seed=2)
    return [
        Pair(
            "shake", "Camera shake", shaken.image, shaken.psf, "unrolled", shaken.axes,
            "Camera shake in a colour photo, 1 % noise; restored by the unrolled U-Net.",
        ),
        Pair(
            "defocus", "Out of focus", defocused, disk, "hyper-laplacian", "YXS",
            "A disk of radius 4.5 px, noise 2 of 255; restored by the hyper-Laplacian.",
        ),
        Pair(
            "motion", "Motion", moved, motion, "unrolled", "YXS",
            "17 px at 25 degrees, noise 2 of 255; restored by the unrolled U-Net.",
        ),
        Pair(
            "stack", "A stack, seen from the side", stack.image, stack.psf, "richardson-lucy",
            "ZYX",
            "Maximum along y of a generated wide-field stack; restored by Richardson-Lucy.",
        ),
    ]  # fmt: skip


def picture(array: NDArray[Any], top: float, axes: str) -> Image.Image:
    """An image as it is shown; a stack from the side, each row a plane."""
    if axes == "ZYX":
        array = np.repeat(array.max(1), 3, axis=0)
    shown = np.clip(array.astype(float) / top * 255, 0, 255).astype(np.uint8)
    image = Image.fromarray(shown)
    return image.resize((WIDTH_PX, round(image.height * WIDTH_PX / image.width)), 1)


def section(name: str, title: str, text: str) -> list[str]:
    """Heading, two pictures one over the other, and what is seen."""
    source = f"images/gallery/{name}"
    return [
        f"## {title}",
        '<div class="before-after" markdown="0">\n'
        f'<img src="{source}-before.jpg" alt="{title}: blurred">\n'
        f'<img src="{source}-after.jpg" alt="{title}: restored">\n'
        '<input type="range" min="0" max="100" value="50" aria-label="How much is blurred" '
        "oninput=\"this.parentNode.style.setProperty('--at', this.value + '%')\">\n</div>",
        text,
    ]


def unknown() -> list[str]:
    """Photos of which nothing was known, as ``scripts/ten_photos.py`` left them."""
    parts = [
        "## Photos of which nothing is known",
        "Free photos (CC0), blurred and kept as JPEG; *Deblur a photo* is given nothing else "
        "(`scripts/ten_photos.py`).",
    ]
    for file in sorted(FOLDER.glob("photo-*.json")):
        facts = json.loads(file.read_text(encoding="utf-8"))
        before, after = facts["psnr_db"]
        blur = re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.2f}", facts["blur"])
        text = (
            f"JPEG of quality {facts['quality']}; nothing else was known. *Deblur a photo* finds "
            f"{blur}, calls that {facts['confidence']}, and takes {facts['strength']:.0%} "
            f"of the restoration: from {before} to {after} dB."
        )
        parts += section(file.stem, facts["title"], text)
    return parts if len(parts) > 2 else []


def restored(pair: Pair) -> None:
    """Save both pictures of a pair."""
    result = np.asarray(nd.deconvolve(pair.blurred, pair.psf, pair.method, axes=pair.axes))
    whole = 255 if pair.blurred.dtype == np.uint8 else float(np.percentile(result, 99.9))
    for kind, array, top in (
        ("before", pair.blurred, whole if whole == 255 else float(pair.blurred.max())),
        ("after", result, whole),
    ):
        picture(array, top, pair.axes).save(FOLDER / f"{pair.name}-{kind}.jpg", quality=88)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="write the page only")
    given = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    parts = [
        "# Gallery",
        "For anyone who wants to see what to expect. Drag across a picture: blurred on the left, "
        "restored on the right. All pictures are made by `python scripts/gallery.py` from photos "
        "that come with scikit-image and from a generated stack, after adding blur and noise; the "
        "methods know the PSF.",
    ]
    for pair in pairs():
        if not given.page:
            restored(pair)
        parts += section(pair.name, pair.title, pair.text)
    page = "\n\n".join([*parts, *unknown()]) + "\n"
    (DOCS / "gallery.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
