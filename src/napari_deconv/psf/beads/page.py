"""A measured PSF to publish: a table of its beads, and one page with its figures."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from io import StringIO
from typing import Any

import numpy as np

from ...core.errors import DeconvError
from .report import Measured, lines
from .spots import FWHM_PER_SIGMA

MARK = "napari-deconv beads"
"""Every table and page says near its beginning who made it."""
_FLOOR = 1e-3
"""Share of the peak at which the pictures of the page end."""


def table(measured: Measured, pixel_size: Sequence[float] | None = None, unit: str = "") -> str:
    """Every bead as a line of CSV: place, verdict, widths with their errors.

    Parameters
    ----------
    measured : Measured
        What `measure` gives.
    pixel_size : sequence of float, optional
        Voxel size per axis; widths and places are then given in ``unit`` as well.
    unit : str
        Its name.
    """
    names = "zyx"[-measured.psf.ndim :]
    head = ["bead", "used", "verdict", "height"]
    head += [f"{a}_px" for a in names]
    head += [f"{what}_{a}_px" for a in names for what in ("fwhm", "error")]
    if pixel_size is not None:
        head += [f"{a}_{unit}" for a in names]
        head += [f"{what}_{a}_{unit}" for a in names for what in ("fwhm", "error")]
    text = StringIO()
    text.write(f"# {MARK}; fwhm: Gaussian fitted to the bead, error: its standard error\n")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(head)
    for number, bead in enumerate(measured.beads):
        widths = _pairs(bead.fwhm_px, bead.error_px, len(names))
        row: list[Any] = [number, "no" if bead.reason else "yes", bead.words, f"{bead.height:.6g}"]
        row += [f"{p:.2f}" for p in bead.place] + [_shown(w) for w in widths]
        if pixel_size is not None:
            row += [f"{p * s:.4g}" for p, s in zip(bead.place, pixel_size, strict=True)]
            steps = np.repeat(np.asarray(pixel_size, float), 2)
            row += [_shown(w * s) for w, s in zip(widths, steps, strict=True)]
        rows.writerow(row)
    return text.getvalue()


def _pairs(widths: Sequence[float], errors: Sequence[float], count: int) -> list[float]:
    """Width and error of every axis in turn; NaN where nothing was fitted."""
    missing = (math.nan,) * count
    return [v for pair in zip(widths or missing, errors or missing, strict=True) for v in pair]


def _shown(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}"


def summary(
    measured: Measured, pixel_size: Sequence[float] | None = None, unit: str = ""
) -> list[str]:
    """Widths with their standard errors, spread, asymmetry and tilt, as lines of text."""
    steps = [1.0] * measured.psf.ndim if pixel_size is None else list(pixel_size)
    unit = unit if pixel_size is not None else "px"
    lines = []
    names, widths = "zyx"[-measured.psf.ndim :], (measured.fwhm_px, measured.error_px)
    per_axis = zip(names, *widths, measured.spread_px, measured.asymmetry, steps, strict=True)
    for axis, width, error, spread, lean, step in per_axis:
        between = "" if math.isnan(spread) else f", spread between beads {spread * step:.2g} {unit}"
        lines.append(
            f"FWHM {axis} {width * step:.4g} ± {error * step:.2g} {unit}{between}, "
            f"asymmetry {lean:+.2f}"
        )
    axes = measured.axes(pixel_size)
    tilted = f"tilt against z {axes.tilt_deg:.1f}°, " if measured.psf.ndim == 3 else ""
    lines.append(
        f"{tilted}ellipticity in the plane {axes.ellipticity:.2f} at {axes.angle_deg:.0f}°"
    )
    return lines


def check_page() -> None:
    """Raise `DeconvError` unless Matplotlib is there to draw a page."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise DeconvError(
            "The report needs Matplotlib, which is not installed.",
            'Install it: pip install "napari-deconv[figure]", or leave the report out.',
        ) from error


def page(
    measured: Measured, path: Any, pixel_size: Sequence[float] | None = None, unit: str = "",
    name: str = "Beads",
) -> None:  # fmt: skip
    """Draw one page: sections, lines, widths over the field, and the figures.

    Parameters
    ----------
    measured : Measured
        What `measure` gives.
    path : path-like
        Written as its ending says: ``.png``, ``.pdf`` or ``.svg``.
    pixel_size, unit
        As for `table`.
    name : str
        Of the image.

    Raises
    ------
    DeconvError
        If Matplotlib is not installed.
    """
    check_page()
    from matplotlib.figure import Figure

    steps = np.ones(measured.psf.ndim) if pixel_size is None else np.asarray(pixel_size, float)
    unit = unit if pixel_size is not None else "px"
    figure = Figure(figsize=(8.27, 11.69), dpi=150)
    figure.text(0.08, 0.965, f"PSF from beads: {name}", fontsize=14, weight="bold")
    used = f"{len(measured.used)} of {len(measured.beads)} beads; {MARK}"
    figure.text(0.08, 0.945, used, fontsize=9, color="0.4")
    grid = figure.add_gridspec(
        4, 3, left=0.1, right=0.95, top=0.92, bottom=0.06, hspace=0.45, wspace=0.4
    )
    _sections(figure, grid, measured.psf, steps, unit)
    for axis, line in enumerate(lines(measured.psf)):
        _line(figure.add_subplot(grid[1, axis]), line, axis, measured, steps[axis], unit)
    for axis in range(measured.psf.ndim):
        _field(figure, grid[2, axis], measured, axis, steps, unit)
    words = figure.add_subplot(grid[3, :])
    words.set_axis_off()
    text = "\n".join([*summary(measured, pixel_size, unit), "", *_reasons(measured)])
    words.text(0, 1, text, va="top", fontsize=9.5, linespacing=1.6)
    figure.savefig(path, metadata={"Creator": MARK} if str(path).endswith((".pdf", ".svg")) else
                   {"Software": MARK})  # fmt: skip


def _reasons(measured: Measured) -> list[str]:
    counts: dict[str, int] = {}
    for bead in measured.beads:
        if bead.reason:
            counts[bead.reason] = counts.get(bead.reason, 0) + 1
    left_out = ", ".join(f"{n} {reason}" for reason, n in sorted(counts.items()))
    return [f"Left out: {left_out or 'none'}.",
            "FWHM: of the mean bead at half maximum. ±: standard error, from the beads' scatter.",
            "Map and spread: Gaussians fitted to single beads, somewhat narrower than the mean "
            "bead is."]  # fmt: skip


def _sections(figure: Any, grid: Any, psf: Any, steps: Any, unit: str) -> None:
    """Sections through the middle, from the peak down to a thousandth of it."""
    names = "zyx"[-psf.ndim :]
    pairs = [(0, 1), (0, 2), (1, 2)] if psf.ndim == 3 else [(0, 1)]
    for place, (down, right) in enumerate(pairs):
        rest = [a for a in range(psf.ndim) if a not in (down, right)]
        middle = (psf.shape[a] // 2 if a in rest else slice(None) for a in range(psf.ndim))
        plane = psf[tuple(middle)]
        picture = np.log10((plane / psf.max()).clip(_FLOOR))
        reach = [psf.shape[a] / 2 * steps[a] for a in (right, down)]
        shown = figure.add_subplot(grid[0, place])
        image = shown.imshow(
            picture, extent=(-reach[0], reach[0], reach[1], -reach[1]), cmap="magma", vmin=-3,
            vmax=0,
        )  # fmt: skip
        shown.set(xlabel=f"{names[right]} ({unit})", ylabel=f"{names[down]} ({unit})")
        shown.tick_params(labelsize=7)
    figure.colorbar(image, ax=shown, label="log10 of the peak", shrink=0.8)


def _line(axes: Any, line: Any, axis: int, measured: Measured, step: float, unit: str) -> None:
    x = (np.arange(len(line)) - len(line) // 2) * step
    axes.plot(x, line / line.max(), "o-", ms=3, lw=1)
    width = measured.fwhm_px[axis] * step
    sigma = width / FWHM_PER_SIGMA
    fine = np.linspace(x[0], x[-1], 200)
    axes.plot(fine, np.exp(-0.5 * (fine / sigma) ** 2), "--", lw=0.8, color="0.5")
    axes.axhline(0.5, lw=0.5, color="0.7")
    name = "zyx"[-measured.psf.ndim :][axis]
    axes.set_title(f"{name}: {width:.3g} ± {measured.error_px[axis] * step:.1g} {unit}", fontsize=9)
    axes.set_xlabel(f"{name} ({unit})")
    axes.tick_params(labelsize=7)


def _field(figure: Any, place: Any, measured: Measured, axis: int, steps: Any, unit: str) -> None:
    """Widths of the used beads where they lie in the plane."""
    axes = figure.add_subplot(place)
    spots = np.array([bead.place[-2:] for bead in measured.used]) * steps[-2:]
    widths = np.array([bead.fwhm_px[axis] for bead in measured.used]) * steps[axis]
    dots = axes.scatter(spots[:, 1], spots[:, 0], c=widths, cmap="viridis", s=30)
    axes.invert_yaxis()
    axes.set_aspect("equal", adjustable="datalim")
    name = "zyx"[-measured.psf.ndim :][axis]
    axes.set_title(f"FWHM {name} over the field", fontsize=9)
    axes.set(xlabel=f"x ({unit})", ylabel=f"y ({unit})")
    axes.tick_params(labelsize=7)
    figure.colorbar(dots, ax=axes, shrink=0.8).ax.tick_params(labelsize=7)
