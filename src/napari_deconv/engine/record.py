"""The record of a run, and the notes about its result."""

from __future__ import annotations

import math
import platform
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.json_text import as_json_object
from ..core.record import Note, RunRecord, clipping
from .readings import summary

if TYPE_CHECKING:
    from .run import Run


def notes_of(run: Run, out: NDArray[np.generic]) -> list[Note]:
    """Collect what the person should know about a finished run and its result."""
    if run.sample is not None:
        run.notes += [Note("method", text) for text in run.method.notes(run.sample, reblur(run))]
    if run.hidden and run.unseen.nan != "refuse":
        text = f"{run.hidden} pixels were taken as unseen: NaN, infinite or masked."
        run.notes.append(Note("unseen", text))
    if run.clipped:
        run.notes.append(clipping(run.clipped, out.size, out.dtype))
    return run.notes


def reblur(run: Run) -> float:
    """Root mean square of ``A x - y`` on the unit scale, where a network was at work; or NaN.

    Pixels in the overlap of tiles count more than once.
    """
    count = sum(n for n, _ in run.misfits)
    return math.sqrt(sum(n * m for n, m in run.misfits) / count) if count else math.nan


def record_of(run: Run) -> RunRecord:
    """How a run makes its result."""
    from .. import __version__

    zero, scale = run.unit
    noise = run.typical.noise
    return RunRecord(
        method=as_json_object("The method", (run.asked or run.method).to_dict()),
        psf={"sha256": run.fingerprint, "shape": list(run.psf.shape)},
        axes=run.layout.axes,
        noise=noise.level,
        noise_estimated=run.noise is None,
        noise_origin="" if noise.origin == "given" else noise.origin,
        noise_colours=noise.levels if len(set(noise.levels)) > 1 else (),
        noise_law=asdict(noise.law) if noise.law else {},
        noise_common=run.common if run.method.joint_channels else None,
        unseen=run.hidden,
        nan=run.unseen.nan,
        spacing=run.spacing,
        chosen=as_json_object("What was chosen", run.chosen),
        reblur_rms=reblur(run) * scale if run.misfits else None,
        scale=scale,
        zero=zero,
        items=summary(run.readings) if run.readings else {},
        seconds_choosing=round(run.choosing, 3) if run.choosing >= 0.001 else 0.0,
        elements=run.elements,
        device=str(run.device),
        precision=run.precision.name if run.method.features else "",
        versions={
            "napari-deconv": __version__,
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    )
