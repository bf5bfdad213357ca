"""What a person names is looked at without Python's own words, and without waiting."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from annotated_types import Ge

from napari_deconv.core import paths
from napari_deconv.core.checks import as_object, checked, field
from napari_deconv.core.errors import DeconvError
from napari_deconv.core.json_text import parse_json, read_json, read_object
from napari_deconv.core.words import in_words, named, refusal


def words(call: Any, *arguments: Any) -> str:
    with pytest.raises(DeconvError) as caught:
        call(*arguments)
    assert "Error" not in str(caught.value) and "Errno" not in str(caught.value)
    return str(caught.value)


def test_kinds_of_what_lies_at_a_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    kinds = {name: paths.kind_at(tmp_path / name) for name in ("file", "pipe", "link", "none")}
    assert kinds == {"file": "file", "pipe": "device", "link": "file", "none": ""}
    assert paths.kind_at(tmp_path) == "folder" and paths.kind_at("/dev/null") == "device"
    assert paths.kind_at(tmp_path / "file" / "below") == ""


@pytest.mark.parametrize(
    ("name", "said"),
    [("a\0b", "not a name"), ("x" * 300, "too long"), ("ring", "circle"), ("\ud800", "")],
)
@pytest.mark.parametrize("call", [paths.kind_at, paths.open_file, paths.inside, paths.make_folder])
def test_impossible_names_are_refused_in_words(
    tmp_path: Path, name: str, said: str, call: Any
) -> None:
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    if name == "ring" and call is paths.make_folder:
        said = "is not a folder"
    if name == "\ud800" and call is not paths.kind_at:
        return
    if name == "\ud800":
        assert paths.kind_at(tmp_path / "none") == ""  # a lone surrogate may be any file's name
        return
    assert said in words(call, tmp_path / name)


def test_only_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "pipe or a device" in words(paths.open_file, tmp_path / "pipe")
    assert "pipe or a device" in words(paths.read_text, "/dev/zero")
    assert "is a folder" in words(paths.read_bytes, tmp_path)
    assert "does not exist" in words(paths.check_readable, tmp_path / "none")
    (tmp_path / "big").write_bytes(b"\xff" * 9)
    assert "more than 8 bytes" in words(paths.read_bytes, tmp_path / "big", 8)
    assert "not text" in words(paths.read_text, tmp_path / "big")
    assert paths.read_bytes(tmp_path / "big", 9) == b"\xff" * 9


def test_folders_are_listed_or_refused(tmp_path: Path) -> None:
    (tmp_path / "b").touch()
    (tmp_path / "a").mkdir()
    assert [p.name for p in paths.inside(tmp_path)] == ["a", "b"]
    assert "no folder" in words(paths.inside, tmp_path / "b")
    assert "not a folder" in words(paths.make_folder, tmp_path / "b")
    assert paths.make_folder(tmp_path / "c" / "d").is_dir()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\0", "x" * 201, "a\nb"])
def test_names_that_lead_elsewhere_are_not_plain(name: str) -> None:
    assert "plain file name" in words(paths.check_plain_name, "name", name)


def test_permission_is_called_that(private: Path) -> None:
    inner = private / "shut" / "file"
    for call in (paths.exists, paths.is_folder, paths.open_file, paths.inside):
        assert "permission is denied" in words(call, inner), call
    assert "permission is denied" in words(paths.read_bytes, private / "unreadable")
    assert "permission is denied" in words(paths.make_folder, private / "fixed" / "new")


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100 + "1" + "}" * 100, "{bad", "", "9" * 5000]
)
def test_json_that_cannot_be_read_is_refused_in_words(tmp_path: Path, text: str) -> None:
    assert "The note cannot be read" in words(parse_json, text, "The note")
    (tmp_path / "f.json").write_text(text)
    assert f"{tmp_path / 'f.json'} cannot be read" in words(read_json, tmp_path / "f.json")


def test_json_of_our_own_depth_is_read(tmp_path: Path) -> None:
    deep = json.loads("[" * 60 + "]" * 60)
    (tmp_path / "f.json").write_text(json.dumps(deep), encoding="utf-8-sig")
    assert read_json(tmp_path / "f.json") == deep
    assert "holds no object" in words(read_object, tmp_path / "f.json")


def test_fields_of_an_object_are_checked() -> None:
    data = {"n": 3, "size": [3, 5], "none": None}
    assert field("r", data, "n", Annotated[int, Ge(1)]) == 3
    assert field("r", data, "size", tuple[int, ...]) == (3, 5)
    assert field("r", data, "none", int, 7) == field("r", data, "missing", int, 7) == 7
    assert "r has no 'missing'" in words(field, "r", data, "missing", int)
    for wrong in ("x", [1], {}, float("nan"), 2.5, True):
        assert "r: n = " in words(field, "r", {"n": wrong}, "n", int)
    assert "is not an object" in words(as_object, "r", [1])
    assert len(words(field, "r", {"n": "x" * 10_000}, "n", int)) < 250


def test_numbers_of_any_width_are_numbers() -> None:
    for value in (np.longdouble(2), np.float16(2), np.int8(2), np.array(2.0)):
        assert checked("a", value, float) == 2.0 and type(checked("a", value, float)) is float
        assert checked("a", value, int) == 2 and type(checked("a", value, int)) is int


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DeconvError("It.", "Do."), "It. Do."),
        (PermissionError(13, "Permission denied", "f"), "f may not be used: permission is denied."),
        (FileNotFoundError(2, "No such file", b"f"), "f does not exist."),
        (OSError(5, "Input/output error", "f"), "f could not be used: Input/output error."),
        (OSError("short read"), "X failed: short read."),
        (MemoryError(), "X failed: memory ran out."),
        (RecursionError(), "nested too deep"),
        (ModuleNotFoundError("no", name="dask"), "pip install dask"),
        (ValueError("odd"), "X failed: odd"),
    ],
)
def test_every_exception_has_words(error: Exception, said: str) -> None:
    assert said in str(in_words(error, "X failed"))


def test_names_in_messages_are_printable_and_short() -> None:
    assert named("a.tif") == "a.tif"
    assert named("a\0b") == r"'a\x00b'" and len(named("x" * 5000)) < 200
    assert "\n" not in str(refusal("a\nb", PermissionError(13, "no")))
