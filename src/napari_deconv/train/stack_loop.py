"""Training on generated stacks: the loop of the other networks on other pairs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

from ..core.device import choose_device
from ..core.paths import exists, make_folder
from ..core.precision import choose_precision
from ..io.atomic import replacing
from ..io.locks import only_run
from ..restoration.weights import packed
from .loop import Trained, check_folder, rewind
from .microscopes import bank
from .parallel import Team
from .plot import draw as plot
from .stack_recipe import StackRecipe
from .stacks import Shelf, StackBatch, exam
from .state import State, advance, begin
from .watch import Watch

_CHECKPOINT_SECONDS = 60
_VALIDATION_STEPS = 200


def fit_stacks(
    recipe: StackRecipe,
    out: Path,
    *,
    minutes: float = math.inf,
    device: str = "auto",
    precision: str = "auto",
) -> Generator[Trained, None, Path]:
    """Train until the schedule or the time budget ends; call again to go on exactly there.

    PSFs and stacks are made as they are needed and kept in ``out``, about 1.5 MB a stack.

    Parameters are those of `loop.fit`, which also says what is yielded, returned and raised.
    """
    watch = Watch(60 * minutes)
    with only_run(out):
        make_folder(out)
        check_folder(out, recipe)
        team = Team(choose_device(device))
        layers, instead = choose_precision(precision, team.device, training=True)
        # The loop's own recipe has photos; what a step reads of it, this one has as well.
        plan = cast(Any, recipe)
        state = begin(plan, team.device, layers)
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
            yield _validated(state, recipe, scenes, out)
        while state.step < recipe.steps and watch.goes_on:
            batch: Any = shelf.draw(state.step, state.rng).to(team.device)
            advance(state, batch, plan, team)
            if state.step % _VALIDATION_STEPS == 0 or state.step == recipe.steps:
                yield _validated(state, recipe, scenes, out)
            if time.monotonic() - saved > _CHECKPOINT_SECONDS:
                state.save(out / "checkpoint.pt")
                saved = time.monotonic()
        state.save(out / "checkpoint.pt")
    return out / "best.safetensors"


def _validated(
    state: State, recipe: StackRecipe, scenes: dict[str, StackBatch], out: Path
) -> Trained:
    scores = tuple(round(state.score(batch), 4) for batch in scenes.values())
    loss = sum(state.losses) / len(state.losses) if state.losses else math.nan
    mean = sum(scores) / len(scores)
    better, state.best = mean > state.best, max(mean, state.best)
    state.losses.clear()
    entry = {"step": state.step, "seconds": round(state.seconds), "loss": loss, "psnr": scores}
    with (out / "log.jsonl").open("a") as log:
        log.write(json.dumps(entry) + "\n")
    plot(out / "log.jsonl", tuple(scenes))
    if better:
        header = {
            "recipe": recipe.to_dict(),
            "trained_on": "generated stacks",
            "licence": recipe.licence,
            "scores": {"held_out_psnr": dict(zip(scenes, scores, strict=True))},
            "step": state.step,
            "seconds": round(state.seconds),
        }
        with replacing(out / "best.safetensors") as beside:
            beside.write_bytes(packed(recipe.method, state.average, header))
    share = state.step / recipe.steps
    return Trained(state.step, recipe.steps, loss, scores, state.best, "", tuple(scenes), share)
