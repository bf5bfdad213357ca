"""Ten photos of which nothing is known, through *Deblur a photo* in a real window.

    PYTHONPATH=benchmarks scripts/with-screen.sh python scripts/ten_photos.py FOLDER [--only NAME]

Seven free photos are blurred here as cameras do it (shaken, defocused, moved; some in linear
light), get noise and are coded as JPEG; three were really shaken. Each is opened, the panel's
button is clicked, and the edge between before and after is drawn to the middle. The window of each
goes to FOLDER; before and after of the free photos to ``docs/images/gallery``, for
``scripts/gallery.py``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import screenshots
from blind_shakes import averaged
from numpy.typing import NDArray
from PIL import Image
from protocol import DATA
from scipy.signal import fftconvolve

import napari_deconv as nd
from napari_deconv.engine.colour import linear_to_srgb, srgb_to_linear
from napari_deconv.psf import CameraShake, Disk, Gaussian, Motion

GALLERY = Path(__file__).parents[1] / "docs" / "images" / "gallery"
ROWS, COLUMNS = 400, 512
PATIENCE_S = 3600
Blur = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Photo:
    """A free photo and what is done to it, or one that was really shaken.

    Parameters
    ----------
    name, source : str
        Of its files; and the file that it is made from.
    title : str
        Of the gallery.
    blur : callable, optional
        On ``(Y, X)`` between 0 and 1.
    linear : bool
        Whether it is blurred in light.
    noise : float
        Standard deviation, of 255.
    quality : int
        Of JPEG.
    """

    name: str
    source: str
    title: str = ""
    blur: Blur | None = None
    linear: bool = False
    noise: float = 1.5
    quality: int = 90


def by(psf: Any) -> Blur:
    """One blur everywhere."""
    kernel = psf()
    return lambda plane: np.asarray(fftconvolve(plane, kernel, "valid"))


def shaken(size: int, seed: int, roll: float) -> Blur:
    """A camera's shake, with a roll of so many pixels in the corners."""
    psf, ring = CameraShake(size_px=size, seed=seed)(), size // 2
    return lambda plane: averaged(plane, psf, roll)[ring:-ring, ring:-ring]


PHOTOS = (
    Photo("shake-city", "free_photos/gb82_city.png", "A shake of 21 px, with a slight roll",
          shaken(21, 7, 1.0), linear=True),
    Photo("shake-flowers", "free_photos/gb82_flowers.png", "A shake of 15 px", shaken(15, 3, 0.0),
          quality=85),
    Photo("defocus-house", "free_photos/gb82_house.png", "Out of focus by 3.5 px",
          by(Disk(radius_px=3.5)), quality=85),
    Photo("defocus-dog", "free_photos/gb82_dog.png", "Out of focus by 6 px, in linear light",
          by(Disk(radius_px=6.0)), linear=True, quality=92),
    Photo("motion-guitar", "free_photos/gb82_guitar.png", "Motion of 14 px, JPEG of quality 80",
          by(Motion(length_px=14.0, angle_deg=25.0)), quality=80),
    Photo("motion-night", "free_photos/gb82_nyc.png", "Motion of 24 px",
          by(Motion(length_px=24.0, angle_deg=-10.0)), linear=True, noise=2.0),
    Photo("soft-path", "free_photos/gb82_path.png", "A soft lens: Gaussian of 2 px",
          by(Gaussian(sigma_px=2.0)), noise=1.0),
    Photo("real-wall", "real_blurred/wall.png"),
    Photo("real-levin-2-3", "blind_levin/im2_kernel3_img.png"),
    Photo("real-levin-4-4", "blind_levin/im4_kernel4_img.png"),
)  # fmt: skip


def written(photo: Photo, number: int, folder: Path) -> tuple[Path, NDArray[np.float64] | None]:
    """The file that a person would open, and the sharp photo if there is one."""
    whole = np.asarray(Image.open(DATA / photo.source).convert("RGB"))
    top, left = (max(0, n - m) // 2 for n, m in zip(whole.shape, (ROWS, COLUMNS), strict=False))
    pixels = whole[top : top + ROWS, left : left + COLUMNS]
    if photo.blur is None:
        Image.fromarray(pixels).save(folder / f"{photo.name}.png")
        return folder / f"{photo.name}.png", None
    light = pixels / 255.0
    light = srgb_to_linear(light) if photo.linear else light
    blurred = np.stack([photo.blur(light[..., c]) for c in range(3)], -1)
    blurred = 255 * (linear_to_srgb(blurred) if photo.linear else blurred)
    noisy = blurred + np.random.default_rng(number).normal(0, photo.noise, blurred.shape)
    file = folder / f"{photo.name}.jpg"
    Image.fromarray(noisy.clip(0, 255).round().astype(np.uint8)).save(file, quality=photo.quality)
    ring = [(n - m) // 2 for n, m in zip(pixels.shape[:2], blurred.shape[:2], strict=True)]
    inner = tuple(slice(r, n - r) for r, n in zip(ring, pixels.shape[:2], strict=True))
    return file, pixels[inner].astype(np.float64)


def through(photo: Photo, number: int, folder: Path) -> None:
    """Open, click, wait, look."""
    file, truth = written(photo, number, folder)
    window = screenshots.Window()
    (layer,) = window.viewer.open(file)
    panel = window.dock("Deblur a photo")
    began = time.monotonic()
    window.press(panel.run_bar.button)
    window.wait(lambda: panel.layer is not None or not panel.run_bar.running)
    first = time.monotonic() - began
    window.wait(lambda: not panel.run_bar.running)
    result = panel.deblurred
    panel.edge.setValue(50)
    window.home()
    window.pause(1500)
    window.viewer.window._qt_window.grab().save(str(folder / f"{photo.name}-window.png"))
    estimate = result.estimate
    gained = ""
    if truth is not None:
        border = max(estimate.psf.shape) // 2 + 8
        inner = (slice(border, -border), slice(border, -border))
        before, after = (
            nd.metrics.psnr(a.astype(float)[inner], truth[inner], data_range=255)
            for a in (layer.data, result.data)
        )
        gained = f"PSNR {before:.1f} -> {after:.1f} dB"
        facts = {
            "title": photo.title,
            "blur": str(estimate.spec or f"a shake of {len(estimate.psf)} px"),
            "confidence": result.confidence.level,
            "strength": result.strength,
            "psnr_db": [round(float(before), 1), round(float(after), 1)],
            "quality": photo.quality,
        }
        GALLERY.mkdir(parents=True, exist_ok=True)
        for kind, array in (("before", layer.data), ("after", result.data)):
            Image.fromarray(array).save(GALLERY / f"photo-{photo.name}-{kind}.jpg", quality=85)
        (GALLERY / f"photo-{photo.name}.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(
        f"{photo.name}: {estimate.spec or len(estimate.psf)} {result.confidence.level}, strength "
        f"{result.strength:g}, {result.record.light or 'stored'}, first look {first:.0f} s, all "
        f"{time.monotonic() - began:.0f} s {gained}",
        flush=True,
    )
    window.viewer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    screenshots.PATIENCE_S = PATIENCE_S
    given.folder.mkdir(parents=True, exist_ok=True)
    for number, photo in enumerate(PHOTOS):
        if not given.only or photo.name in given.only:
            through(photo, number, given.folder)


if __name__ == "__main__":
    main()
