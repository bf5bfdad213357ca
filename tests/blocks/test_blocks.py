"""Images larger than memory: block-wise equals whole, resumed equals undisturbed, faults named."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from napari_deconv import methods, psf
from napari_deconv.__main__ import main
from napari_deconv.blocks import Outcome, open_source, stream_blocks, work
from napari_deconv.core.errors import DeconvError
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.io import read
from napari_deconv.restoration.base import Method

methods()
WIENER = Method.make("wiener")
KERNEL = psf.Gaussian(sigma_px=(0.8, 0.9, 0.9))()
FLAT = psf.Gaussian(sigma_px=0.9)()
SPACING = (0.3, 0.1, 0.1)


def scene(*shape: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    image = np.zeros(shape)
    image[tuple(rng.integers(0, n, image.size // 400) for n in shape)] = 900
    smooth = image
    for axis in range(-3, 0):
        smooth = (smooth + np.roll(smooth, 1, axis) + np.roll(smooth, -1, axis)) / 3
    return rng.poisson(smooth * 9 + 100).astype(np.uint16)


def ome_zarr(path: Path, image: np.ndarray, axes: str, version: str, chunks: Any) -> Path:
    """Written by hand after the specification, with two levels and a translation."""
    kind: Any = {"0.4": 2, "0.5": 3}[version]
    group = zarr.create_group(str(path), zarr_format=kind)
    small = image[..., ::2, ::2]
    for level, data in enumerate((image, small)):
        array = group.create_array(
            str(level),
            shape=data.shape,
            dtype=data.dtype,
            chunks=tuple(map(min, chunks, data.shape)),
        )
        array[...] = data
    units = {a: {"unit": "micrometer"} for a in "ZYX"}
    sizes = [dict(zip("ZYX", SPACING, strict=True)).get(a, 1.0) for a in axes]
    shift = [5.0 if a == "Y" else 0.0 for a in axes]
    kinds = {"T": "time", "C": "channel"}
    twice = [2 if a in "YX" else 1 for a in axes]
    datasets = [
        {
            "path": str(level),
            "coordinateTransformations": [
                {"type": "scale", "scale": list(np.multiply(sizes, np.power(twice, level)))},
                {"type": "translation", "translation": shift},
            ],
        }
        for level in (0, 1)
    ]
    one = {
        "axes": [
            {"name": a.lower(), "type": kinds.get(a, "space"), **units.get(a, {})} for a in axes
        ],
        "datasets": datasets,
    }
    omero = {"channels": [{"label": "DAPI", "color": "0000FF"}]}
    if version == "0.5":
        group.attrs["ome"] = {"version": "0.5", "multiscales": [one], "omero": omero}
    else:
        group.attrs.update({"multiscales": [one | {"version": "0.4"}], "omero": omero})
    return path


def run(
    source: Any, target: Path, kernel: Any = KERNEL, method: Any = WIENER, **options: Any
) -> Any:
    options = {"noise": 10.0, "device": "cpu", "memory_bytes": 40_000_000} | options
    return drain(stream_blocks(method, source, target, kernel, **options))


def level(target: Path, number: int = 0) -> np.ndarray:
    return np.asarray(zarr.open_group(str(target), mode="r")[str(number)])


def whole(image: np.ndarray, axes: str, kernel: Any = KERNEL, method: Any = WIENER) -> np.ndarray:
    # The same samples tell the intensities of an array that is read lazily.
    lazy = zarr.array(image, chunks=(1,) * (image.ndim - 2) + (64, 64))
    options = {"noise": 10.0, "spacing": SPACING[-kernel.ndim :], "device": "cpu"}
    return drain(stream(method, lazy, kernel, axes=axes, **options)).data


@pytest.fixture(scope="module")
def volume() -> np.ndarray:
    return scene(12, 96, 300)


@pytest.fixture(scope="module")
def zarr5(volume: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ome_zarr(tmp_path_factory.mktemp("in") / "in.zarr", volume, "ZYX", "0.5", (8, 64, 64))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_block_wise_is_whole_and_keeps_what_the_file_says(
    volume: np.ndarray, tmp_path: Path, version: str
) -> None:
    source = ome_zarr(tmp_path / "in.zarr", volume, "ZYX", version, (8, 64, 64))
    outcome: Outcome = run(source, tmp_path / "out.zarr")
    assert outcome.blocks > 2 and not outcome.failed
    found, wanted = level(outcome.target), whole(volume, "ZYX")
    assert found.dtype == volume.dtype
    gap = np.abs(found.astype(float) - wanted).max() / np.ptp(wanted.astype(float))
    assert gap < 1e-3
    before, after = open_source(source), open_source(outcome.target)
    assert after.version == version
    assert (
        after.picture.pixel_size
        == before.picture.pixel_size
        == dict(zip("ZYX", SPACING, strict=True))
    )
    assert after.transform == before.transform and after.units == before.units
    assert after.omero == before.omero
    assert any("level 0" in note.text for note in outcome.notes)
    assert not (tmp_path / "out.zarr.progress").exists()
    recipe = dict(zarr.open_group(str(outcome.target)).attrs)["napari_deconv"]
    assert recipe["method"]["name"] == "wiener"


def test_levels_are_means_and_their_transforms_fit(zarr5: Path, tmp_path: Path) -> None:
    run(zarr5, tmp_path / "out.zarr")
    fine, coarse = level(tmp_path / "out.zarr").astype(float), level(tmp_path / "out.zarr", 1)
    assert coarse.shape == (12, 48, 150)  # z is coarser than that already
    np.testing.assert_allclose(coarse, fine.reshape(12, 48, 2, 150, 2).mean((2, 4)), atol=0.51)
    attributes = dict(zarr.open_group(str(tmp_path / "out.zarr")).attrs)["ome"]
    steps = attributes["multiscales"][0]["datasets"][1]["coordinateTransformations"]
    np.testing.assert_allclose(steps[0]["scale"], (0.3, 0.2, 0.2))
    np.testing.assert_allclose(steps[1]["translation"], (0, 5.05, 0.05))


def test_shards_gather_chunks(zarr5: Path, tmp_path: Path) -> None:
    run(zarr5, tmp_path / "plain.zarr")
    run(zarr5, tmp_path / "shards.zarr", sharded=True, memory_bytes=120_000_000)
    array: Any = zarr.open_group(str(tmp_path / "shards.zarr"))["0"]
    assert array.shards[-1] == 4 * array.chunks[-1]
    gap = np.abs(level(tmp_path / "plain.zarr").astype(float) - level(tmp_path / "shards.zarr"))
    assert gap.max() <= 1e-3 * np.ptp(level(tmp_path / "plain.zarr"))
    with pytest.raises(DeconvError, match="no shards"):
        run(zarr5, tmp_path / "old.zarr", sharded=True, version="0.4")


class Killed(BaseException):
    """As sudden as a signal."""


@pytest.mark.parametrize("kills", [(0,), (1, 1)])
def test_goes_on_after_a_kill_without_redoing_blocks(
    zarr5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: tuple[int, ...]
) -> None:
    undisturbed = run(zarr5, tmp_path / "a.zarr")
    done: list[int] = []
    original = work.write

    def dying(after: int) -> Any:
        left = [after]

        def write(job: Any, number: int, block: Any) -> None:
            if not left[0]:
                raise Killed
            left[0] -= 1
            done.append(number)
            original(job, number, block)

        return write

    for after in kills:
        monkeypatch.setattr(work, "write", dying(after))
        with pytest.raises(Killed):
            run(zarr5, tmp_path / "b.zarr")
    monkeypatch.setattr(work, "write", dying(1000))
    resumed = run(zarr5, tmp_path / "b.zarr")
    assert sorted(done) == list(range(undisturbed.blocks))
    assert resumed.finished_before == sum(kills)
    for number in (0, 1):
        np.testing.assert_array_equal(
            level(resumed.target, number), level(undisturbed.target, number)
        )


def test_another_run_does_not_go_on_with_this_one(
    zarr5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "write", lambda *_: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        run(zarr5, tmp_path / "out.zarr")
    with pytest.raises(DeconvError, match="unfinished run with another method"):
        run(zarr5, tmp_path / "out.zarr", method=Method.make("tikhonov"))
    monkeypatch.undo()
    run(zarr5, tmp_path / "out.zarr")
    again = run(zarr5, tmp_path / "out.zarr")
    assert again.finished_before == again.blocks and "finished already" in again.notes[0].text
    with pytest.raises(DeconvError, match="exists already"):
        run(zarr5, tmp_path / "out.zarr", method=Method.make("tikhonov"))


def test_a_broken_chunk_is_named_and_mended_later(volume: np.ndarray, tmp_path: Path) -> None:
    source = ome_zarr(tmp_path / "in.zarr", volume, "ZYX", "0.5", (8, 64, 64))
    chunk = source / "0" / "c" / "0" / "0" / "0"
    good = chunk.read_bytes()
    chunk.write_bytes(b"no zstd frame")
    outcome = run(source, tmp_path / "out.zarr", spacing=SPACING)
    assert 0 < len(outcome.failed) < outcome.blocks
    where, why = next(iter(outcome.failed.items()))
    assert "Z 0 to" in where and "chunk could not be read" in why
    chunk.write_bytes(good)
    mended = run(source, tmp_path / "out.zarr", spacing=SPACING)
    assert mended.finished_before == outcome.blocks - len(outcome.failed) and not mended.failed
    assert level(mended.target)[:8, :64, :64].any()


def test_a_full_disk_is_named_and_finished_blocks_stay(
    zarr5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = work._target, []

    class Full:
        def __setitem__(self, index: Any, value: Any) -> None:
            calls.append(index)
            if len(calls) > 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            original(str(tmp_path / "out.zarr"))[index] = value

    monkeypatch.setattr(work, "_target", lambda path: Full())
    monkeypatch.setattr(work, "forget", lambda: None)
    with pytest.raises(DeconvError, match=r"No space is left for .*out.zarr"):
        run(zarr5, tmp_path / "out.zarr")
    monkeypatch.undo()
    assert run(zarr5, tmp_path / "out.zarr").finished_before == 2


def test_memory_that_runs_out_halves_the_block(
    zarr5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_deconv.engine.run import Run

    whole_blocks, original = run(zarr5, tmp_path / "a.zarr"), Run.restored

    def tight(self: Any, block: Any, tile: Any, *rest: Any) -> Any:
        if tile.core[-1].stop - tile.core[-1].start > 40:
            raise MemoryError
        return original(self, block, tile, *rest)

    monkeypatch.setattr(Run, "restored", tight)
    halves = run(zarr5, tmp_path / "b.zarr")
    assert not halves.failed
    wanted = level(whole_blocks.target).astype(float)
    assert np.abs(level(halves.target) - wanted).max() < 2e-3 * np.ptp(wanted)


def test_a_series_with_a_psf_per_channel(tmp_path: Path) -> None:
    series = scene(2, 2, 2, 40, 44)
    source = ome_zarr(tmp_path / "in.zarr", series, "TCZYX", "0.4", (1, 1, 2, 32, 32))
    other = psf.Gaussian(sigma_px=0.8)()
    method = Method.make("richardson-lucy", accelerate=True)
    outcome = run(
        source, tmp_path / "out.zarr", {0: FLAT, 1: other}, method, memory_bytes=1_000_000_000
    )
    assert not outcome.failed
    for channel, kernel in enumerate((FLAT, other)):
        count = outcome.recipe["channels"][channel]["chosen"]["iterations"]
        alone = whole(series[:, channel], "TZYX", kernel, method.but(iterations=count))
        found = level(outcome.target)[:, channel].astype(float)
        assert np.abs(found - alone).max() <= 1e-3 * np.ptp(alone)


def test_a_sparse_block_costs_next_to_nothing_and_is_right(tmp_path: Path) -> None:
    image = np.full((12, 64, 400), 7, np.uint16)
    image[:, 10:40, 10:40] = scene(12, 30, 30)
    source = ome_zarr(tmp_path / "in.zarr", image, "ZYX", "0.5", (12, 64, 64))
    method = Method.make("richardson-lucy", iterations=10)
    outcome = run(source, tmp_path / "out.zarr", method=method, memory_bytes=4_000_000)
    found, wanted = level(outcome.target).astype(float), whole(image, "ZYX", method=method)
    assert np.abs(found - wanted).max() <= max(1, 1e-3 * np.ptp(wanted))


def test_tiff_goes_in_with_its_voxel_size(volume: np.ndarray, tmp_path: Path) -> None:
    meta = {"axes": "ZYX", "spacing": 0.3, "unit": "um"}
    tifffile.imwrite(tmp_path / "in.tif", volume, imagej=True, resolution=(10, 10), metadata=meta)
    outcome = run(tmp_path / "in.tif", tmp_path / "out.zarr")
    wanted = whole(volume, "ZYX").astype(float)
    assert np.abs(level(outcome.target) - wanted).max() < 1e-3 * np.ptp(wanted)
    after = open_source(outcome.target)
    assert outcome.blocks > 1
    assert after.version == "0.5" and after.units == dict.fromkeys("ZYX", "micrometer")
    np.testing.assert_allclose(after.transform["scale"], SPACING)


def test_bad_sources_are_named(tmp_path: Path) -> None:
    zarr.create_group(str(tmp_path / "plate.zarr")).attrs["plate"] = {"wells": []}
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((9, 9, 3), np.uint8), photometric="rgb")
    (tmp_path / "text.tif").write_text("no image")
    for name, words in {
        "none.zarr": "does not exist",
        "plate.zarr": "plate or well",
        "rgb.tif": "colour samples",
        "text.tif": "could not be opened",
    }.items():
        with pytest.raises(DeconvError, match=words):
            open_source(tmp_path / name)


def test_the_command_line_writes_an_ome_zarr_and_says_what_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = ome_zarr(tmp_path / "in.zarr", scene(6, 40, 44), "ZYX", "0.4", (1, 32, 32))
    common = ["deconvolve", str(source), "--psf", "gaussian:sigma_px=0.9", "--method", "wiener"]
    common += ["--device", "cpu", "--noise", "10"]
    assert main([*common, "-o", str(tmp_path / "out.zarr")]) == 0
    assert "level 0" in capsys.readouterr().err
    assert open_source(tmp_path / "out.zarr").version == "0.4"
    (source / "0" / "3.0.0").write_bytes(b"broken")
    assert main([*common, "-o", str(tmp_path / "b.zarr"), "--ome-zarr", "0.5"]) == 1
    said = capsys.readouterr().err
    assert "block Z 3, Y 0 to 40, X 0 to 44: A chunk could not be read" in said
    assert "1 of 6 blocks are missing" in said
    assert main([*common, "-o", str(tmp_path / "out.tif")]) == 1  # which holds all or nothing
    assert "could not be read in whole" in capsys.readouterr().err
    (source / "0" / "3.0.0").unlink()  # no chunk is a chunk of 0
    assert main([*common, "-o", str(tmp_path / "out.ome.tif"), "--quiet"]) == 0
    assert read(tmp_path / "out.ome.tif").axes == "ZYX"
