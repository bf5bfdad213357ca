"""What is measured of a result: names, meanings, and when not to trust them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Best = Literal["high", "low", "one", ""]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One column of the table.

    Parameters
    ----------
    key : str
        Its name in CSV and JSON.
    title : str
        Its heading.
    unit : str
        Empty for plain numbers.
    best : str
        ``"high"``, ``"low"``, ``"one"`` (the nearest to 1), or empty where neither end is better.
    digits : int
        Decimals shown.
    tip : str
        What it means and when not to trust it.
    truth : bool
        Whether it needs a truth.
    shown : bool
        Whether the table shows it; all are in the CSV.
    """

    key: str
    title: str
    unit: str = ""
    best: Best = ""
    digits: int = 2
    tip: str
    truth: bool = False
    shown: bool = True

    @property
    def heading(self) -> str:
        """The title with its unit, for a column."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def shown_value(self, value: float) -> str:
        """The number as text; a dash where there is none."""
        if math.isnan(value):
            return "–"
        if math.isinf(value):
            return "∞" if value > 0 else "-∞"
        small = self.digits and value != 0 and abs(value) < 10**-self.digits
        return f"{value:.2g}" if small else f"{value:.{self.digits}f}"

    def rank(self, value: float) -> float:
        """Value to sort by, smaller is better; infinity where it is unknown."""
        if math.isnan(value) or not self.best:
            return math.inf
        if self.best == "one":
            return abs(math.log(value)) if value > 0 else math.inf
        return -value if self.best == "high" else value


_MEASURES = (
    Measure(
        key="psnr_db",
        title="PSNR",
        unit="dB",
        best="high",
        truth=True,
        tip="Peak signal-to-noise ratio against the truth; higher is nearer. It says little about "
        "how natural a picture looks, and a wrong brightness or a shift of one pixel spoils it: "
        "see 'Align intensities'.",
    ),
    Measure(
        key="ssim",
        title="SSIM",
        best="high",
        digits=3,
        truth=True,
        tip="Structural similarity to the truth, 1 when equal. Made for photos: in microscopy the "
        "empty background dominates it.",
    ),
    Measure(
        key="whiteness",
        title="Noise-like",
        best="high",
        digits=3,
        tip="How much what is left over looks like pure noise, 1 for pure. Structure in it means "
        "that some of the image was not explained. Clipped pixels, JPEG, binning and a wrong PSF "
        "colour it, whatever the method.",
    ),
    Measure(
        key="discrepancy",
        title="Residual / noise",
        best="one",
        tip="The residual over the noise level that was given or estimated: 1 is as much as the "
        "noise explains (Morozov's discrepancy principle), less fits noise, more leaves blur. As "
        "good as the PSF and the noise level; with photon noise only on average.",
    ),
    Measure(
        key="residual",
        title="Residual",
        digits=3,
        tip="Root mean square of (result blurred again - image), in the image's units. It tells "
        "how well the result explains the image. Smaller is not better: noise can be explained, "
        "too. Meaningless if the PSF is wrong, and for results made in linear light.",
    ),
    Measure(
        key="noise_gain",
        title="Noise gain",
        tip="How many times noisier the result is than the image, in the flattest tenth of the "
        "image. Below 1 it was smoothed. Nothing to go by where the image has no flat places, and "
        "alone it praises whatever blurs most.",
    ),
    Measure(
        key="frc_px",
        title="FRC",
        unit="px",
        best="low",
        digits=1,
        tip="Resolution by Fourier ring correlation: the finest period on which two shots, or the "
        "checkerboard halves of one, agree (threshold 1/7). From one image it is to be doubted: "
        "neighbouring pixels of a restored image share their noise, so that smoothing and ringing "
        "look like resolution. Give a repeat. A dash means that the curve never falls below 1/7.",
    ),
    Measure(
        key="frc_unit",
        title="FRC",
        best="low",
        digits=3,
        tip="The same in the image's unit.",
    ),
    Measure(
        key="flux_ratio",
        title="Flux",
        best="one",
        digits=3,
        tip="Sum of the result over the sum of the image: 1 when light is neither made nor lost. "
        "Light that moves over the border changes it a little, and a large constant background "
        "hides changes.",
    ),
    Measure(
        key="clipped_percent",
        title="Negative or clipped",
        unit="%",
        best="low",
        tip="Pixels that the method made negative, or that it drove to the limit of an integer "
        "type. Negative light means ringing; clipped pixels are lost.",
    ),
    Measure(
        key="seconds",
        title="Time",
        unit="s",
        best="low",
        tip="The method's own time, measures not counted. The first run of a network also loads "
        "its weights; other programs and other threads slow it down.",
    ),
    Measure(
        key="peak_mib",
        title="Memory",
        unit="MiB",
        digits=0,
        tip="The most memory taken while it ran, above where it stood before. It is the whole "
        "process that is watched (on a GPU, its allocations), so what else napari does counts in, "
        "and memory kept from the run before does not.",
    ),
    Measure(
        key="roughness",
        title="Roughness",
        digits=3,
        tip="Root mean square of the differences of neighbouring pixels: the solution norm of the "
        "L-curve.",
        shown=False,
    ),
)

MEASURES: dict[str, Measure] = {measure.key: measure for measure in _MEASURES}
"""Every measure by its key, in the order of the table."""

BLIND = ("whiteness", "discrepancy", "frc_px")
"""Measures without a truth by which a best can be marked."""

DEFAULT_BLIND = "whiteness"
"""The one by which a sweep marks its best, chosen by benchmarks/blind_measure.py."""
