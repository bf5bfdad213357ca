"""Whatever a person names, at any door: words and an exit status, never Python's, never a wait."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load, save

import napari_deconv as nd
from napari_deconv.blocks import open_source
from napari_deconv.cli import main
from napari_deconv.core.errors import DeconvError
from napari_deconv.io import read, write
from napari_deconv.protocol.results import Writer, read_rows
from napari_deconv.restoration import weights
from napari_deconv.restoration.networks.fcnn import FCNN
from napari_deconv.train import library, project
from napari_deconv.train.recipe import Recipe
from napari_deconv.train.record import read_record, write_record

DISK = ["--psf", "disk:radius_px=1", "--method", "wiener"]
DEEP = "[" * 100_000


@pytest.fixture
def image(tmp_path: Path) -> Path:
    write(tmp_path / "i.png", (np.arange(400) % 251).astype("u1").reshape(20, 20))
    return tmp_path / "i.png"


def door(name: str, file: Path, image: Path) -> list[str]:
    """The command line that meets a file at a door."""
    out = str(image.parent / "out")
    folder, generator = str(image.parent), DISK[:2]
    network = ["--method", "fcnn", "--set", f"weights={file}"]
    one_method = ["--methods", "wiener"]
    bench = ["--images", folder, *one_method, "-o", f"{out}.csv"]
    return {
        "image": ["deconvolve", str(file), *DISK, "-o", f"{out}/"],
        "psf": ["deconvolve", str(image), "--psf", str(file), "-o", f"{out}.png"],
        "recipe": ["deconvolve", str(image), "--recipe", str(file), "-o", f"{out}.png"],
        "weights": ["deconvolve", str(image), *generator, *network, "-o", f"{out}.png"],
        "comparison": ["compare", str(file), "-o", out],
        "truth": ["compare", str(image), *one_method, *generator, "--truth", str(file), "-o", out],
        "data set": ["degrade", "--again", str(file), "-o", out],
        "sampler": ["degrade", folder, "--pairs", "1", "--sampler", str(file), "-o", out],
        "training": ["train", str(file), "--images", folder, "--out", out],
        "plot": ["train", "--plot", str(file)],
        "points": ["psf", "beads", str(image), "--points", str(file), "-o", f"{out}.tif"],
        "kernels": ["bench", "--kernels", str(file), *bench],
    }[name]  # fmt: skip


SUFFIXES = {"image": ".tif", "psf": ".npy", "truth": ".png", "kernels": ".npz", "points": ".csv"}
SUFFIXES |= {"weights": ".safetensors", "plot": ".jsonl"}
DOORS = ("image", "psf", "recipe", "weights", "comparison", "truth", "data set", "sampler",
         "training", "plot", "points", "kernels")  # fmt: skip


def in_words(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a refused command says; it must be words."""
    assert main([*argv, *(["--quiet"] if argv[0] != "bench" else [])]) in (1, 2)
    said = capsys.readouterr().err
    assert "napari-deconv: " in said, said
    for python in ("Errno", "--debug", "Traceback", "Error:"):
        assert python not in said, said
    return said


@pytest.mark.parametrize("name", DOORS)
def test_pipes_folders_and_impossible_names(
    name: str, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suffix = SUFFIXES.get(name, ".json")
    pipe, folder = image.parent / f"pipe{suffix}", image.parent / f"folder{suffix}"
    os.mkfifo(pipe)
    folder.mkdir()
    assert "pipe" in in_words(door(name, pipe, image), capsys)
    if name != "truth":  # which may be a folder
        in_words(door(name, folder, image), capsys)
    in_words(door(name, image.parent / f"none{suffix}", image), capsys)
    in_words(door(name, image.parent / f"{'x' * 300}{suffix}", image), capsys)
    in_words(door(name, image.parent / f"a\0b{suffix}", image), capsys)


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("content", [DEEP, "{bad", "[1]", '"x"', "", "\udcff"])
def test_files_of_another_content(
    name: str, content: str, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content == "" and name == "points":
        pytest.skip("an empty list of points warns in NumPy")
    file = image.parent / f"odd{SUFFIXES.get(name, '.json')}"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    in_words(door(name, file, image), capsys)


@pytest.mark.parametrize("name", [d for d in DOORS if d != "kernels"])
def test_permission(name: str, private: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = private / "shut" / f"a{SUFFIXES.get(name, '.json')}"
    assert "permission" in in_words(door(name, file, private / "open.png"), capsys)


@pytest.mark.parametrize("folder", ["shut", "fixed"])
def test_permission_to_write(
    folder: str, private: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, out = str(private / "open.png"), private / folder / "out"
    for argv in (
        ["deconvolve", image, *DISK, "-o", f"{out}.png"],
        ["degrade", image, *DISK[:2], "-o", f"{out}.png"],
        ["compare", image, "--methods", "wiener", *DISK[:2], "-o", str(out)],
        ["psf", "disk", "-o", f"{out}.tif"],
    ):
        assert "denied" in in_words(argv, capsys).lower(), argv


PSF = {"spec": {"name": "disk", "radius_px": 1.0}}
KERNEL = PSF | {"size": [3, 3], "pixel_size": [1, 1], "depths": 1}
SCENE = {"name": "scene", "psf": PSF["spec"], "chain": {"name": "chain"}}
PAIR = {"name": "a", "source": "i.png", "axes": None, "scene": SCENE}
ODD: tuple[Any, ...] = ("x", -1, 2.5, [1], {"a": 1}, True, None, float("nan"), 10**400, "a\0", [[]])
WIENER = {"name": "wiener", "nsr": 0.1}
PAIRS = {
    "format": "napari-deconv pairs 1",
    "gray": True,
    "sources": ".",
    "pairs": [PAIR],
    "seed": 0,
}
RECIPES: dict[str, tuple[dict[str, Any], str]] = {
    "recipe": (
        {"method": WIENER, "psf": KERNEL, "noise": 1.0, "refine_psf": 0},
        "method method.name method.nsr psf psf.spec psf.spec.name psf.spec.radius_px psf.size "
        "psf.pixel_size psf.depths psf.file psf.channels noise refine_psf channels device light",
    ),
    "comparison": (
        {"kind": "comparison", "methods": [WIENER], "image": {"path": "i.png"}, "psf": PSF}
        | {"truth": {}, "repeat": {}},
        "methods image image.path image.axes truth truth.path repeat.path psf psf.file psf.spec "
        "noise linear align border_px sweep rectangle",
    ),
    "data set": (
        PAIRS,
        "format gray sources pairs pairs.0 pairs.0.name pairs.0.source pairs.0.axes pairs.0.scene "
        "pairs.0.scene.psf pairs.0.scene.chain pairs.0.source_sha256",
    ),
    "training": (
        {"name": "training-recipe", "method": {"name": "fcnn"}, "steps": 1},
        "name method sampler sources patch_px start loss",
    ),
}


def altered(recipe: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """A copy with another value at a dotted place."""
    copy = inner = json.loads(json.dumps(recipe))
    *way, last = [int(step) if step.isdigit() else step for step in place.split(".")]
    for step in way:
        inner = inner[step]
    inner[last] = value
    return copy  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", RECIPES)
def test_no_field_of_a_recipe_ends_in_a_python_error(
    name: str, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, places = RECIPES[name]
    file = image.parent / "r.json"
    for place in places.split():
        for odd in ODD:
            recipe = altered(good, place, odd)
            file.write_text(json.dumps(recipe))
            shutil.rmtree(image.parent / "out", ignore_errors=True)
            if name == "training":
                with suppress(DeconvError):
                    Recipe.from_dict(recipe)
                continue
            main([*door(name, file, image), "--quiet"])
            said = capsys.readouterr().err
            assert "--debug" not in said and "Errno" not in said, (place, odd, said)


def test_notes_that_are_damaged_do_not_hide_the_image(tmp_path: Path) -> None:
    pixels = np.ones((8, 9), np.uint8)
    for number, content in enumerate((DEEP, "{bad", "[1]", "\x00")):
        write(tmp_path / f"{number}.png", pixels)
        (tmp_path / f"{number}.png.json").write_text(content)
        write(tmp_path / f"{number}.tif", pixels, recipe={"method": {"name": "wiener"}})
        raw = (tmp_path / f"{number}.tif").read_bytes()
        (tmp_path / f"{number}.tif").write_bytes(raw.replace(b'{"method"', b'}{method"'))
        for suffix in (".png", ".tif"):
            picture = read(tmp_path / f"{number}{suffix}")
            np.testing.assert_array_equal(picture.data, pixels)
            assert picture.recipe is None
    os.mkfifo(tmp_path / "pipe.png.json")
    write(tmp_path / "pipe.png", pixels)
    assert read(tmp_path / "pipe.png").recipe is None


@pytest.mark.parametrize("note", ["{bad", DEEP])
def test_a_damaged_note_does_not_hide_an_ome_image(tmp_path: Path, note: str) -> None:
    pixels = np.ones((8, 9), np.uint8)
    file = tmp_path / "a.ome.tif"
    write(file, pixels, recipe={"method": {"name": "x" * len(note)}})
    raw = file.read_bytes()
    begin = raw.index(b'{"method"')
    file.write_bytes(raw[:begin] + note.encode() + raw[begin + len(note) :])
    picture = read(file)
    np.testing.assert_array_equal(picture.data, pixels)
    assert picture.recipe is None and picture.axes == "YX"


def damaged_weights(file: Path, text: str, **meta: str | None) -> Path:
    """A weight file that is sound but for its header."""
    tensors = load((weights.FOLDER / "fcnn-1.safetensors").read_bytes())
    words = {"format": "1", "method": "fcnn", "sha256": weights._digest(tensors, text)}
    words |= {"header": text, **meta}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(save(tensors, {k: v for k, v in words.items() if v is not None}))
    return file


HEADERS = {
    "list": "[]",
    "null": "null",
    "deep": DEEP,
    "fields": '{"fields": [1]}',
    "recipe": '{"recipe": 5}',
    "scores": '{"scores": "x"}',
    "score": '{"scores": {"held_out_psnr": {"a": "b"}}}',
    "licence": '{"licence": 5}',
    "seconds": '{"seconds": "x"}',
    "noise": '{"recipe": {"noise_low": -1}}',
    "psfs": '{"recipe": {"sampler": {"psfs": 5}}}',
    "psf": '{"recipe": {"sampler": {"psfs": [5]}}}',
    "rows": '{"recipe": {"sampler": {"psfs": [{"rows": [[1], [1, 2]]}]}}}',
    "zero": '{"recipe": {"sampler": {"psfs": [{"rows": [[0]]}]}}}',
}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAPARI_DECONV_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.mark.parametrize("kind", HEADERS)
def test_one_odd_weight_file_takes_nothing_from_the_others(data: Path, kind: str) -> None:
    file = damaged_weights(data.parent / f"{kind}.safetensors", HEADERS[kind])
    with pytest.raises(DeconvError, match="not a weight file of ours"):
        library.add(file, kind)
    shutil.copy(file, damaged_weights(data / "weights" / "good.safetensors", "{}").parent)
    (entry,) = library.entries()
    assert entry.name == "good" and entry.score != entry.score and entry.psf is None
    assert library.matches("dcnn", np.ones((3, 3)) / 9)  # those of the package


@pytest.mark.parametrize("missing", ["format", "method", "sha256", "header"])
def test_weights_without_a_word_are_not_ours(tmp_path: Path, missing: str) -> None:
    file = damaged_weights(tmp_path / "a.safetensors", "{}", **{missing: None})
    with pytest.raises(DeconvError, match=f"has no '{missing}'"):
        weights.read_weights(file, "fcnn")
    assert weights.read_header(damaged_weights(file, "{}"))["method"] == "fcnn"


def test_weights_in_other_number_formats_are_read_and_infinite_ones_refused(tmp_path: Path) -> None:
    import torch

    tensors = load((weights.FOLDER / "fcnn-1.safetensors").read_bytes())
    for kind in (torch.bfloat16, torch.float32, torch.float8_e4m3fn):
        other = {k: t.to(kind) for k, t in tensors.items()}
        words = {
            "format": "1",
            "method": "fcnn",
            "sha256": weights._digest(other, "{}"),
            "header": "{}",
        }
        (tmp_path / "a.safetensors").write_bytes(save(other, words))
        found, _ = weights.read_weights(tmp_path / "a.safetensors", "fcnn")
        assert all(torch.equal(t.float(), found[k].float()) for k, t in other.items())
    key = min(tensors)
    broken = tensors | {key: torch.full_like(tensors[key], torch.inf)}
    words["sha256"] = weights._digest(broken, "{}")
    (tmp_path / "a.safetensors").write_bytes(save(broken, words))
    with pytest.raises(DeconvError, match="not finite"):
        weights.read_weights(tmp_path / "a.safetensors", "fcnn")


def test_a_data_folder_that_may_not_be_entered_disables_nothing(
    private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_DECONV_DATA", str(private / "shut" / "data"))
    assert weights.locate("fcnn-1").parent == weights.FOLDER
    assert library.entries() == [] and project.unfinished() == []
    assert library.matches("dcnn", np.ones((3, 3)) / 9)
    for call in (library.check, library.get, weights.locate):
        with pytest.raises(DeconvError, match="permission is denied"):
            call("mine")


LINE = '{"step": 200, "seconds": 60, "loss": 1.0, "psnr": [20.0]}\n'


@pytest.mark.parametrize("torn", ['{"step": 400, "sec', "\x00" * 30, '{"step": 400}', DEEP, "5"])
def test_a_torn_record_does_not_stop_a_training(tmp_path: Path, torn: str) -> None:
    log = tmp_path / "run" / "log.jsonl"
    log.parent.mkdir()
    for text in (LINE + torn, torn + "\n" + LINE):
        log.write_text(text)
        assert [entry["step"] for entry in read_record(log)] == [200]
    assert project.Project("n", Recipe(method=FCNN()), 1.0, tmp_path).spent == 1.0
    write_record(log, read_record(log))
    assert [entry["loss"] for entry in read_record(log)] == [1.0]
    log.write_text(torn)  # killed while the first line was written
    assert read_record(log) == [] == read_record(tmp_path / "none")


def test_one_odd_training_hides_no_other(data: Path) -> None:
    made = project.Project("mine", Recipe(method=FCNN()), 5.0, data / "trainings" / "m")
    made.folder.mkdir(parents=True)
    made.save()
    whole = json.loads((made.folder / "project.json").read_text())
    odd: list[Any] = [[], DEEP, "{"]
    odd += [{k: v for k, v in whole.items() if k != key} for key in ("process", "recipe", "name")]
    odd += [
        whole | {key: value} for key, value in (("process", "x"), ("minutes", -1), ("recipe", 5))
    ]
    for number, content in enumerate(odd):
        folder = data / "trainings" / f"{number}"
        folder.mkdir()
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / "project.json").write_text(text)
    assert [one.name for one in project.unfinished()] == ["mine"]


def test_a_table_of_results_that_is_none(tmp_path: Path) -> None:
    for content in (b"\xff\xfe\n", b"a,b\n", b'"' + b"x" * 200_000 + b'"\n', b"\0\0\n"):
        (tmp_path / "r.csv").write_bytes(content)
        with pytest.raises(DeconvError):
            read_rows(tmp_path / "r.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    for call in (read_rows, Writer):
        with pytest.raises(DeconvError, match="not a file"):
            call(tmp_path / "pipe.csv")


@pytest.mark.parametrize("version", [2, 3])
def test_a_collection_names_an_image_that_is_there(tmp_path: Path, version: Any) -> None:
    import zarr

    def say(group: Any, **words: Any) -> None:
        group.attrs.update(words if version == 2 else {"ome": words})

    plate = zarr.create_group(tmp_path / "p.zarr", zarr_format=version)
    say(plate, plate={"wells": [{"path": "B/03"}]})
    well = plate.create_group("B/03")
    say(well, well={"images": [{"path": "7"}]})
    with pytest.raises(DeconvError, match=r"Give one of the images in it\."):
        open_source(tmp_path / "p.zarr")
    array = well.create_group("7").create_array("0", shape=(8, 8), dtype="u1", fill_value=1)
    say(well["7"], multiscales=[{"datasets": [{"path": "0"}], "version": "0.4"}])
    assert array.shape == (8, 8)
    for where in ("p.zarr", "p.zarr/B/03"):
        with pytest.raises(DeconvError) as caught:
            open_source(tmp_path / where)
        example = Path(caught.value.remedy.rpartition("example ")[2].rstrip("."))
        assert open_source(example, axes="YX").array.shape == (8, 8)


def test_an_unfinished_run_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    from napari_deconv.blocks.job import Progress

    progress = Progress(tmp_path / "o.zarr")
    progress.folder.mkdir()
    for text in (
        DEEP,
        "[]",
        "{}",
        '{"request": {}, "job": {}}',
        '{"request": {}, "job": {"parts": [1]}}',
    ):
        (progress.folder / "job.json").write_text(text)
        with pytest.raises(DeconvError, match="Remove that folder"):
            progress.resume({})
    (progress.folder / "done.txt").write_bytes(b"\n000000003\n\xff\xff\n00000\n\xc2\xb20000000\n")
    assert progress.done() == {3}


def test_a_method_is_made_first_thing_in_a_process() -> None:
    script = (
        "from napari_deconv.restoration.base import Method; print(Method.make('tv', iterations=30))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "Total variation(iterations=30)"


def test_long_numbers_are_numbers() -> None:
    image = np.random.default_rng(0).random((16, 16))
    psf = nd.psf.Disk(radius_px=np.longdouble(1))()
    usual = nd.deconvolve(image, psf, "wiener", noise=0.01)
    wide = nd.deconvolve(
        image.astype(np.longdouble), psf.astype(np.longdouble), "wiener", noise=np.longdouble(0.01)
    )
    assert wide.dtype == np.longdouble
    np.testing.assert_allclose(wide.astype(float), usual, atol=1e-5)
