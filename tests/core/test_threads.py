"""Small work is done by one thread, and nobody else notices."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from napari_deconv.core.threads import alone
from napari_deconv.engine import run as runs
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import Disk
from napari_deconv.restoration.wiener import Wiener


@pytest.fixture
def two():
    """A caller who has set two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def elsewhere():
    """The number that a new thread gets."""
    found = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def test_only_the_thread_that_computes_is_limited(two):
    def steps():
        for _ in range(2):
            yield torch.get_num_threads(), elsewhere()

    for inside in alone(steps()):
        assert inside == (1, 2)
        assert torch.get_num_threads() == 2


def test_the_setting_comes_back_after_a_failure(two):
    def steps():
        yield 1
        raise ValueError

    with pytest.raises(ValueError):
        list(alone(steps()))
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("least", "expected"), [(1 << 30, 1), (0, 2)])
def test_the_size_of_the_grid_decides(two, monkeypatch, least, expected):
    seen, steps = [], Wiener.steps

    def watched(self, problem):
        seen.append(torch.get_num_threads())
        yield from steps(self, problem)

    monkeypatch.setattr(Wiener, "steps", watched)
    monkeypatch.setattr(runs, "SMALL", least)
    drain(stream(Wiener(), np.eye(16, dtype=np.float32), Disk(radius_px=2)(), device="cpu"))
    assert seen == [expected] and torch.get_num_threads() == 2
