"""Figure 2 of Ren et al. 2018: the matrices M of Gaussian and of motion PSFs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deconv.psf import PSF, Gaussian, Motion
from napari_deconv.restoration.base import Method
from napari_deconv.restoration.networks.maps import middle_matrix

from .base import REN, Findings, study
from .drawing import Picture, pictures
from .material import Given

_PSFS: dict[str, PSF] = {
    **{f"Gaussian, sigma {s:g}": Gaussian(sigma_px=s) for s in (1.0, 2.0, 3.0)},
    **{f"motion, {n:g} px at 0°": Motion(length_px=n, angle_deg=0.0) for n in (9.0, 17.0, 25.0)},
    **{f"motion, {n:g} px at 45°": Motion(length_px=n, angle_deg=45.0) for n in (9.0, 17.0, 25.0)},
}
_LARGE = 0.01


@study(
    "glra-maps",
    "GLRA: the matrix M of Gaussian and motion PSFs",
    REN,
    says="Figure 2 shows M of 50x50 for Gaussians and motions of six sizes. Large values lie in "
    "the upper left for Gaussians and along the diagonal for motions, and there are more of them "
    "for larger PSFs.",
    count=0,
)
def run(given: Given) -> Findings:
    """M of the pseudo-inverse at 1 % noise in the shipped bases, for Gaussians and motions.

    *large* counts the entries above a hundredth of the greatest; *upper left* is the share of the
    energy in the first ten rows and columns, *diagonal* that within two of the diagonal.
    """
    rows, shown = [], []
    for name, psf in _PSFS.items():
        m = middle_matrix(Method.make("glra"), psf())[0]
        energy = m.astype(float) ** 2
        near = np.abs(np.subtract.outer(np.arange(len(m)), np.arange(len(m)))) <= 2
        rows.append(
            {
                "PSF": name,
                "large": int((np.abs(m) > _LARGE * np.abs(m).max()).sum()),
                "upper left": float(energy[:10, :10].sum() / energy.sum()),
                "diagonal": float(energy[near].sum() / energy.sum()),
            }
        )
        shown.append(Picture(name, _decades(m), (-3.0, 0.0)))
    summary = (
        "The picture shows the logarithm of each entry's size beside the greatest, black a "
        f"thousandth. Gaussians have {_range(rows[:3], 'large')} large entries, motions "
        f"{_range(rows[3:], 'large')}; near the diagonal lies {_range(rows[:3], 'diagonal')} of "
        f"the energy for Gaussians, {_range(rows[3:], 'diagonal')} for motions."
    )
    return Findings(tuple(rows), pictures(shown, 3), summary)


def _decades(m: NDArray[Any]) -> NDArray[Any]:
    size = np.abs(m) / np.abs(m).max()
    return np.log10(np.maximum(size, 1e-6))


def _range(rows: list[dict[str, Any]], key: str) -> str:
    values = [row[key] for row in rows]
    return f"{min(values):.3g} to {max(values):.3g}"
