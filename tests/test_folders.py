"""What lies in a folder and is not an input: partial files, twins, hidden things."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_deconv.cli.batch import plan
from napari_deconv.cli.compare import _Comparing, _jobs
from napari_deconv.cli.report import Reporter
from napari_deconv.degradation.sources import listed
from napari_deconv.io import Guard, files_in, write
from napari_deconv.protocol.kernels import kernels_in
from napari_deconv.protocol.scenes import images_in
from napari_deconv.restoration.weights import FOLDER
from napari_deconv.train import library
from napari_deconv.train.images import read_gray

LEFT = ("._a.png", ".a.napari-deconv-0123abcd.part.png", ".a.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "in"
    inside.mkdir()
    for name in ("a.png", "b.PNG"):
        write(inside / name, np.arange(4096, dtype="u1").reshape(64, 64))
    for name in LEFT:
        (inside / name).write_bytes(b"\0\5\26\7 no picture")
    (inside / "c.png").mkdir()
    return inside


def test_every_door_passes_over_hidden_files(folder: Path, tmp_path: Path) -> None:
    names = ["a.png", "b.PNG"]
    assert [p.name for p in files_in(folder, (".png",))] == names
    assert [job.source.name for job in plan([str(folder)], str(tmp_path / "out"))] == names
    assert listed(folder)[2] == names
    assert [p.name for p in images_in(folder)] == names
    images, skipped = read_gray(folder, 32, 2)
    assert len(images) == 2 and not skipped
    assert len(kernels_in(folder).kernels) == 2
    jobs = _jobs(SimpleNamespace(), folder, [str(folder)], tmp_path)
    assert [job.source.name for job in jobs] == names


def test_truth_is_no_twin(folder: Path) -> None:
    args = SimpleNamespace(truth=str(folder), inputs=["x"])
    assert (
        _Comparing(None, folder, args, Reporter(quiet=True), Guard())._truth(folder / "._a.tif")
        is None
    )


def test_the_library_lists_no_partial_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_DECONV_DATA", str(tmp_path))
    assert library.entries() == []
    own = library.own_folder()
    own.mkdir(parents=True)
    raw = next(FOLDER.glob("odcnn*.safetensors")).read_bytes()
    (own / ".mine.napari-deconv-0123abcd.part.safetensors").write_bytes(raw[: len(raw) // 2])
    (own / "._mine.safetensors").write_bytes(raw)
    assert library.entries() == []
