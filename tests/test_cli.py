"""The command line: exit statuses, words instead of tracebacks, files whole or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_deconv.cli import COMMANDS, main
from napari_deconv.core.errors import DeconvError
from napari_deconv.engine.colour import linear_to_srgb, srgb_to_linear
from napari_deconv.io import Guard, Picture, read, sidecar, write
from napari_deconv.psf import PSF, Disk, Gaussian

if TYPE_CHECKING:
    from pathlib import Path

DISK = "disk:radius_px=1.5"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A small blurred 8-bit colour photo with its psf.tif beside it."""
    y, x = np.mgrid[:48, :64]
    image = np.stack([128 + 90 * np.sin(x / k) * np.cos(y / 5) for k in (3, 4, 6)], -1)
    write(tmp_path / "photo.png", image.astype(np.uint8))
    return tmp_path / "photo.png"


def run(*words: object) -> int:
    return main([str(w) for w in words])


# -- usage ----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*command.split(), "--help") == 0
    assert "usage: napari-deconv" in capsys.readouterr().out


def test_help_loads_neither_torch_nor_numpy() -> None:
    code = (
        "import sys; from napari_deconv.cli import main; main(['--help']);"
        "sys.exit(bool({'torch', 'numpy', 'napari'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode
        == 0
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--method", "wienr", "--psf", DISK], "Did you mean 'wiener'?"),
        (["--method", "wiener", "--psf", DISK, "--set", "nsrr=1"], "Did you mean 'nsr'?"),
        (["--method", "wiener", "--psf", DISK, "--nsr", "-1"], "nsr = -1.0 is out of bounds"),
        (["--method", "wiener", "--psf", DISK, "--nsrr", "1"], "--nsrr"),
        (["--method", "wiener", "--psf", "disc"], "Did you mean 'disk'?"),
        (["--method", "wiener", "--psf", "none.tif"], "none.tif does not exist"),
        (["--method", "wiener"], "There is no PSF."),
        (["--method", "wiener", "--psf", DISK, "--device", "abacus"], "'abacus'"),
        (["--recipe", "none.json"], "none.json cannot be read"),
    ],
)
def test_usage_is_2_in_words(
    photo: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("deconvolve", photo, "-o", photo.parent / "o.png", *words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not (photo.parent / "o.png").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("degrade photo.png -o d.png --set gian=2", "Did you mean 'gain'?"),
        ("degrade . -o set --pairs 2 --up-to gian=2", "Did you mean 'gain'?"),
        ("deconvolve photo.png -o d.gif --psf disk", "files ending in '.gif'"),
        ("psf disk -o photo.png/psf.tif", "photo.png is not a folder"),
        ("psf disk -o psf.tif --shape 15.5,15", "not a list of whole numbers"),
    ],
)
def test_usage_of_other_commands(
    photo: Path,
    words: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(photo.parent)
    assert run(*words.split()) == 2
    assert said in capsys.readouterr().err
    assert list(photo.parent.iterdir()) == [photo]


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"method": {}}, "holds no recipe"),
        ({"method": {"name": "wiener", "nsrr": 1}}, "Did you mean 'nsr'?"),
        ({"psf": {"spec": {"name": "disk", "radius": 2}}}, "Did you mean 'radius_px'?"),
        ({"psf": {"spec": {"name": "disk"}, "size": 9}}, "size = 9"),
        ({"psf": {"spec": {"name": "disk"}, "size": ["a", 3]}}, "size[0] = 'a'"),
    ],
)
def test_a_damaged_recipe_is_named(
    photo: Path, recipe: dict[str, object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good = {"method": {"name": "wiener"}, "psf": {"spec": {"name": "disk"}}}
    file = photo.parent / "recipe.json"
    file.write_text(json.dumps(good | recipe))
    assert run("deconvolve", photo, "-o", photo.parent / "o.png", "--recipe", file) == 2
    assert said in capsys.readouterr().err


def test_a_mistake_of_ours_is_said_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("napari_deconv.restoration.base.methods", lambda: 1 / 0)
    assert run("methods") == 1
    error = capsys.readouterr().err
    assert "ZeroDivisionError" in error and "Traceback" not in error


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    code = "import sys; from napari_deconv.cli import main; sys.exit(main(['methods']))"
    made = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert made.stdout is not None
    made.stdout.close()
    assert not made.communicate()[1]


def test_a_folder_named_like_a_generator_is_no_psf(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo.parent)
    (photo.parent / "disk").mkdir()
    words = ["--psf", "disk", "--method", "wiener", "--quiet"]
    assert run("deconvolve", photo, "-o", "o.png", *words) == 0


def test_debug_shows_the_traceback(photo: Path) -> None:
    words = [
        "deconvolve",
        str(photo),
        "-o",
        "o.png",
        "--psf",
        "disc",
        "--method",
        "wiener",
        "--debug",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "napari_deconv", *words], capture_output=True, check=False, text=True
    )
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_an_input_is_no_output(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = photo.read_bytes()
    for output in (photo, photo.parent):
        assert run("deconvolve", photo, "-o", output, "--psf", DISK, "--method", "wiener") == 2
    assert "never overwritten" in capsys.readouterr().err
    assert photo.read_bytes() == before


# -- values out of text ---------------------------------------------------------------------


def test_values_and_specs_out_of_text() -> None:
    assert PSF.parse("disk:radius_px=7") == Disk(radius_px=7)
    assert PSF.parse("gaussian:sigma_px=1,2,3,angle-deg=30") == Gaussian(
        sigma_px=(1, 2, 3), angle_deg=30
    )
    assert Gaussian.parse_fields("sigma_px=2") == {"sigma_px": 2}
    with pytest.raises(DeconvError, match="sets no field"):
        Disk.parse_fields("7")


def test_every_field_of_every_psf_is_an_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, cls in PSF.registry.items():
        assert run("psf", name, "--help") == 0
        text = capsys.readouterr().out
        for field in cls.fields():
            assert f"--{field.replace('_', '-')}" in text


# -- psf, methods ---------------------------------------------------------------------------


def test_psf_files(tmp_path: Path) -> None:
    out = tmp_path / "new" / "psf.tif"
    words = ("gaussian", "--sigma-px", "1,2,2", "--pixel-size", "0.2,0.1,0.1", "--shape", "5,9,9")
    assert run("psf", *words, "-o", out) == 0
    made = read(out)
    np.testing.assert_array_equal(
        made.data, Gaussian(sigma_px=(1, 2, 2))((5, 9, 9), (0.2, 0.1, 0.1))
    )
    assert made.spacing("ZYX") == pytest.approx((0.2, 0.1, 0.1))
    assert run("psf", "disk", "--radius-px", 3, "-o", tmp_path / "psf.png") == 0
    png = read(tmp_path / "psf.png").data
    np.testing.assert_allclose(
        png / 65535, Disk(radius_px=3)() / Disk(radius_px=3)().max(), atol=1e-5
    )


def test_methods_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("methods", "--json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["wiener"]["dimensions"] == [2, 3]
    assert rows["wiener"]["citation"]


# -- degrade --------------------------------------------------------------------------------


def test_degrade_is_seeded_and_writes_the_truth(photo: Path) -> None:
    from napari_deconv import degrade

    folder = photo.parent
    words = ("degrade", photo, "--psf", DISK, "--noise", 3, "--gain", 1.5, "--seed", 7)
    assert run(*words, "-o", folder / "b.png", "--truth", folder / "t.png") == 0
    expected, truth = degrade(read(photo).data, Disk(radius_px=1.5), noise=3, gain=1.5, seed=7)
    np.testing.assert_array_equal(read(folder / "b.png").data, expected)
    np.testing.assert_array_equal(read(folder / "t.png").data, truth)


def test_a_data_set_and_the_same_again(photo: Path) -> None:
    sources = photo.parent / "sources"
    sources.mkdir()
    photo.rename(sources / "photo.png")
    one, two = photo.parent / "one", photo.parent / "two"
    assert run("degrade", sources, "--pairs", 2, "--up-to", "noise=0.05", "-o", one) == 0
    assert run("degrade", "--again", one / "recipe.json", "-o", two) == 0
    for path in sorted(one.rglob("*.tif")):
        assert path.read_bytes() == (two / path.relative_to(one)).read_bytes()
    assert len(list(one.rglob("*.tif"))) == 6


# -- deconvolve -----------------------------------------------------------------------------


def test_deconvolve_a_file_and_replay_its_recipe(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = photo.parent
    assert run("psf", "disk", "--radius-px", 1.5, "-o", folder / "psf.tif") == 0
    words = ("--method", "wiener", "--nsr", 0.01, "--psf", folder / "psf.tif")
    assert run("deconvolve", photo, "-o", folder / "a.png", *words) == 0
    recipe = sidecar(folder / "a.png")
    assert json.loads(recipe.read_text())["method"] == {"name": "wiener", "nsr": 0.01}
    assert run("deconvolve", photo, "-o", folder / "b.png", "--recipe", recipe) == 0
    assert "not the one of the recipe" not in capsys.readouterr().err
    np.testing.assert_array_equal(read(folder / "b.png").data, read(folder / "a.png").data)
    assert run("deconvolve", photo, "-o", folder / "c.tif", "--recipe", recipe, "--nsr", 1) == 0
    assert read(folder / "c.tif").recipe["method"] == {"name": "wiener", "nsr": 1}
    assert (read(folder / "c.tif").data != read(folder / "a.png").data).any()
    # An image that carries its recipe is one, too; so is what a layer's metadata holds.
    (folder / "layer.json").write_text(json.dumps({"napari_deconv": read(folder / "c.tif").recipe}))
    for number, source in enumerate((folder / "c.tif", folder / "layer.json")):
        assert run("deconvolve", photo, "-o", folder / f"d{number}.tif", "--recipe", source) == 0
        np.testing.assert_array_equal(
            read(folder / f"d{number}.tif").data, read(folder / "c.tif").data
        )


def test_replay_renders_and_repairs_the_psf_as_it_was(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = photo.parent
    spec = {"name": "gaussian", "sigma_px": 2.0, "angle_deg": 0.0}
    psf = {"spec": spec, "size": [6, 7], "pixel_size": [1.0, 0.5], "repaired": True}
    recipe = {"method": {"name": "wiener", "nsr": 0.01}, "psf": psf}
    (folder / "layer.json").write_text(json.dumps(recipe))
    assert run("deconvolve", photo, "-o", folder / "a.tif", "--recipe", folder / "layer.json") == 0
    assert run("deconvolve", photo, "-o", folder / "b.tif", "--recipe", folder / "a.tif") == 0
    assert "not the one of the recipe" not in capsys.readouterr().err
    first, second = read(folder / "a.tif"), read(folder / "b.tif")
    np.testing.assert_array_equal(first.data, second.data)
    from napari_deconv import deconvolve
    from napari_deconv.psf import repair

    kernel = repair(Gaussian(sigma_px=2)((6, 7), (1.0, 0.5)))
    assert first.recipe["psf"]["shape"] == list(kernel.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pixels that had to be clipped, or none
        expected = deconvolve(read(photo).data, kernel, "wiener", nsr=0.01, axes="YXS")
    np.testing.assert_array_equal(first.data, expected)


def test_a_psf_per_channel_is_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = np.random.default_rng(0).random((2, 24, 25), dtype=np.float32)
    write(tmp_path / "in.tif", data, like=Picture(data=data, axes="CYX"))
    words = ("--method", "wiener", "--psf", DISK, "--psf", "gaussian:sigma_px=1.2")
    assert run("deconvolve", tmp_path / "in.tif", "-o", tmp_path / "a.tif", *words) == 0
    again = ("-o", tmp_path / "b.tif", "--recipe", tmp_path / "a.tif")
    assert run("deconvolve", tmp_path / "in.tif", *again) == 0
    assert "not the one of the recipe" not in capsys.readouterr().err
    first = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(read(tmp_path / "b.tif").data, first.data)
    # As the panel writes it where channel 0 is left as it is.
    recipe = first.recipe | {"psf": first.recipe["psf"] | {"spec": {"name": "disk"}}}
    recipe["psf"]["channels"] = recipe["psf"]["channels"][1:]
    recipe["channels"] = recipe["channels"][1:]
    (tmp_path / "layer.json").write_text(json.dumps({"napari_deconv": recipe}))
    again = ("-o", tmp_path / "c.tif", "--recipe", tmp_path / "layer.json")
    assert run("deconvolve", tmp_path / "in.tif", *again) == 0
    np.testing.assert_array_equal(read(tmp_path / "c.tif").data, [data[0], first.data[1]])


def test_replay_with_another_psf_says_so(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = photo.parent
    words = ("--method", "wiener", "--psf", DISK)
    assert run("deconvolve", photo, "-o", folder / "a.tif", *words) == 0
    again = ("--recipe", folder / "a.tif", "--psf", "disk:radius_px=2")
    assert run("deconvolve", photo, "-o", folder / "b.tif", *again) == 0
    assert "not the one of the recipe" in capsys.readouterr().err


def test_a_folder_with_one_corrupt_file(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = photo.parent / "in"
    folder.mkdir()
    photo.rename(folder / "a.png")
    (folder / "b.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("no image")
    write(folder / "c.tif", read(folder / "a.png").data)
    out = photo.parent / "out"
    assert run("deconvolve", folder, "-o", out, "--method", "wiener", "--psf", DISK) == 1
    said = capsys.readouterr().err
    assert sorted(p.name for p in out.iterdir()) == ["a.png", "a.png.json", "c.tif"]
    assert "2 of 3 done" in said
    assert "b.png: it is not an image of a known kind" in said
    assert "Traceback" not in said
    assert (
        run(
            "deconvolve",
            folder,
            "-o",
            photo.parent / "one.tif",
            "--method",
            "wiener",
            "--psf",
            DISK,
        )
        == 2
    )


def test_stack_keeps_its_calibration_and_a_psf_of_another_voxel_size_is_resampled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    sizes, units = {"Z": 0.4, "Y": 0.1, "X": 0.1}, dict.fromkeys("ZYX", "µm")
    data = rng.random((9, 24, 25), dtype=np.float32)
    write(
        tmp_path / "s.tif", data, like=Picture(data=data, axes="ZYX", pixel_size=sizes, units=units)
    )
    words = (
        "gaussian",
        "--sigma-px",
        "1,1,1",
        "--pixel-size",
        "0.2,0.1,0.1",
        "-o",
        tmp_path / "p.tif",
    )
    assert run("psf", *words) == 0
    words = ("--psf", tmp_path / "p.tif", "--method", "wiener", "--repair-psf", "--memory-gb", 1)
    assert run("deconvolve", tmp_path / "s.tif", "-o", tmp_path / "r.tif", *words) == 0
    said = capsys.readouterr().err
    assert "The PSF's voxel size is 0.2 x 0.1 x 0.1, the image's 0.4 x 0.1 x 0.1" in said
    with tifffile.TiffFile(tmp_path / "r.tif") as tif:
        assert tif.imagej_metadata["spacing"] == 0.4
        assert tif.series[0].axes == "ZYX"
    assert read(tmp_path / "r.tif").pixel_size == pytest.approx(sizes)


def test_linear_light_blurs_light(tmp_path: Path) -> None:
    """A photo blurred in linear light is restored better there, alpha and depth kept."""
    from scipy.signal import fftconvolve

    y, x = np.mgrid[:64, :72]
    sharp = np.where((x // 9 + y // 8) % 2, 0.95, 0.02)
    psf = Disk(radius_px=2)()
    light = fftconvolve(np.pad(srgb_to_linear(sharp), 8, "reflect"), psf, "same")[8:-8, 8:-8]
    grey = np.rint(linear_to_srgb(light) * 65535).clip(0, 65535).astype(np.uint16)
    alpha = np.arange(grey.size, dtype=np.uint16).reshape(grey.shape)
    write(tmp_path / "a.png", np.stack([grey] * 3 + [alpha], -1))
    errors = {}
    for option in ("--linear", "--no-linear"):
        out = tmp_path / f"{option[2:]}.png"
        words = ("--psf", "disk:radius_px=2", "--method", "wiener", "--noise", 20, option)
        assert run("deconvolve", tmp_path / "a.png", "-o", out, *words) == 0
        back = read(out).data
        np.testing.assert_array_equal(back[..., 3], alpha)
        errors[option] = np.sqrt(np.mean((back[..., 0] / 65535 - sharp) ** 2))
    assert errors["--linear"] < 0.7 * errors["--no-linear"]
    recipe = sidecar(tmp_path / "linear.png")
    assert (
        run("deconvolve", tmp_path / "a.png", "-o", tmp_path / "again.png", "--recipe", recipe) == 0
    )
    np.testing.assert_array_equal(
        read(tmp_path / "again.png").data, read(tmp_path / "linear.png").data
    )


def test_interruption_leaves_no_partial_file(
    photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_deconv.io.photo.Image.Image.save", interrupted)
    out = photo.parent / "out"
    assert run("deconvolve", photo, "-o", out, "--method", "wiener", "--psf", DISK) == 130
    assert list(out.iterdir()) == []
    assert "Interrupted" in capsys.readouterr().err


def test_quiet_says_nothing(photo: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ("-o", photo.parent / "q.tif", "--method", "wiener", "--psf", DISK, "--quiet")
    assert run("deconvolve", photo, *words) == 0
    assert capfd.readouterr() == ("", "")


# -- demo -----------------------------------------------------------------------------------


def test_demo_without_a_window_leaves_files_that_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("napari_deconv.cli.demo.METHODS", {"photo": {"method": "wiener"}})
    out = tmp_path / "demo"
    assert run("demo", "--out", out, "--no-window") == 0
    names = {"photo-blurred.tif", "photo-psf.tif", "photo-restored.tif", "photo-truth.tif"}
    assert {p.name for p in out.iterdir()} == names
    before, after = (float(w) for w in capsys.readouterr().out.split("PSNR ")[1].split()[:3:2])
    assert after > before + 3
    words = ("--recipe", out / "photo-restored.tif", "-o", tmp_path / "again.tif")
    assert run("deconvolve", out / "photo-blurred.tif", *words) == 0
    np.testing.assert_array_equal(
        read(tmp_path / "again.tif").data, read(out / "photo-restored.tif").data
    )


def test_demo_window_leaves_its_picture(tmp_path: Path, qtbot: object) -> None:
    from napari_deconv.cli.demo import _restore
    from napari_deconv.cli.report import Reporter
    from napari_deconv.panels.demo import show
    from napari_deconv.samples import stack

    sample = stack()
    result = _restore(sample, {"method": "wiener"}, tmp_path, "cpu", Reporter(quiet=True), Guard())
    show([(sample, result)], tmp_path, wait=False)
    picture = read(tmp_path / "window-stack.png").data
    assert min(picture.shape[:2]) > 400
    assert picture[..., :3].std() > 5


def test_spacing_is_the_voxel_size_that_a_microscope_psf_is_made_for(tmp_path: Path) -> None:
    stack = np.random.default_rng(0).poisson(50, (5, 24, 24)).astype(np.uint16)
    write(tmp_path / "bare.tif", stack, axes="ZYX")
    sized = Picture(
        data=stack,
        axes="ZYX",
        pixel_size={"Z": 0.5, "Y": 0.2, "X": 0.2},
        units=dict.fromkeys("ZYX", "µm"),
    )
    write(tmp_path / "sized.tif", stack, like=sized)
    words = [
        "--psf",
        "wide-field:numerical_aperture=0.8",
        "--method",
        "richardson-lucy",
        "--iterations",
        1,
        "--quiet",
    ]
    for name, more in (("sized", []), ("bare", ["--spacing", "0.5,0.2,0.2"])):
        out = tmp_path / f"out-{name}.tif"
        assert run("deconvolve", tmp_path / f"{name}.tif", "-o", out, *words, *more) == 0
    same = [read(tmp_path / f"out-{name}.tif").data for name in ("sized", "bare")]
    np.testing.assert_array_equal(*same)


@pytest.mark.parametrize("sizes", ["0.5,0.2", "0,0.2,0.2", "1,2,3,4"])
def test_spacing_that_does_not_fit_is_refused(
    tmp_path: Path, sizes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "s.tif", np.ones((3, 8, 8), np.uint16), axes="ZYX")
    given = ["--psf", "wide-field", "--spacing", sizes, "-o", tmp_path / "o.tif"]
    assert run("deconvolve", tmp_path / "s.tif", *given) != 0
    assert "--debug" not in capsys.readouterr().err


BLUR = "gaussian:sigma_px=1,1,1"


def stacks_of_positions(path: Path, count: int = 2) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    stacks = [rng.poisson(20, (2, 6, 24, 26)).astype(np.uint16) for _ in range(count)]
    with tifffile.TiffWriter(path, ome=True) as tif:
        for stack in stacks:
            about = {"axes": "CZYX", "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1}
            tif.write(stack, metadata=about | {"PhysicalSizeZ": 0.3}, photometric="minisblack")
    return stacks


def test_a_folder_run_loses_no_position(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    stacks = stacks_of_positions(tmp_path / "in" / "my.cells.ome.tif")
    fields = ("--psf", BLUR, "--method", "richardson-lucy", "--iterations", 2, "--offset-counts", 1)
    assert run("deconvolve", tmp_path / "in", "-o", tmp_path / "out", *fields) == 0
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == [f"my.cells_position-{n}.ome.tif" for n in (0, 1)]
    assert "only the first" not in capsys.readouterr().err
    for number, name in enumerate(names):
        result = read(tmp_path / "out" / name)
        assert result.recipe is not None and result.recipe["position"] == number
        assert abs(result.data.mean() - stacks[number].mean()) < 2
    source = tmp_path / "in" / "my.cells.ome.tif"
    second = tmp_path / "second.ome.tif"
    assert run("deconvolve", source, "-o", second, "--position", 1, *fields) == 0
    assert np.array_equal(read(second).data, read(tmp_path / "out" / names[1]).data)
    assert run("deconvolve", source, "-o", tmp_path / "a.tif", "--position", "all", *fields) == 2
    assert "holds 2 positions. Give a folder" in capsys.readouterr().err
    assert run("deconvolve", source, "-o", tmp_path / "b.ome.tif", *fields) == 0
    assert "only the first is used" in capsys.readouterr().err


def test_a_trial_on_a_part_with_projections_and_a_pyramid(tmp_path: Path) -> None:
    (stack, _) = stacks_of_positions(tmp_path / "a.ome.tif")
    out = tmp_path / "out" / "trial.ome.tif"
    part = ("--z", "1:5", "--c", "1", "--rect", "2:22,0:20", "--position", 0)
    how = ("--pyramid", "--tile", 16, "--compression", "zlib", "--projections")
    words = ("--psf", BLUR, "--method", "richardson-lucy", "--iterations", 2, *part, *how)
    assert run("deconvolve", tmp_path / "a.ome.tif", "-o", out, *words) == 0
    result = read(out)
    assert result.data.size == stack[1:2, 1:5, 2:22, :20].size
    assert result.recipe is not None
    assert result.recipe["part"] == {"C": [1, 2], "Z": [1, 5], "Y": [2, 22], "X": [0, 20]}
    with tifffile.TiffFile(out) as tif:
        assert tif.pages.first.tile == (16, 16)
    for name in ("max-z", "max-y", "max-x"):
        flat = read(out.with_name(f"trial_{name}.tif"))
        assert flat.recipe is not None and flat.data.squeeze().ndim == 2
    assert read(out.with_name("trial_max-y.tif")).pixel_size["Y"] == pytest.approx(0.3)


def test_a_part_that_does_not_fit_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stacks_of_positions(tmp_path / "a.ome.tif")
    rest = ("-o", tmp_path / "b.ome.tif", "--psf", BLUR)
    assert run("deconvolve", tmp_path / "a.ome.tif", *rest, "--z", "4:9") == 1
    assert "4:9 of z does not fit: a.ome.tif has 6" in capsys.readouterr().err
    assert run("deconvolve", tmp_path / "a.ome.tif", *rest, "--z", "4-9") == 2
    assert run("deconvolve", tmp_path / "a.ome.tif", *rest, "--rect", "4:9") == 2
    assert run("deconvolve", tmp_path / "a.ome.tif", "-o", tmp_path / "c.zarr", "--psf", BLUR,
               "--z", "1:3") == 2  # fmt: skip
    assert "fit into memory" in capsys.readouterr().err


def test_the_wells_of_a_plate_one_by_one(tmp_path: Path) -> None:
    import zarr

    rng = np.random.default_rng(0)
    plate = zarr.open_group(str(tmp_path / "plate.zarr"), mode="w", zarr_format=2)
    wells = ("A/1", "A/2", "A/10")
    plate.attrs["plate"] = {"wells": [{"path": w} for w in wells], "version": "0.4"}
    for well in wells:
        group = plate.create_group(well)
        group.attrs["well"] = {"images": [{"path": "0"}], "version": "0.4"}
        field = group.create_group("0")
        field.create_array("0", data=rng.poisson(20, (24, 26)).astype(np.uint16))
        scale = [{"type": "scale", "scale": [0.1, 0.1]}]
        axes = [{"name": a, "type": "space", "unit": "micrometer"} for a in "yx"]
        data = [{"path": "0", "coordinateTransformations": scale}]
        field.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": data}]
    # One well is broken: the others go on.
    (tmp_path / "plate.zarr" / "A" / "2" / "0" / "0" / ".zarray").write_text("{}")
    out = tmp_path / "out"
    rest = (
        "-o",
        out,
        "--psf",
        "gaussian:sigma_px=1",
        "--method",
        "richardson-lucy",
        "--iterations",
        2,
    )
    assert run("deconvolve", tmp_path / "plate.zarr", *rest) == 1
    assert sorted(p.name for p in out.iterdir()) == ["plate_A_10_0.ome.tif", "plate_A_1_0.ome.tif"]
    assert read(out / "plate_A_1_0.ome.tif").pixel_size["X"] == pytest.approx(0.1)


def test_zarr_in_tiff_out(tmp_path: Path) -> None:
    import zarr

    data = np.random.default_rng(0).poisson(20, (6, 24, 26)).astype(np.uint16)
    zarr.create_array(str(tmp_path / "a.zarr"), data=data)
    out = tmp_path / "a.ome.tif"
    rest = ("--psf", BLUR, "--method", "richardson-lucy", "--iterations", 2, "--z", "1:5")
    assert run("deconvolve", tmp_path / "a.zarr", "-o", out, "--axes", "ZYX", *rest) == 0
    assert read(out).data.shape == (4, 24, 26)
