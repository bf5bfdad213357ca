"""Make the pictures in ``docs/images`` that need no window: PSFs and what a camera does.

python scripts/pictures.py
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from napari_deconv import degrade
from napari_deconv.psf import PSF, CameraShake, Disk, Gaussian, Motion

OUT = Path(__file__).parents[1] / "docs" / "images"
PSFS: dict[str, Sequence[PSF]] = {
    "disk": [Disk(radius_px=r) for r in (1.5, 3.0, 7.0)],
    "gaussian": [
        Gaussian(sigma_px=1.0),
        Gaussian(sigma_px=2.5),
        Gaussian(sigma_px=(1.0, 3.0), angle_deg=30),
    ],
    "motion": [
        Motion(length_px=9),
        Motion(length_px=15, angle_deg=30),
        Motion(length_px=15.0, angle_deg=90),
    ],
    "camera-shake": [
        CameraShake(size_px=27, seed=3),
        CameraShake(size_px=27, seed=7),
        CameraShake(size_px=27, seed=7, exposure=0.4),
    ],
}
SIDE_PX = 27
CELL_PX = 8 * SIDE_PX
GAP_PX = 12
LABEL_PX = 22


def main() -> None:
    """Write every picture."""
    OUT.mkdir(parents=True, exist_ok=True)
    for name, shown in PSFS.items():
        strip([_psf(p) for p in shown], [_fields(p) for p in shown], f"psf-{name}")
    shown, labels = zip(*_camera(), strict=True)
    strip(shown, labels, "degradation")


def strip(pictures: Sequence[Image.Image], labels: Sequence[str], name: str) -> None:
    """Pictures of one height side by side, each with its label below."""
    width = sum(p.width for p in pictures) + GAP_PX * (len(pictures) - 1)
    page = Image.new("RGB", (width, pictures[0].height + LABEL_PX), "white")
    draw, font, x = ImageDraw.Draw(page), ImageFont.load_default(13), 0
    for picture, label in zip(pictures, labels, strict=True):
        page.paste(picture, (x, 0))
        middle = (x + picture.width / 2, picture.height + LABEL_PX / 2)
        draw.text(middle, label, fill="black", font=font, anchor="mm")
        x += picture.width + GAP_PX
    page.save(OUT / f"{name}.png", optimize=True)


def _psf(spec: PSF) -> Image.Image:
    """Its array on a grid of fixed size, white at the peak, every pixel a square."""
    array = spec((SIDE_PX, SIDE_PX))
    shades = np.rint(255 * np.sqrt(array / array.max())).astype(np.uint8)  # sqrt: faint parts show
    return Image.fromarray(shades).resize((CELL_PX, CELL_PX), Image.Resampling.NEAREST)


def _fields(spec: PSF) -> str:
    said = {k: v for k, v in spec.to_dict().items() if k not in ("name", "jolts")}
    return ", ".join(f"{k}={_short(v)}" for k, v in said.items())


def _short(value: object) -> str:
    if isinstance(value, list):
        return f"({', '.join(map(_short, value))})"
    return f"{value:g}"


def _camera() -> list[tuple[Image.Image, str]]:
    """One crop after each further step of the chain."""
    sharp = data.coffee()[250:350, 270:410]
    psf = Motion(length_px=9, angle_deg=30)()
    steps: dict[str, dict[str, float]] = {
        "sharp": {},
        "blur": {},
        "+ gain 2, saturation": {"gain": 2.0, "saturation": 1.0},
        "+ 60 photons": {"gain": 2.0, "saturation": 1.0, "photons": 60},
        "+ JPEG quality 15": {"gain": 2.0, "saturation": 1.0, "photons": 60, "jpeg_quality": 15},
    }
    return [
        (_photo(degrade(sharp, None if label == "sharp" else psf, **fields)[0]), label)
        for label, fields in steps.items()
    ]


def _photo(pixels: NDArray[np.uint8]) -> Image.Image:
    picture = Image.fromarray(pixels)
    return picture.resize(
        (picture.width * 3 // 2, picture.height * 3 // 2), Image.Resampling.NEAREST
    )


if __name__ == "__main__":
    main()
