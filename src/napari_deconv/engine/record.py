"""The recipe of a finished run, and the remarks about its result."""

from __future__ import annotations

import math
import platform
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from .readings import summary
from .tiling import Plan

if TYPE_CHECKING:
    from .run import Run


def remarks(run: Run, out: NDArray[Any]) -> list[str]:
    """What the person should know of a finished run and its result."""
    if run.sample is not None:
        run.notes += run.method.notes(run.sample, reblur(run))
    if run.hidden and run.unseen.nan != "refuse":
        run.notes.append(f"{run.hidden} pixels were taken as unseen: NaN, infinite or masked.")
    if run.clipped:
        share = 100 * run.clipped / out.size
        run.notes.append(
            f"{share:.2g} % of the pixels lay outside the range of {out.dtype} and were "
            "clipped; convert the image to float32 to keep them."
        )
    return run.notes


def reblur(run: Run) -> float:
    """Root mean square of ``A x - y`` on the unit scale, where a network was at work; or NaN.

    Pixels in the overlap of tiles count more than once.
    """
    count = sum(n for n, _ in run.misfits)
    return math.sqrt(sum(n * m for n, m in run.misfits) / count) if count else math.nan


def recipe_of(run: Run, plan: Plan, seconds: float) -> dict[str, Any]:
    """How a run's result was made, JSON-able: enough to make it again."""
    from .. import __version__

    zero, scale = run.unit
    return {
        "method": (run.asked or run.method).to_dict(),
        "psf": {"sha256": run.fingerprint, "shape": list(run.psf.shape)},
        "axes": run.layout.axes,
        **noise_of(run),
        **({"noise_common": run.common} if run.method.joint_channels else {}),
        **({"unseen": run.hidden} if run.hidden else {}),
        **({"nan": run.unseen.nan} if run.unseen.nan != "refuse" else {}),
        **({"spacing": list(run.spacing)} if run.spacing else {}),
        **({"chosen": run.chosen} if run.chosen else {}),
        **({"reblur_rms": reblur(run) * scale} if run.misfits else {}),
        "scale": scale,
        **({"zero": zero} if zero else {}),
        **({"items": summary(run.readings)} if run.readings else {}),
        "device": str(run.device),
        **({"precision": run.precision.name} if run.method.features else {}),
        "tiles": list(plan.pieces),
        "seconds": round(seconds, 3),
        **({"seconds_choosing": round(run.choosing, 3)} if run.choosing >= 0.001 else {}),
        "elements": run.elements,
        "versions": {
            "napari-deconv": __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def noise_of(run: Run) -> dict[str, Any]:
    """The noise that was taken: where it was read, what of, and each colour's."""
    noise = run.typical.noise
    return {
        "noise": noise.level,
        "noise_estimated": run.noise is None,
        **({"noise_origin": noise.origin} if noise.origin not in ("", "given") else {}),
        **({"noise_colours": list(noise.levels)} if len(set(noise.levels)) > 1 else {}),
        **({"noise_law": asdict(noise.law)} if noise.law else {}),
    }
