"""Training on generated stacks: the loop of the other networks on other pairs."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...core.device import choose_device
from ...core.paths import exists, make_folder
from ...core.precision import choose_precision
from ...io.locks import only_run
from ..loop import Trained, check_folder, passing, record_scores, rewind
from ..parallel import Team
from ..state import State, advance, begin
from ..watch import Watch
from .microscopes import bank
from .pairs import Shelf, StackBatch, exam
from .recipe import StackRecipe

_CHECKPOINT_SECONDS = 60
_VALIDATION_STEPS = 200


def fit_stacks(
    recipe: StackRecipe,
    out: Path,
    *,
    minutes: float = math.inf,
    device: str = "auto",
    precision: str = "auto",
    look_seconds: float = 0.0,
    stop: threading.Event | None = None,
) -> Generator[Trained, None, Path]:
    """Train until the schedule or the time budget ends; call again to go on exactly there.

    PSFs and stacks are made as they are needed and kept in ``out``, about 1.5 MB a stack.

    Parameters are those of `loop.fit`, which also says what is yielded, returned and raised.
    """
    watch, scored = Watch(60 * minutes, look_seconds, stop), 0
    with only_run(out):
        make_folder(out)
        check_folder(out, recipe)
        team = Team(choose_device(device))
        layers, instead = choose_precision(precision, team.device, training=True)
        state = begin(recipe, team.device, layers)
        if exists(out / "checkpoint.pt"):
            state.load(out / "checkpoint.pt", team.device)
        rewind(out / "log.jsonl", state.step)
        for note in filter(None, [instead]):
            yield Trained(state.step, recipe.steps, note=note)
        shape = (recipe.psf_depth_px, recipe.psf_px, recipe.psf_px)
        optics = bank(out / "microscopes.npz", recipe.microscopes, shape, recipe.seed)
        shelf = Shelf(recipe, optics, out / "stacks")
        scenes = {name: batch.to(team.device) for name, batch in exam(shelf)}
        saved = time.monotonic()
        if state.step == 0:
            yield from watch.show(_validated(state, recipe, scenes, out, watch))
        while state.step < recipe.steps and watch.goes_on:
            batch = shelf.draw(state.step, state.rng).to(team.device)
            advance(state, batch, recipe, team)
            if watch.due(state.step % _VALIDATION_STEPS == 0) or state.step == recipe.steps:
                scored = state.step
                yield from watch.show(_validated(state, recipe, scenes, out, watch))
            elif watch.on:
                yield from watch.show(passing(state, recipe, watch))
            if time.monotonic() - saved > _CHECKPOINT_SECONDS:
                state.save(out / "checkpoint.pt")
                saved = time.monotonic()
        state.save(out / "checkpoint.pt")
        if scored != state.step and state.losses:
            yield _validated(state, recipe, scenes, out, watch)
    return out / "best.safetensors"


def _validated(
    state: State, recipe: StackRecipe, scenes: dict[str, StackBatch], out: Path, watch: Watch
) -> Trained:
    scores = {name: state.score(batch) for name, batch in scenes.items()}
    picture = _picture(state, next(iter(scenes.values()))) if watch.on else ()
    return record_scores(state, recipe, scores, out, watch, picture)


@torch.no_grad()
def _picture(state: State, batch: StackBatch) -> tuple[NDArray[np.float32], ...]:
    """The middle plane of the first stack: blurred, restored, true; by roots, 1 the brightest."""
    first = batch.split(len(batch.images))[0]
    estimate = state.average.unrolled(*first.seen)[-1]
    middle = estimate.shape[-3] // 2
    planes = [x[0, :, middle] for x in (first.images[:, -2:-1], estimate, first.truth)]
    brightest = float(planes[-1].max())
    return tuple((x[0].clamp(min=0) / brightest).sqrt().cpu().numpy() for x in planes)
