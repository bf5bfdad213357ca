"""Several processes that train one network, each on its part of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from ..core.device import choose_device
from ..core.errors import DeconvError

_T = TypeVar("_T")


@dataclass(frozen=True)
class Team:
    """The place of a process among those that train together; alone by default.

    Parameters
    ----------
    rank, size : int
        Its number from 0, and how many there are.
    device : torch.device
        What it computes on.
    """

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether it is the one that validates, writes and reports."""
        return self.rank == 0

    def part(self, items: Sequence[_T]) -> Sequence[_T]:
        """The share of a batch that is this process's."""
        if len(items) % self.size:
            raise DeconvError(
                f"A batch of {len(items)} cannot be shared by {self.size} processes.",
                f"Choose a batch that is a multiple of {self.size}.",
            )
        count = len(items) // self.size
        return items[self.rank * count : (self.rank + 1) * count]

    def mean(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The mean of each tensor over all processes."""
        if self.size == 1:
            return list(tensors)
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        parts = (flat / self.size).split([tensor.numel() for tensor in tensors])
        return [part.view_as(like) for part, like in zip(parts, tensors, strict=True)]

    def agreed(self, answer: bool) -> bool:
        """Broadcast the leader's answer to all processes."""
        if self.size == 1:
            return answer
        answers = torch.tensor(int(answer), device=self.device)
        dist.broadcast(answers, 0)
        return bool(answers)


@contextmanager
def team(device: str) -> Iterator[Team]:
    """The team that torch's launcher set up, as the environment has it: ``torchrun ...``.

    Parameters
    ----------
    device : str
        As for `deconvolve`; of several GPUs each process takes the one of its local rank.
    """
    where = choose_device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Team(where)
        return
    if str(where) == "cuda":
        where = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(where)
    dist.init_process_group("nccl" if where.type == "cuda" else "gloo")
    try:
        yield Team(where, dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
