"""Every contestant on every scene, going on where an earlier run stopped."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context, parent_process
from pathlib import Path

import torch

from ..core.errors import Cancelled, DeconvError
from ..core.progress import Step
from ..io.locks import only_run
from ..restoration.base import methods
from .attempts import USUAL, Computing, attempt
from .contestants import Contestant, weights_hash
from .results import Key, Row, Writer, read_rows
from .scenes import Case, Scene

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Group:
    """Scenes that are averaged: one set of PSFs, one camera, one noise.

    Parameters
    ----------
    kernels : str
        What the table calls the PSFs.
    scenes : tuple of Scene
        All of one camera and noise.
    """

    kernels: str
    scenes: tuple[Scene, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """What is to be measured.

    Parameters
    ----------
    groups : tuple of Group
        Rows of the table together.
    contestants : tuple of Contestant
        Who runs on each scene.
    noise_given : bool
        Whether methods get the noise level.
    where : Computing
        Device and number format.
    """

    groups: tuple[Group, ...]
    contestants: tuple[Contestant, ...]
    noise_given: bool = False
    where: Computing = USUAL

    @cached_property
    def weights(self) -> Mapping[Contestant, str]:
        """Fingerprints of the contestants' weight files as they were when first asked for."""
        return {who: weights_hash(who.method) for who in self.contestants}

    def keys(self, scene: Scene, who: Contestant) -> list[tuple[Contestant, Key]]:
        """List what a contestant runs on a scene, with the key of each row."""
        candidates = who.candidates(scene.noise.nominal)
        return [
            (candidate, self._key(scene, candidate, self.weights[who])) for candidate in candidates
        ]

    def _key(self, scene: Scene, who: Contestant, weights: str) -> Key:
        return Key(
            scene=scene.camera.label,
            noise=scene.noise.label,
            image=f"{scene.image.parent.name}/{scene.image.stem}",
            seed=str(scene.seed),
            kernel=scene.kernel.label,
            method=who.label,
            weights=weights,
            noise_given="yes" if self.noise_given else "no",
        )


@dataclass(frozen=True, eq=False)
class _Task:
    scene: Scene
    wanted: tuple[tuple[Contestant, Key], ...]
    noise_given: bool
    where: Computing
    ran_on: str


_Results = Generator[tuple[_Task, Iterable[Row]], None, None]


def bench(
    plan: Plan, path: Path, *, workers: int = 1, threads: int = 1, retry: bool = False
) -> Iterator[Step]:
    """Compute the rows that a file lacks, and append each to it.

    Parameters
    ----------
    plan : Plan
        What is to be measured.
    path : Path
        CSV file; rows in it are kept and not computed again.
    workers : int
        Processes; times are only fair with one, or with as many cores.
    threads : int
        Of each of them.
    retry : bool
        Compute rows again that failed.

    Yields
    ------
    Step
        After every scene.

    Raises
    ------
    DeconvError
        If the file cannot be read or written. What a method fails of becomes its row.
    """
    with only_run(path):
        yield from _missing(plan, path, workers, threads, retry)


def _missing(plan: Plan, path: Path, workers: int, threads: int, retry: bool) -> Iterator[Step]:
    finished = {k: row for k, row in read_rows(path).items() if not (retry and row.failed)}
    tasks = list(_tasks(plan, finished, f"{plan.where}, processes: {workers}, threads: {threads}"))
    if not tasks:
        return
    with closing(Writer(path)) as writer:
        results = _in_pool(tasks, workers, threads) if workers > 1 else _here(tasks, threads)
        with closing(results):
            for done, (task, rows) in enumerate(results, 1):
                for row in rows:
                    writer.add(row)
                yield Step(done, len(tasks), task.scene.image.stem)


def _tasks(plan: Plan, finished: dict[Key, Row], ran_on: str) -> Iterator[_Task]:
    for group in plan.groups:
        for scene in group.scenes:
            entries = [pair for who in plan.contestants for pair in plan.keys(scene, who)]
            wanted = tuple(
                (who, key)
                for who, key in dict(entries).items()
                if key not in finished or not finished[key].still_holds(who.settings)
            )
            if wanted:
                yield _Task(scene, wanted, plan.noise_given, plan.where, ran_on)


def _rows(task: _Task) -> Iterator[Row]:
    """One row per contestant, whatever becomes of it."""
    case: Case | None = None
    for who, key in task.wanted:
        try:
            case = case or task.scene.case()
            result = attempt(who, case, task.noise_given, task.where)
        except Cancelled:
            raise
        except Exception as error:  # one failure must not cost the other rows
            _log.debug("%s", key, exc_info=True)
            expected = isinstance(error, DeconvError)
            words = str(error) if expected else f"{type(error).__name__}: {error}"
            yield Row(*key, fields=who.settings, ran_on=task.ran_on, failed=words)
            continue
        yield Row(
            *key,
            psnr_db=f"{result.score.psnr_db:.4f}",
            ssim=f"{result.score.ssim:.5f}",
            seconds=f"{result.seconds:.3f}",
            fields=who.settings,
            setting=result.setting,
            ran_on=task.ran_on,
        )


def _here(tasks: Sequence[_Task], threads: int) -> _Results:
    with _threads(threads):
        for task in tasks:
            yield task, _rows(task)


def _in_pool(tasks: Sequence[_Task], workers: int, threads: int) -> _Results:
    # Forking a process that has used torch's threads can hang.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start, (threads,))
    try:
        waiting = {pool.submit(_all_rows, task): task for task in tasks}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    except BrokenProcessPool as error:
        raise DeconvError(
            "A worker process died; memory may have run out.",
            "Run the same command with fewer --workers: finished rows are kept.",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _all_rows(task: _Task) -> list[Row]:
    return list(_rows(task))


def _start(threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to handle
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    methods()


def _leave_with_parent() -> None:
    """A worker whose parent was killed would wait for work forever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
