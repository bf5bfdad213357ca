"""Make the picture of the microscope PSFs in ``docs/images``.

python scripts/microscope_pictures.py
"""

from __future__ import annotations

import numpy as np
from pictures import strip
from PIL import Image

from napari_deconv.psf import Confocal, LightSheet, TwoPhoton, WideField

VOXEL_UM = (0.05, 0.05, 0.05)
SHAPE = (81, 61, 61)
SHOWN = {
    "wide-field": WideField(),
    "confocal": Confocal(),
    "light-sheet, 2 µm": LightSheet(sheet_um=2.0),
    "two-photon": TwoPhoton(),
    "oil, 10 µm deep": WideField(
        numerical_aperture=1.4, refractive_index_immersion=1.515, depth_um=10.0
    ),
}


def main() -> None:
    """Write it."""
    pictures = []
    for spec in SHOWN.values():
        section = spec(SHAPE, VOXEL_UM)[:, SHAPE[1] // 2]
        shades = np.rint(255 * np.sqrt(section / section.max())).astype(np.uint8)
        size = (2 * section.shape[1], 2 * section.shape[0])
        pictures.append(Image.fromarray(shades).resize(size, Image.Resampling.NEAREST))
    strip(pictures, list(SHOWN), "psf-microscopes")


if __name__ == "__main__":
    main()
