"""The one training loop: a generator that checkpoints, validates and resumes exactly."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..core.device import choose_device
from ..core.weights import packed
from ..io.atomic import replacing
from .images import read_gray
from .pairs import Batch, Images, make_batch
from .recipe import Recipe
from .state import State, advance, begin

_CHECKPOINT_SECONDS = 120
_VALIDATION_STEPS = 200
_NOISES = (0.01, 0.03, 0.05)
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
        On held-out images, in dB, at 1, 3 and 5 % noise.
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
    images: Path,
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
    images : Path
        Folder of sharp images.
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
    every, skipped = read_gray(images, recipe.patch_px, 2)
    state = begin(recipe, where)
    out.mkdir(parents=True, exist_ok=True)
    if (out / "checkpoint.pt").exists():
        state.load(out / "checkpoint.pt", where)
    _rewind(out / "log.jsonl", state.step)
    for note in skipped:
        yield Trained(state.step, recipe.steps, note=note)
    sharp = [image for i, image in enumerate(every) if i % recipe.held_out]
    held = [batch.to(where) for batch in _held(every[:: recipe.held_out], recipe)]
    yield from _run(recipe, state, sharp, held, out, until)
    return out / "best.safetensors"


def _run(
    recipe: Recipe, state: State, sharp: Images, held: list[Batch], out: Path, until: float
) -> Generator[Trained, None, None]:
    noise = (recipe.noise_low, recipe.noise_high)
    saved = time.monotonic()
    while state.step < recipe.steps and time.monotonic() < until:
        chosen = [sharp[i] for i in state.rng.integers(len(sharp), size=recipe.batch)]
        batch = make_batch(chosen, recipe.sampler, noise, recipe.patch_px, state.rng)
        advance(state, batch.to(held[0].y.device), recipe)
        if state.step % _VALIDATION_STEPS == 0 or state.step == recipe.steps:
            yield _validate(state, recipe, held, out)
        if time.monotonic() - saved > _CHECKPOINT_SECONDS:
            state.save(out / "checkpoint.pt")
            saved = time.monotonic()
    state.save(out / "checkpoint.pt")


def _held(images: Images, recipe: Recipe) -> list[Batch]:
    """The same scenes every time: each held-out image once per noise level."""
    side = min(_HELD_PX, *(min(image.shape) for image in images))
    rng = np.random.default_rng(12345)
    return [make_batch(images, recipe.sampler, (n, n), side, rng) for n in _NOISES]


def _validate(state: State, recipe: Recipe, held: list[Batch], out: Path) -> Trained:
    scores = tuple(round(_psnr(state, batch), 4) for batch in held)
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
            "scores": {"held_out_psnr": dict(zip(map(str, _NOISES), scores, strict=True))},
            "step": state.step,
            "seconds": round(state.seconds),
        }
        with replacing(out / "best.safetensors") as beside:
            beside.write_bytes(packed(recipe.method, state.average, header))
    return Trained(state.step, recipe.steps, loss, scores, state.best)


@torch.no_grad()
def _psnr(state: State, batch: Batch) -> float:
    estimate = state.average.unrolled(batch.y, batch.otf, batch.sigma)[-1].clamp(0, 1)
    error = (estimate - batch.truth).square().mean(dim=(1, 2, 3))
    return float((-10 * error.log10()).mean())


def _rewind(log: Path, step: int) -> None:
    """Forget what a killed run logged after its last checkpoint: it will be made again."""
    if log.exists():
        lines = [line for line in log.read_text().splitlines() if json.loads(line)["step"] <= step]
        log.write_text("".join(f"{line}\n" for line in lines))
