"""A real cluster of worker processes, one of which is killed at work."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from napari_deconv import methods, psf
from napari_deconv.blocks import stream_blocks
from napari_deconv.core.errors import DeconvError
from napari_deconv.engine.streaming import drain
from napari_deconv.restoration.base import Method

distributed = pytest.importorskip("distributed")
methods()
KERNEL = psf.Gaussian(sigma_px=0.9)()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    image = np.random.default_rng(0).poisson(30, (8, 192, 192)).astype(np.uint16)
    group = zarr.create_group(str(tmp_path / "in.zarr"))
    array = group.create_array("0", shape=image.shape, dtype=image.dtype, chunks=(1, 192, 192))
    array[...] = image
    axes = [{"name": a, "type": "space"} for a in "zyx"]
    scale = [{"type": "scale", "scale": [1.0, 1.0, 1.0]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    one = {"axes": axes, "datasets": datasets}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [one]}
    return tmp_path / "in.zarr"


def level(path: Path) -> np.ndarray:
    return np.asarray(zarr.open_group(str(path), mode="r")["0"])


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")  # a killed worker leaves its sockets and its port to others
def test_a_killed_worker_is_said_and_its_blocks_go_to_the_others(
    source: Path, tmp_path: Path
) -> None:
    # The count is given: a worker has to be at work for some seconds.
    method = Method.make("richardson-lucy", iterations=25)
    alone: Any = drain(stream_blocks(method, source, tmp_path / "a.zarr", KERNEL, device="cpu"))
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        address = cluster.scheduler_address
        run = stream_blocks(
            method, source, tmp_path / "b.zarr", KERNEL, device="cpu", scheduler=address
        )
        next(run)
        os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
        time.sleep(0.2)
        outcome: Any = drain(run)
        assert not outcome.failed and outcome.blocks == alone.blocks == 8
        assert any("went away" in note.text for note in outcome.notes)
        np.testing.assert_array_equal(level(outcome.target), level(alone.target))


def test_no_scheduler_is_named(source: Path, tmp_path: Path, monkeypatch: Any) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise OSError("timed out")

    monkeypatch.setattr(distributed, "Client", refused)
    run = stream_blocks(
        Method.make("wiener"), source, tmp_path / "o.zarr", KERNEL, scheduler="tcp://nowhere:1"
    )
    with pytest.raises(DeconvError, match="No scheduler answers at tcp://nowhere:1"):
        drain(run)
