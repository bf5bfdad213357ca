"""What a restoration came to: a layer, and words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..kit.layers import add_image
from .order import Origin
from .refine import add_refined
from .to_disk import Written, open_written

_CLIPPED_PERCENT = 1.0


def add_result(viewer: Any, origin: Origin, made: Any) -> tuple[dict[str, Any], str, str]:
    """Add a run's result as a layer.

    Returns
    -------
    dict
        Its recipe.
    str, str
        What to say, and its kind.
    """
    result, psf = made
    name, look = origin.placement.name, origin.placement.options
    recipe = {**result.recipe, "psf": {**result.recipe.get("psf", {}), **psf}}
    about = {"kind": "result", **recipe, "source": name, "path": origin.path}
    title = f"{name} {origin.title}"
    if isinstance(result, Written):
        open_written(viewer, result, title, look, about)
    else:
        add_image(viewer, result.data, title, look, about)
    told = list(result.notes)
    if getattr(result, "psf", None) is not None:
        told.append(add_refined(viewer, result.psf, recipe, origin.placement))
    seconds = recipe.get("seconds")
    said = [f"Done in {seconds:.1f} s." if seconds is not None else "Done.", *told]
    said[0] += chosen(recipe)
    return recipe, "\n".join(said), "warning" if any(map(weighty, result.notes)) else "info"


def weighty(note: str) -> bool:
    """Whether a note is a warning: nearly every 8-bit run clips a few pixels."""
    share = re.match(r"(\S+) % of the pixels lay outside", note)
    return share is None or float(share[1]) > _CLIPPED_PERCENT


def chosen(recipe: Mapping[str, Any]) -> str:
    """What the method chose for itself, as a sentence."""
    parts = recipe.get("channels", [recipe])
    settled = [one.get("chosen", {}) for one in parts]
    counts = [one.get("iterations") for one in settled]
    text = ""
    for key, words in (("offset_counts", "camera's offset"), ("background", "background")):
        levels = [f"{one[key]:g}" for one in settled if key in one]
        reason = next((one[f"{key}_reason"] for one in settled if key in one), "")
        if levels:
            text += f" The {words} was taken as {' and '.join(levels)} ({reason})."
    if not counts or None in counts:
        return text
    most = " (the most that are tried)" if any("iterations_limit" in one for one in settled) else ""
    return f" {' and '.join(map(str, counts))} iterations were chosen{most}.{text}"
