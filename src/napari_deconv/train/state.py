"""The state of a training, and one step of it."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..core.errors import DeconvError
from ..core.json_text import parse_json
from ..core.paths import check_readable
from ..core.precision import FLOAT32, Precision, at_precision
from ..io.atomic import replacing
from ..restoration.networks.base import NetworkModule, Norm, TrainingBatch
from ..restoration.weights import locate, read_weights
from .muon import Muon
from .pairs import rendered
from .parallel import Team
from .recipe import Recipe
from .schedule import Schedule

_WARM_STEPS = 100
_PREPARING_PSFS = 1000
_AVERAGE = 0.999


class Pairs(TrainingBatch, Protocol):
    """Degraded images or stacks and what they were, as a step sees them."""

    @property
    def seen(self) -> tuple[Tensor | None, ...]: ...
    def split(self, parts: int) -> Sequence[Self]: ...


@dataclass(eq=False)
class State:
    """What a checkpoint holds.

    Parameters
    ----------
    network, average : nn.Module
        What is trained, and its exponential moving average, which is what is kept.
    optimisers : tuple of Optimizer
        AdamW, and Muon for matrices where the recipe says so.
    rng : Generator
        Draws all data.
    step : int
        Optimiser steps made.
    best : float
        Best validation PSNR in dB.
    seconds : float
        Spent so far, over all calls.
    losses : list of float
        Since the last validation.
    """

    network: NetworkModule
    average: NetworkModule
    optimisers: tuple[torch.optim.Optimizer, ...]
    rng: np.random.Generator
    step: int = 0
    best: float = -math.inf
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write whole or not at all: a full disk leaves the last good one."""
        data: dict[str, Any] = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
        }
        data |= {key: getattr(self, key) for key in ("step", "best", "seconds", "losses")}
        data["rng"] = json.dumps(self.rng.bit_generator.state)
        with replacing(path) as beside, beside.open("wb") as file:
            torch.save(data, file)

    @torch.no_grad()
    def score(self, batch: Pairs) -> float:
        """Mean PSNR of stacks in dB, each over its brightest voxel."""
        parts = [self._scores(part) for part in batch.split(len(batch.y))]
        return float(torch.cat(parts).mean())

    def _scores(self, batch: Pairs) -> Tensor:
        missed = self.average.unrolled(*batch.seen)[-1] - batch.truth
        most = batch.truth.flatten(1).amax(1)
        return 10 * (most.square() / missed.square().flatten(1).mean(1)).log10()

    def load(self, path: Path, device: torch.device) -> None:
        """Restore the state that `save` wrote."""
        check_readable(path)
        try:
            data = torch.load(path, map_location=device, weights_only=True)
            for key in ("network", "average"):
                getattr(self, key).load_state_dict(data[key])
            for optimiser, kept in zip(self.optimisers, data["optimisers"], strict=True):
                optimiser.load_state_dict(kept)
            self.rng.bit_generator.state = parse_json(data["rng"], "its random state")
            self.step, self.best, self.losses = data["step"], data["best"], data["losses"]
            self.seconds = data["seconds"]
        except Exception as error:
            raise DeconvError(
                f"{path} is not a checkpoint of this recipe: {error}.", "Choose another folder."
            ) from error


def begin(recipe: Schedule, device: torch.device, precision: Precision = FLOAT32) -> State:
    """The state before the first step."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = recipe.learned.network()
    network.prepare(_psfs(recipe) if isinstance(recipe, Recipe) else ())
    if recipe.start:
        names = (recipe.method.name, *network.relatives)
        tensors, _ = read_weights(locate(recipe.start), *names)
        try:
            network.grow(tensors)
        except RuntimeError as error:
            raise DeconvError(
                f"The weights {recipe.start!r} do not fit {recipe.method.title} as it is set.",
                "Set its fields as they were when those were made, or begin with others.",
            ) from error
    at_precision(network, precision)
    network.to(device)
    average = copy.deepcopy(network).requires_grad_(False).eval()
    return State(
        network,
        average,
        _optimisers(network, recipe, precision),
        np.random.default_rng(recipe.seed),
    )


def _psfs(recipe: Recipe) -> Iterator[NDArray[np.float32]]:
    """PSFs like those that will be trained on."""
    rng = np.random.default_rng(recipe.seed)
    for _ in range(_PREPARING_PSFS):
        yield rendered(recipe.sampler.draw(rng).psf, recipe, rng)


def _optimisers(
    network: NetworkModule, recipe: Schedule, precision: Precision
) -> tuple[torch.optim.Optimizer, ...]:
    """Make the optimisers: Muon for matrices and filters where asked for, AdamW for the rest."""
    others = dict(network.named_parameters())
    filters = [n for n, p in others.items() if n.endswith(".weight") and p.ndim > 1]
    chosen = filters if recipe.optimiser == "muon" else []
    matrices = {name: others.pop(name) for name in chosen}
    optimisers: list[torch.optim.Optimizer] = []
    if others:
        groups = _groups(others, network)
        optimisers.append(torch.optim.AdamW(groups, lr=recipe.rate, weight_decay=0.0))
    if matrices:
        optimisers.append(Muon(_groups(matrices, network), lr=recipe.rate, precision=precision))
    return tuple(optimisers)


def _groups(parameters: Mapping[str, nn.Parameter], network: NetworkModule) -> list[dict[str, Any]]:
    """Parameters by the share of the learning rate that their network gives them."""
    scales = network.rates
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in parameters.items():
        scale = next((scales[part] for part in name.split(".") if part in scales), 1.0)
        groups.setdefault(scale, []).append(parameter)
    return [{"params": members, "scale": scale} for scale, members in groups.items()]


def advance(state: State, batch: Pairs, recipe: Schedule, team: Team) -> None:
    """One optimiser step, on this process's part of a batch."""
    began = time.monotonic()
    for group in (group for each in state.optimisers for group in each.param_groups):
        group["lr"] = group["scale"] * rate(recipe, state.step)
    loss = _differentiate(state.network, batch, recipe.loss, team)
    if not math.isfinite(loss):
        raise DeconvError(
            f"The loss is {loss} at step {state.step}.",
            "Lower the rate; the best weights so far are kept.",
        )
    nn.utils.clip_grad_norm_(state.network.parameters(), 1.0)
    for optimiser in state.optimisers:
        optimiser.step()
    state.step += 1
    _follow(state)
    state.losses.append(loss)
    state.seconds += time.monotonic() - began


def _differentiate(network: NetworkModule, batch: Pairs, norm: Norm, team: Team) -> float:
    """Set the gradients of the whole batch's mean loss, and return that."""
    network.zero_grad()
    # Layers for colour have no part in what is gray; they stay as they are then.
    parameters = [p for name, p in network.named_parameters() if _takes_part(network, name, batch)]

    def gradients_of(part: Pairs) -> tuple[Tensor, ...]:
        estimates = network.unrolled(*part.seen)
        loss = network.loss(estimates, part, norm)
        return (loss.detach(), *torch.autograd.grad(loss, parameters))

    # On a CPU two halves side by side: small layers leave threads waiting for each other.
    several = batch.y.device.type == "cpu" and torch.get_num_threads() > 1
    parts = batch.split(2 if several else 1)
    with ThreadPoolExecutor(len(parts)) as pool:
        columns = zip(*pool.map(gradients_of, parts), strict=True)
    loss, *gradients = team.mean([torch.stack(column).mean(0) for column in columns])
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    return float(loss)


def _takes_part(network: NetworkModule, name: str, batch: Pairs) -> bool:
    return batch.y.shape[1] > 1 or name.split(".")[0] not in network.colour_parts


def rate(recipe: Schedule, step: int) -> float:
    """Learning rate: a short rise, then a cosine down to the recipe's end."""
    cosine = 0.5 + 0.5 * math.cos(math.pi * min(1.0, step / recipe.steps))
    part = recipe.rate_end + (1 - recipe.rate_end) * cosine
    return recipe.rate * min(1.0, (step + 1) / _WARM_STEPS) * part


@torch.no_grad()
def _follow(state: State) -> None:
    """The average moves on; while young it forgets the random start quickly."""
    keep = min(_AVERAGE, (1 + state.step) / (10 + state.step))
    pairs = zip(state.average.parameters(), state.network.parameters(), strict=True)
    for slow, fast in pairs:
        slow.lerp_(fast, 1 - keep)
