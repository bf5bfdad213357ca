"""An output that its format cannot hold is refused before the work, by every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_deconv.cli import main
from napari_deconv.core.errors import DeconvError
from napari_deconv.io import Picture, read, write
from napari_deconv.io.trial import check_format
from napari_deconv.restoration.wiener import Wiener

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RNG = np.random.default_rng(0)
PIXELS = {
    "real": (RNG.random((24, 24)).astype(np.float32), "YX"),
    "half": (RNG.random((24, 24)).astype(np.float16), "YX"),
    "deep": (RNG.integers(0, 65535, (24, 24)).astype(np.uint16), "YX"),
    "clear": (RNG.integers(1, 255, (24, 24, 4)).astype(np.uint8), "YXS"),
    "stack": (RNG.integers(0, 255, (3, 24, 24)).astype(np.uint8), "ZYX"),
}
CASES = [
    ("real", "o.png"), ("deep", "o.jpg"), ("clear", "o.jpg"), ("stack", "o.png"),
    ("half", "o.ome.tif"), ("real", "o.jpeg"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, name: str
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("it worked before it looked")

    monkeypatch.setattr(Wiener, "steps", never)
    data, axes = PIXELS[kind]
    np.save(tmp_path / "a.npy", data)
    write(tmp_path / "b.tif", data, axes=axes)
    monkeypatch.chdir(tmp_path)
    psf = ["--psf", "disk:radius_px=2", "--quiet"]
    for source, more in (("b.tif", []), ("a.npy", ["--axes", axes])):
        options = [*psf, *more, "-o", name]
        assert main(["deconvolve", source, "--method", "wiener", *options]) == 1
        assert main(["degrade", source, *options]) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npy", "b.tif"]


@pytest.mark.parametrize("kind", PIXELS)
@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.png", "a.jpg", "a.npy"])
def test_the_trial_says_what_writing_says(tmp_path: Path, kind: str, name: str) -> None:
    data, axes = PIXELS[kind]
    like = Picture(data=data, axes=axes)
    said = [_refusal(door, tmp_path / name, like) for door in (_write, check_format)]
    assert said[0] == said[1]
    if not said[0]:
        assert read(tmp_path / name).data.shape == data.shape


def _write(path: Path, like: Picture) -> None:
    write(path, like.data, like=like)


def _refusal(door: Callable[[Path, Picture], None], path: Path, like: Picture) -> str:
    try:
        door(path, like)
    except DeconvError as error:
        return error.remedy
    return ""
