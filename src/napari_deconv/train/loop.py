"""The one training loop: a generator that checkpoints, validates and resumes exactly."""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.errors import DeconvError
from ..core.paths import exists, make_folder
from ..core.precision import choose_precision
from ..core.spec import dumps
from ..io import Guard
from ..io.atomic import replacing
from ..io.locks import only_run
from ..restoration.weights import locate, packed, read_header
from .baseline import baseline, mean_psnr
from .pairs import Batch, make_batch, misjudge
from .parallel import Team, team
from .plot import draw
from .recipe import Recipe
from .record import read_record, write_record
from .schedule import Schedule
from .sources import Material, read_material
from .state import State, advance, begin
from .watch import Watch

_CHECKPOINT_SECONDS = 120
_VALIDATION_STEPS = 200
_VALIDATIONS = 16
"""Of a long schedule, which would else spend its time on them."""
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
    scenes : tuple of str
        What each of ``psnr`` is at.
    share : float
        Of schedule or time budget, whichever is nearer its end, that is done.
    picture : tuple of ndarray
        A held-out scene: blurred, restored and true, ``(Y, X)``; only for who looks on.
    baseline : tuple of float
        What the hyper-Laplacian reaches at each of ``scenes``, in dB; only once, for who looks on.
    """

    step: int
    steps: int
    loss: float = math.nan
    psnr: tuple[float, ...] = ()
    best: float = -math.inf
    note: str = ""
    scenes: tuple[str, ...] = ()
    share: float = 0.0
    picture: tuple[NDArray[np.float32], ...] = ()
    baseline: tuple[float, ...] = ()


def fit(
    recipe: Recipe,
    images: Path | Sequence[Path],
    out: Path,
    *,
    minutes: float = math.inf,
    device: str = "auto",
    precision: str = "auto",
    look_seconds: float = 0.0,
    stop: threading.Event | None = None,
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
    device, precision : str
        As for `deconvolve`.
    look_seconds : float
        Somebody looks on: yield every step, and validate before the first one, this often, and at
        the end. What happens between two steps does not count as time.
    stop : threading.Event, optional
        Set it to end as if the time were up.

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
    watch = Watch(60 * minutes, look_seconds, stop)
    folders = [images] if isinstance(images, Path) else list(images)
    material = read_material(recipe, folders)
    with team(device) as workers, only_run(out) if workers.leads else nullcontext():
        layers, instead = choose_precision(precision, workers.device, training=True)
        state = begin(recipe, workers.device, layers)
        make_folder(out)
        check_folder(out, recipe)
        if exists(out / "checkpoint.pt"):
            state.load(out / "checkpoint.pt", workers.device)
        if workers.leads:
            rewind(out / "log.jsonl", state.step)
            for note in (*filter(None, [instead]), *material.skipped):
                yield Trained(state.step, recipe.steps, note=note)
        exam = {name: batch.to(workers.device) for name, batch in _exam(material).items()}
        yield from _run(state, material, exam, out, watch, workers)
    return out / "best.safetensors"


def check_folder(out: Path, recipe: Schedule) -> None:
    """Raise if weights of another origin lie where this training's would go."""
    best = out / "best.safetensors"
    guard = Guard.of([locate(recipe.start)] if recipe.start else [])
    guard.check_inputs(best)
    guard.check_inputs(out / "checkpoint.pt")
    if (out / "checkpoint.pt").exists() or not best.exists():
        return
    try:
        recipe_there = read_header(best).get("recipe")
    except DeconvError:
        recipe_there = None
    if recipe_there != json.loads(dumps(recipe.to_dict())):
        raise DeconvError(
            f"{best} holds weights that this training has not made.",
            "Give another folder: they would be replaced.",
        )


def _run(
    state: State,
    material: Material,
    exam: dict[str, Batch],
    out: Path,
    watch: Watch,
    workers: Team,
) -> Generator[Trained, None, None]:
    recipe, saved, scored = replace(material.recipe, images=material.names), time.monotonic(), -1
    often = max(_VALIDATION_STEPS, recipe.steps // _VALIDATIONS)
    if watch.on and workers.leads:
        yield from watch.show(_measured(state, recipe, exam, watch))
    if watch.on and state.step == 0:
        yield from watch.show(_validate(state, recipe, exam, out, watch))
    while workers.agreed(state.step < recipe.steps and watch.goes_on):
        advance(state, _batch(material, state, workers).to(workers.device), recipe, workers)
        if not workers.leads:
            continue
        if watch.due(state.step % often == 0) or state.step == recipe.steps:
            scored = state.step
            yield from watch.show(_validate(state, recipe, exam, out, watch))
        elif watch.on:
            yield from watch.show(passing(state, recipe, watch))
        if time.monotonic() - saved > _CHECKPOINT_SECONDS:
            state.save(out / "checkpoint.pt")
            saved = time.monotonic()
    if workers.leads:
        state.save(out / "checkpoint.pt")
        if watch.on and scored != state.step:
            yield _validate(state, recipe, exam, out, watch)


def _batch(material: Material, state: State, workers: Team) -> Batch:
    """The process's share of the next batch: every patch has a generator of its own."""
    recipe, rng = material.recipe, state.rng
    side, count = recipe.sizes(state.step)
    colours = recipe.colours > 0 and rng.random() < recipe.colours

    def patch(seed: int) -> Batch:
        own = np.random.default_rng(seed)
        batch = make_batch([material.draw(own, side)], recipe, own, side_px=side, colours=colours)
        return misjudge(batch, recipe.misjudged, own)

    seeds = workers.part(rng.integers(2**63, size=count).tolist())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        patches = list(pool.map(patch, seeds))
    return Batch.joined(patches)


def passing(state: State, recipe: Schedule, watch: Watch) -> Trained:
    """Progress after a step that was not validated."""
    share = max(state.step / recipe.steps, watch.share)
    return Trained(state.step, recipe.steps, state.losses[-1], best=state.best, share=share)


def _measured(state: State, recipe: Recipe, exam: dict[str, Batch], watch: Watch) -> Trained:
    """What there would be without a training."""
    share, reached = max(state.step / recipe.steps, watch.share), baseline(exam)
    return Trained(
        state.step, recipe.steps, best=state.best, scenes=tuple(exam), share=share, baseline=reached
    )


def _exam(material: Material) -> dict[str, Batch]:
    """Make the scenes to validate on: each held-out image once per kind of noise."""
    recipe = material.recipe
    images = material.exam(_HELD_PX)
    side = min(_HELD_PX, *(min(image.shape[-2:]) for image in images))
    rng = np.random.default_rng(12345)
    noises = [n for n in _NOISES if recipe.noise_low <= n <= recipe.noise_high]
    noises = noises or [float(f"{math.sqrt(recipe.noise_low * recipe.noise_high):.3g}")]
    noises = noises if recipe.photon_share < 1 else []
    scenes = {str(n): make_batch(images, recipe, rng, side_px=side, noise=n) for n in noises}
    for n in noises if recipe.colours else ():
        coloured = make_batch(images, recipe, rng, side_px=side, noise=n, colours=True)
        scenes[f"{n}, colour"] = coloured
    if recipe.photon_share:
        photons = min(max(_PHOTONS, recipe.photons_low), recipe.photons_high)
        scenes["photons"] = make_batch(images, recipe, rng, side_px=side, photons=photons)
    return scenes


def _validate(
    state: State, recipe: Recipe, exam: dict[str, Batch], out: Path, watch: Watch
) -> Trained:
    scores = {name: _psnr(state, batch) for name, batch in exam.items()}
    picture = _picture(state, next(iter(exam.values()))) if watch.on else ()
    return record_scores(state, recipe, scores, out, watch, picture)


def record_scores(
    state: State,
    recipe: Schedule,
    scores: Mapping[str, float],
    out: Path,
    watch: Watch,
    picture: tuple[NDArray[np.float32], ...],
) -> Trained:
    """Write the scores of the scenes to log and plot, and keep the weights if they are the best.

    Parameters
    ----------
    state, recipe, out, watch
        The training.
    scores : mapping
        PSNR in dB by scene.
    picture : tuple of ndarray
        One scene: blurred, restored, true.
    """
    rounded = tuple(round(score, 4) for score in scores.values())
    loss = float(np.mean(state.losses)) if state.losses else math.nan
    mean = float(np.mean(rounded))
    better, state.best = mean > state.best, max(mean, state.best)
    state.losses.clear()
    entry = {"step": state.step, "seconds": round(state.seconds), "loss": loss, "psnr": rounded}
    with (out / "log.jsonl").open("a") as log:
        log.write(json.dumps(entry) + "\n")
    draw(out / "log.jsonl", tuple(scores))
    if better:
        header = {
            "recipe": recipe.to_dict(),
            "trained_on": recipe.trained_on,
            "licence": recipe.licence,
            "scores": {"held_out_psnr": dict(zip(scores, rounded, strict=True))},
            "step": state.step,
            "seconds": round(state.seconds),
        }
        with replacing(out / "best.safetensors") as beside:
            beside.write_bytes(packed(recipe.method, state.average, header))
    share = max(state.step / recipe.steps, watch.share)
    return Trained(
        state.step, recipe.steps, loss, rounded, state.best, "", tuple(scores), share, picture
    )


@torch.no_grad()
def _picture(state: State, batch: Batch) -> tuple[NDArray[np.float32], ...]:
    """The first scene: blurred, restored, true."""
    first = batch.split(len(batch.y))[0]
    estimate = state.average.unrolled(*first.seen)[-1]
    return tuple(x[0, 0].float().cpu().numpy() for x in (first.y, estimate, first.truth))


@torch.no_grad()
def _psnr(state: State, batch: Batch) -> float:
    return mean_psnr(state.average.unrolled(*batch.seen)[-1], batch.truth)


def rewind(log: Path, step: int) -> None:
    """Forget what a killed run logged after its last checkpoint: it will be made again."""
    if exists(log):
        write_record(log, (entry for entry in read_record(log) if entry["step"] <= step))
