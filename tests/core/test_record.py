"""Records that others wrote: each field is checked, and none of them gets to act."""

from __future__ import annotations

import ast
import shlex
from typing import Any

import pytest

from napari_deconv.core.errors import DeconvError
from napari_deconv.core.record import Note, RunRecord
from napari_deconv.core.shell import command_line

GOOD: dict[str, Any] = {
    "method": {"name": "wiener", "nsr": 0.1},
    "psf": {"spec": {"name": "disk", "radius_px": 2.0}, "size": [5, 5], "pixel_size": [1, 1]},
    "axes": "YX",
    "noise": 2.0,
    "path": "photo.tif",
}
EVIL = "');import os;os.abort()#"


class Bomb:
    def __repr__(self) -> str:
        return "__import__('os').abort()"


def but(**fields: Any) -> dict[str, Any]:
    return GOOD | fields


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "recipe",
        {},
        {"method": "wiener"},
        but(noise="loud"),
        but(noise=float("nan")),
        but(axes=5),
        but(nan="explode"),
        but(light="candle"),
        but(refine_psf="1); os.abort("),
        but(spacing=["a", "b"]),
        but(path=["a.tif"]),
        but(channels=[5]),
        but(channels={"psf": {}}),
        but(psf=[]),
        but(psf={"spec": {"radius_px": 2}}),
        but(psf={"spec": "disk"}),
        but(psf={"size": "5); os.abort("}),
        but(psf={"file": 5}),
        but(psf={"spec": {"name": "wide-field"}, "depths": 3, "planes": "9"}),
        but(psf={"spec": {"name": "wide-field"}, "depths": 3}),
        but(psf={"channels": [{"channel": "0", "file": "a.tif"}]}),
        but(psf={"channels": [{"file": "a.tif"}]}),
        but(psf={"file": "a.tif", "repaired": True, "repair": {EVIL: 1}}),
        but(method={"name": "wiener", "nsr": Bomb()}),
        but(method={"name": Bomb()}),
        but(method={"name": "wiener", 5: 5}),
        but(anything=Bomb()),
    ],
)
def test_a_field_that_does_not_fit_gets_words(data: object) -> None:
    with pytest.raises(DeconvError):
        RunRecord.from_dict(data)


@pytest.mark.parametrize(
    "data",
    [
        but(method={"name": EVIL}),
        but(method={"name": "wiener", "weights": EVIL}),
        but(method={"name": "wiener", "weights": {EVIL: [EVIL]}}),
        but(axes=EVIL),
        but(path=EVIL),
        but(path="", source=f"{EVIL}\n{EVIL}"),
        but(psf={"file": EVIL}),
        but(psf={"layer": EVIL}),
        but(psf={"spec": {"name": EVIL, "radius_px": EVIL}}),
        but(psf={"channels": [{"channel": 0, "file": EVIL}, {"channel": 1, "layer": EVIL}]}),
    ],
)
def test_hostile_text_stands_in_a_script_as_a_literal(data: dict[str, Any]) -> None:
    script = RunRecord.from_dict(data).as_python()
    allowed = {"read", "deconvolve", "make", "load", "from_array", "repair"}
    for node in ast.walk(ast.parse(script)):
        if isinstance(node, ast.Import):
            raise AssertionError(script)
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            assert name in allowed or isinstance(called, ast.Call), script
    assert any(EVIL in str(c.value) for c in ast.walk(ast.parse(script)) if type(c) is ast.Constant)


@pytest.mark.parametrize("key", [EVIL, "x=1, y", "lambda", "axes", "noise", ""])
def test_a_field_that_is_no_name_gets_into_no_script(key: str) -> None:
    record = RunRecord.from_dict(but(method={"name": "wiener", key: 1}))
    with pytest.raises(DeconvError, match="field"):
        record.as_python()


@pytest.mark.parametrize(
    "data",
    [
        but(method={"name": "--overwrite"}),
        but(method={"name": "wiener", "weights": "a,iterations=9"}),
        but(method={"name": "wiener", "nsr=1,x": 1}),
        but(psf={"spec": {"name": "disk", "radius_px": "1\nrm -r ."}}),
        but(path="a\nrm -r .\n.tif"),
        but(psf={"file": "\x1b[2J"}),
    ],
)
def test_what_a_command_line_would_act_on_gets_words(data: dict[str, Any]) -> None:
    with pytest.raises(DeconvError, match="cannot stand in a command line"):
        RunRecord.from_dict(data).as_command()


def test_a_path_is_one_word_and_no_option() -> None:
    for path in ("--overwrite", "a; rm -r .tif", "$(rm -r .).tif", "it's.tif"):
        command = RunRecord.from_dict(but(path=path)).as_command()
        words = shlex.split(command.split(" && ")[-1])
        assert words[2].removeprefix("./") == path and not words[2].startswith("-")
    for path in ("$(calc).tif", "%PATH%.tif", "`calc`.tif"):
        with pytest.raises(DeconvError):
            command_line(["napari-deconv", path], windows=True)


def test_what_others_recorded_besides_is_kept() -> None:
    record = RunRecord.from_dict(but(group="C1", figures={"psnr_db": 30.0}))
    assert record.to_dict()["figures"] == {"psnr_db": 30.0}
    assert record.given_noise == 2.0
    assert RunRecord.from_dict(but(noise_estimated=True)).given_noise is None


def test_channels_are_one_record() -> None:
    first = RunRecord.from_dict(but(channel=0, seconds=1.0, chosen={"iterations": 7}))
    second = RunRecord.from_dict(but(channel=2, seconds=2.5, chosen={"iterations": 9}))
    both = RunRecord.of_channels([first, second])
    assert both.seconds == 3.5 and both.channel is None and not both.chosen
    assert [part.channel for part in both.parts] == [0, 2]
    assert both.choices() == ["7 and 9 iterations were chosen."]
    assert RunRecord.from_dict(both.to_dict()) == both
    assert not both.uses_another_psf_than(RunRecord())


def test_a_note_reads_as_its_text() -> None:
    assert f"{Note('clipped', 'Two pixels.')}" == "Two pixels."
