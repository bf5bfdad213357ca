"""The table as a picture: PSNR of every method with its interval, one panel per group."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..core.errors import DeconvError
from ..core.paths import make_folder
from ..io.atomic import replacing
from .contestants import BLURRED
from .summary import Interval, Line
from .tables import noise_in_words

SUFFIXES = (".svg", ".png")
MARK = "napari-deconv benchmark"
"""Every plot says near its beginning who made it."""


def check_plot(path: Path) -> None:
    """Find out before the hours begin whether the picture can be drawn.

    Raises
    ------
    DeconvError
        If matplotlib is missing, or the name ends in something else than .svg or .png.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise DeconvError(f"{path} is not a picture.", f"Use {' or '.join(SUFFIXES)}.")
    if find_spec("matplotlib") is None:
        raise DeconvError(
            "Plots need matplotlib, which is not installed.",
            'pip install "napari-deconv[figure]", or leave --plot out.',
        )


def draw(lines: Sequence[Line], path: Path) -> None:
    """Draw PSNR, or margins where there is a baseline; oracles are hollow.

    Parameters
    ----------
    lines : sequence of Line
        As `summarise` gives them.
    path : Path
        Ending in .svg or .png.

    Raises
    ------
    DeconvError
        As `check_plot`, if there is no result, and if it cannot be written.
    """
    check_plot(path)
    import matplotlib as mpl
    from matplotlib.figure import Figure

    margins = any(line.margin_db for line in lines)
    # Beside margins of a few tenths, what the blur cost would take all the room.
    shown = [line for line in lines if line.n and not (margins and line.method == BLURRED)]
    groups = list(dict.fromkeys((line.kernels, line.noise) for line in shown))
    methods = list(dict.fromkeys(line.method for line in reversed(shown)))
    if not groups:
        raise DeconvError("There is nothing to draw: no method gave a result.", "See the table.")
    many = len({kernels for kernels, _ in groups}) > 1
    size = (1.5 + 3.2 * len(groups), 1.2 + 0.3 * len(methods))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    for panel, (kernels, noise) in zip(panels, groups, strict=True):
        part = [line for line in shown if (line.kernels, line.noise) == (kernels, noise)]
        _panel(panel, part, methods, margins)
        title = f"noise {noise_in_words(noise)}"
        panel.set_title(f"{kernels}\n{title}" if many else title, fontsize=9)
    panels[0].set_yticks(range(len(methods)), methods, fontsize=8)
    panels[0].set_ylim(len(methods) - 0.5, -0.5)
    make_folder(path.parent)
    svg = path.suffix.lower() == ".svg"
    metadata = {"Date": None, "Creator": MARK} if svg else {"Software": MARK}
    with mpl.rc_context({"svg.hashsalt": "napari-deconv"}), replacing(path) as file:
        figure.savefig(file, dpi=120, metadata=metadata)


def _panel(panel: Any, lines: Sequence[Line], methods: Sequence[str], margins: bool) -> None:
    for line in lines:
        zero = Interval(0.0, 0.0, 0.0)  # the baseline over itself
        mean, low, high = (line.margin_db or zero) if margins else line.psnr_db
        panel.errorbar(
            mean,
            methods.index(line.method),
            xerr=[[mean - low], [high - mean]],
            fmt="o",
            markersize=5,
            markerfacecolor="white" if line.oracle else "tab:blue",
            color="tab:blue",
        )
    what = "PSNR over the baseline" if margins else "PSNR"
    panel.set_xlabel(f"{what} (dB), mean and 95 % interval", fontsize=8)
    panel.tick_params(axis="x", labelsize=8)
    panel.grid(visible=True, axis="x", alpha=0.3)
