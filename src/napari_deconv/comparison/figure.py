"""The comparison as one figure for paper or slide: pictures, insets, scale bar, captions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..io.atomic import replacing
from .material import Material
from .measures import MEASURES
from .run import Outcome, Row
from .views import limits, plane_of, rectangle, unit

MARK = "napari-deconv comparison"
"""Every figure says near its beginning who made it."""
_WIDE = 2.6
_MOST_COLUMNS = 4
_CAPTION = ("psnr_db", "ssim", "whiteness", "noise_gain", "frc_px", "seconds")
_BAR_SHARE = 0.2
_YELLOW = "#ffd500"


def draw(
    outcome: Outcome,
    material: Material,
    paths: Sequence[Path],
    at: Sequence[int] = (),
    name: str = "Image",
) -> None:
    """Draw image, results and truth side by side and save the figure.

    Parameters
    ----------
    outcome : Outcome
        What a comparison returned.
    material : Material
        What it was given.
    paths : sequence of Path
        Files to write; ``.png`` and ``.svg`` among others.
    at : sequence of int
        Position on the axes that are not shown; by default the middle of each.
    name : str
        What to call the image.

    Raises
    ------
    DeconvError
        If Matplotlib is not installed, or a file cannot be written.
    """
    figure_class = _matplotlib()
    position = list(at) or [n // 2 for n in material.image.shape]
    shown = _pictures(outcome, material, position, name)
    columns = min(_MOST_COLUMNS, math.ceil(math.sqrt(len(shown))))
    lines = math.ceil(len(shown) / columns)
    tall = _WIDE * shown[0][1].shape[0] / shown[0][1].shape[1] + 0.62
    figure = figure_class(figsize=(columns * _WIDE, lines * tall), layout="constrained")
    axes = np.atleast_1d(figure.subplots(lines, columns)).ravel()
    for axis, (title, plane, caption) in zip(axes, shown, strict=False):
        _picture(axis, plane, title, caption, outcome.comparison.rectangle)
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    _scale_bar(axes[0], shown[0][1].shape[1], material)
    for path in paths:
        with replacing(path) as part:
            figure.savefig(part, format=path.suffix[1:], dpi=200, metadata=marked(path))


def marked(path: Path) -> dict[str, str | None]:
    """Metadata that Matplotlib writes into a picture: who made it, and no date."""
    if path.suffix.lower() == ".svg":
        return {"Creator": MARK, "Date": None}
    return {"Software": MARK}


def _matplotlib() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise DeconvError(
            "The figure needs Matplotlib, which is not installed.",
            'Install it: pip install "napari-deconv[figure]". Everything else was exported.',
        ) from error
    return Figure


def _pictures(
    outcome: Outcome, material: Material, at: Sequence[int], name: str
) -> list[tuple[str, NDArray[np.float32], str]]:
    """Title, plane between 0 and 1, and caption of everything to show."""
    low, high = limits(material.image)

    def shown(array: Any) -> NDArray[np.float32]:
        plane = plane_of(array, material.axes, at)
        return unit(plane[..., :3] if plane.ndim == 3 else plane, low, high)

    pictures = [(name, shown(material.image), "")]
    for row in outcome.rows:
        if row.data is not None:
            pictures.append((row.label, shown(row.data), _caption(row)))
    if material.truth is not None and material.truth.shape == material.image.shape:
        pictures.append(("Truth", shown(material.truth), ""))
    return pictures


def _caption(row: Row) -> str:
    measured = [key for key in _CAPTION if not math.isnan(row.figure(key))]
    # With a truth nobody asks for the guesses.
    keys = [
        k for k in measured if not row.figures.get("psnr_db") or MEASURES[k].truth or k == "seconds"
    ]
    parts = [_with_unit(key, row.figure(key)) for key in keys]
    return ", ".join(parts[:3])


def _with_unit(key: str, value: float) -> str:
    measure = MEASURES[key]
    text = measure.shown_value(value)
    if measure.unit:
        return f"{text} {measure.unit}" if key != "frc_px" else f"FRC {text} px"
    return f"{measure.title} {text}"


def _picture(
    axis: Any, plane: NDArray[Any], title: str, caption: str, corners: tuple[float, ...]
) -> None:
    options = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "nearest"}
    axis.imshow(plane, **options)
    axis.set_title(title, fontsize=8, wrap=True)
    axis.set_xticks([])
    axis.set_yticks([])
    if caption:
        axis.set_xlabel(caption, fontsize=7)
    if len(corners) != 4:
        return
    index, (top, left, bottom, right) = rectangle(
        np.reshape(corners, (2, 2)) - 0.5, plane.shape[:2]
    )
    inset = axis.inset_axes((0.55, 0.02, 0.43, 0.43))
    inset.imshow(plane[index], **options)
    inset.set_xticks([])
    inset.set_yticks([])
    inset.set_anchor("SE")
    for spine in inset.spines.values():
        spine.set_edgecolor(_YELLOW)
    outline = ([left, right, right, left, left], [top, top, bottom, bottom, top])
    axis.plot(np.array(outline[0]) - 0.5, np.array(outline[1]) - 0.5, color=_YELLOW, linewidth=0.8)


def _scale_bar(axis: Any, width: int, material: Material) -> None:
    """A bar of a round length, where the pixel size is known."""
    if not material.pixel_size:
        return
    wanted = _BAR_SHARE * width * material.pixel_size
    decade = 10 ** math.floor(math.log10(wanted))
    size = max(step * decade for step in (1, 2, 5) if step * decade <= wanted)
    long = size / material.pixel_size
    height = axis.get_ylim()[0]
    axis.plot([0.04 * width, 0.04 * width + long], [0.95 * height] * 2, color="white", linewidth=2)
    axis.text(
        0.04 * width + long / 2, 0.93 * height, f"{size:g} {material.unit}", color="white",
        fontsize=7, ha="center", va="bottom",
    )  # fmt: skip
