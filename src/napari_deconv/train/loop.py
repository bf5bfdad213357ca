"""The one training loop: a generator that checkpoints, validates and resumes exactly."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..core.device import choose_device
from ..core.weights import packed
from ..io.atomic import replacing
from .pairs import Batch, make_batch, misjudge
from .recipe import Recipe
from .sources import Material, read_material
from .state import State, advance, begin

_CHECKPOINT_SECONDS = 120
_VALIDATION_STEPS = 200
_NOISES = (0.01, 0.03, 0.05)
_PHOTONS = 200.0
_HELD_PX = 160


@dataclass(frozen=True)
class Trained:
    """Progress of a training.

    Parameters
    ----------
    step, steps : int
        Optimiser steps made, and the schedule's length.
    loss : float
        Mean since the last report.
    psnr : tuple of float
        On held-out images, in dB, at 1, 3 and 5 % noise, and at 200 photons where it learns those.
    best : float
        Best mean of those so far: what the weight file holds.
    note : str
        What the person should know.
    """

    step: int
    steps: int
    loss: float = math.nan
    psnr: tuple[float, ...] = ()
    best: float = -math.inf
    note: str = ""


def fit(
    recipe: Recipe,
    images: Path | Sequence[Path],
    out: Path,
    *,
    minutes: float = math.inf,
    device: str = "auto",
) -> Generator[Trained, None, Path]:
    """Train until the schedule or the time budget ends; call again to go on exactly there.

    Parameters
    ----------
    recipe : Recipe
        What to train.
    images : Path or sequence of Path
        Folders of sharp images, one per source of the recipe.
    out : Path
        Folder for checkpoint, log and best weights; made if missing.
    minutes : float
        Time budget of this call.
    device : str
        As for `deconvolve`.

    Yields
    ------
    Trained
        At every validation, and for every image that was skipped.

    Returns
    -------
    Path
        The best weights.

    Raises
    ------
    DeconvError
        If too few images are usable or the loss is no longer finite; the best weights stay.
    """
    until = time.monotonic() + 60 * minutes
    where = choose_device(device)
    folders = [images] if isinstance(images, Path) else list(images)
    material = read_material(recipe, folders)
    state = begin(recipe, where)
    out.mkdir(parents=True, exist_ok=True)
    if (out / "checkpoint.pt").exists():
        state.load(out / "checkpoint.pt", where)
    _rewind(out / "log.jsonl", state.step)
    for note in material.skipped:
        yield Trained(state.step, recipe.steps, note=note)
    exam = {name: batch.to(where) for name, batch in _exam(material).items()}
    yield from _run(recipe, state, material, exam, out, until)
    return out / "best.safetensors"


def _run(
    recipe: Recipe,
    state: State,
    material: Material,
    exam: dict[str, Batch],
    out: Path,
    until: float,
) -> Generator[Trained, None, None]:
    where = next(iter(exam.values())).y.device
    saved = time.monotonic()
    while state.step < recipe.steps and time.monotonic() < until:
        batch = make_batch(material.draw(state.rng), recipe, state.rng)
        batch = misjudge(batch, recipe.misjudged, state.rng)
        advance(state, batch.to(where), recipe)
        if state.step % _VALIDATION_STEPS == 0 or state.step == recipe.steps:
            yield _validate(state, recipe, exam, out)
        if time.monotonic() - saved > _CHECKPOINT_SECONDS:
            state.save(out / "checkpoint.pt")
            saved = time.monotonic()
    state.save(out / "checkpoint.pt")


def _exam(material: Material) -> dict[str, Batch]:
    """The same scenes every time: each held-out image once per kind of noise, by its name."""
    recipe = material.recipe
    images = material.exam(_HELD_PX)
    side = min(_HELD_PX, *(min(image.shape) for image in images))
    rng = np.random.default_rng(12345)
    scenes = {str(n): make_batch(images, recipe, rng, side_px=side, noise=n) for n in _NOISES}
    if recipe.photon_share:
        scenes["photons"] = make_batch(images, recipe, rng, side_px=side, photons=_PHOTONS)
    return scenes


def _validate(state: State, recipe: Recipe, exam: dict[str, Batch], out: Path) -> Trained:
    scores = tuple(round(_psnr(state, batch), 4) for batch in exam.values())
    loss, mean = float(np.mean(state.losses)), float(np.mean(scores))
    better, state.best = mean > state.best, max(mean, state.best)
    state.losses.clear()
    entry = {"step": state.step, "seconds": round(state.seconds), "loss": loss, "psnr": scores}
    with (out / "log.jsonl").open("a") as log:
        log.write(json.dumps(entry) + "\n")
    if better:
        header = {
            "recipe": recipe.to_dict(),
            "trained_on": recipe.trained_on,
            "licence": recipe.licence,
            "scores": {"held_out_psnr": dict(zip(exam, scores, strict=True))},
            "step": state.step,
            "seconds": round(state.seconds),
        }
        with replacing(out / "best.safetensors") as beside:
            beside.write_bytes(packed(recipe.method, state.average, header))
    return Trained(state.step, recipe.steps, loss, scores, state.best)


@torch.no_grad()
def _psnr(state: State, batch: Batch) -> float:
    estimate = state.average.unrolled(batch.y, batch.otf, batch.sigma)[-1]
    estimate = estimate.clamp(0, max(1.0, float(batch.truth.max())))
    error = (estimate - batch.truth).square().mean(dim=(1, 2, 3))
    return float((-10 * error.log10()).mean())


def _rewind(log: Path, step: int) -> None:
    """Forget what a killed run logged after its last checkpoint: it will be made again."""
    if log.exists():
        lines = [line for line in log.read_text().splitlines() if json.loads(line)["step"] <= step]
        log.write_text("".join(f"{line}\n" for line in lines))
