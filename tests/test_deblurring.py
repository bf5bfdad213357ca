from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import convolve
from skimage import data

import napari_deconv as nd
from napari_deconv.cli import main
from napari_deconv.engine.colour import linear_to_srgb, srgb_to_linear
from napari_deconv.engine.readings import image_noise
from napari_deconv.estimation import Confidence, Estimate, Guess
from napari_deconv.io.photo import jpeg_tables

PSF = nd.psf.Disk(radius_px=3)()
QUICK = {"family": "disk", "method": "wiener", "device": "cpu"}


def sharp() -> np.ndarray:
    return data.astronaut()[20:212, 120:312].astype(np.float32) / 255


def photo(light: str = "stored", noise: float = 0.005) -> np.ndarray:
    image = srgb_to_linear(sharp()) if light == "linear" else sharp()
    blurred = np.stack([convolve(image[..., c], PSF) for c in range(3)], -1)
    blurred = linear_to_srgb(blurred) if light == "linear" else blurred
    noisy = blurred + np.random.default_rng(0).normal(0, noise, blurred.shape)
    return (255 * noisy.clip(0, 1)).round().astype(np.uint8)


@pytest.fixture(scope="module")
def run() -> tuple[list[nd.Step], nd.Deblurred, list[np.ndarray | None]]:
    steps, looks = [], []

    def look_on(step: nd.Step) -> None:
        steps.append(step)
        looks.append(step.preview())

    return steps, nd.deblur(photo(), progress=look_on, **QUICK), looks


def test_a_photo_comes_out_sharper_and_says_how_sure_it_is(run):
    _, result, _ = run
    inner = (slice(8, -8), slice(8, -8))
    truth = 255 * sharp()[inner]
    before = nd.metrics.psnr(photo()[inner], truth, data_range=255)
    assert nd.metrics.psnr(result.data[inner], truth, data_range=255) > before + 1
    assert result.data.dtype == np.uint8
    assert result.estimate.spec.radius_px == pytest.approx(3, rel=0.1)
    assert "Confidence" in " ".join(map(str, result.notes))
    assert result.record.strength == result.strength


def test_there_is_one_progress_that_never_goes_back_and_a_look_on_the_way(run):
    steps, _, looks = run
    done = [step.done for step in steps]
    assert done == sorted(done) and {step.total for step in steps} == {1000}
    assert len({step.label.split(":")[0] for step in steps}) == 3
    shown = [look for look in looks if look is not None]
    assert shown and shown[0].shape == photo().shape
    assert all(np.isnan(step.left_s) for step in steps if step.label.startswith("finding"))


def test_strength_goes_from_the_photo_to_the_whole_restoration(run):
    _, result, _ = run
    assert np.array_equal(result.at(0), photo())
    assert np.array_equal(result.at(1), result.full)
    half = (photo().astype(float) + result.full) / 2
    assert np.abs(result.at(0.5) - half).max() <= 0.5
    with pytest.raises(nd.DeconvError, match="not a share"):
        result.at(1.5)


def test_linear_light_is_taken_where_the_blur_was_in_light(run):
    _, result, _ = run
    assert result.record.light == "" and len(result.trials) == 2
    assert nd.deblur(photo("linear"), **QUICK).record.light == "linear"
    assert nd.deblur(photo("linear"), linear=False, **QUICK).record.light == ""


def finding(found: dict[str, nd.psf.PSF]):
    """Stand for estimating: what is found when a family is asked for."""

    def estimating(image, size, family, region=None, noise=None, **options):
        yield Guess(1, 1, "spectrum: disk")
        spec = found.get(family, found["auto"])
        recipe = {"region": [0, 0, *image.shape[:2]]}
        sure = Confidence("good", ("It fits.",))
        return Estimate(spec(), spec.name, spec, sure, np.zeros((0, 2)), {}, recipe)

    return estimating


WRONG = nd.psf.Motion(length_px=15, angle_deg=20)


def test_a_blur_that_the_photo_speaks_against_is_not_applied(monkeypatch):
    monkeypatch.setattr("napari_deconv.deblurring.estimating", finding({"auto": WRONG}))
    result = nd.deblur(photo(), method="wiener", device="cpu")
    assert result.strength == 0 and np.array_equal(result.data, photo())
    assert result.confidence.level == "poor" and "probably another" in str(result.confidence)
    assert not np.array_equal(result.at(1), photo())


def test_a_simpler_blur_that_stands_takes_its_place(monkeypatch):
    blurs = {"auto": WRONG, "disk": nd.psf.Disk(radius_px=3)}
    monkeypatch.setattr("napari_deconv.deblurring.estimating", finding(blurs))
    result = nd.deblur(photo(), method="wiener", device="cpu")
    assert result.estimate.family == "disk" and result.strength == 0.7
    assert result.confidence.level == "fair" and "speaks against it" in str(result.confidence)


def test_a_blur_that_is_next_to_none_takes_no_other_ones_place(monkeypatch):
    blurs = {"auto": WRONG, "gaussian": nd.psf.Gaussian(sigma_px=0.7)}
    monkeypatch.setattr("napari_deconv.deblurring.estimating", finding(blurs))
    monkeypatch.setattr("napari_deconv.deblurring._stands", lambda *_: calls[-1] == "gaussian")
    calls = []
    tried = nd.deblurring._trials

    def trials(pixels, estimate, *rest):
        calls.append(estimate.family)
        return tried(pixels, estimate, *rest)

    monkeypatch.setattr("napari_deconv.deblurring._trials", trials)
    result = nd.deblur(photo(), method="wiener", device="cpu")
    assert "gaussian" in calls and result.estimate.family == "motion"
    assert result.strength == 0 and result.confidence.level == "poor"
    assert "could not be found" in " ".join(map(str, result.notes))


def test_a_photo_that_is_hardly_blurred_is_left_as_it_is(monkeypatch):
    sharp_one = {"auto": nd.psf.Gaussian(sigma_px=0.4)}
    monkeypatch.setattr("napari_deconv.deblurring.estimating", finding(sharp_one))
    result = nd.deblur(photo(), method="wiener", device="cpu")
    assert np.array_equal(result.data, photo()) and "hardly blurred" in str(result.confidence)


def test_what_is_no_photo_is_refused():
    with pytest.raises(nd.DeconvError, match="3 planes"):
        nd.deblur(np.zeros((3, 64, 64)), axes="ZYX")
    with pytest.raises(nd.DeconvError, match="not a share"):
        nd.deblur(photo(), strength="much")
    with pytest.raises(nd.DeconvError, match="linear = 'maybe'"):
        nd.deblur(photo(), linear="maybe")


def test_command_line_writes_the_photo_and_how_it_was_made(tmp_path, capsys):
    Image.fromarray(photo()).save(tmp_path / "photo.jpg", quality=90)
    source, target = str(tmp_path / "photo.jpg"), str(tmp_path / "out.png")
    command = ["deblur", source, "-o", target, "--family", "disk", "--method", "wiener"]
    assert main([*command, "--strength", "0", "--linear", "off"]) == 0
    assert "Confidence" in capsys.readouterr().err
    assert np.array_equal(nd.io.read(target).data, nd.io.read(source).data)
    assert nd.io.read(target).recipe["strength"] == 0
    assert main([*command, "--strength", "2"]) == 2
    assert main(["deblur", source, "-o", source]) == 2


def test_tables_of_a_jpeg_are_those_it_was_coded_with_turned_as_its_pixels(tmp_path):
    image = Image.fromarray(photo())
    exif = Image.Exif()
    exif[0x112] = 6
    image.save(tmp_path / "plain.jpg", quality=80)
    image.save(tmp_path / "turned.jpg", quality=80, exif=exif)
    image.save(tmp_path / "photo.png")
    with Image.open(tmp_path / "plain.jpg") as coded:
        steps = [np.reshape(coded.quantization[number], (8, 8)) for number in (0, 1)]
    assert np.array_equal(jpeg_tables(tmp_path / "plain.jpg"), steps)
    assert np.array_equal(jpeg_tables(tmp_path / "turned.jpg"), [table.T for table in steps])
    assert np.array_equal(nd.io.read(tmp_path / "plain.jpg").info["tables"], steps)
    assert jpeg_tables(tmp_path / "photo.png") == jpeg_tables(tmp_path / "none.jpg") == ()


def test_noise_of_a_coded_photo_is_read_with_the_tables_of_its_file(tmp_path):
    steps = np.full((8, 8), 9)
    steps[4:, 4:] = 40  # as no quality of the usual tables has them
    coded = Image.fromarray(photo(noise=0.01)[..., 1])
    coded.save(tmp_path / "photo.jpg", qtables=[steps.ravel().tolist()])
    picture = nd.io.read(tmp_path / "photo.jpg")
    guessed, read = (image_noise(picture.data, "YX", t) for t in ((), picture.info["tables"]))
    assert read.origin == guessed.origin == "JPEG" and read.level != guessed.level
    error = picture.data.astype(float) - photo(noise=0)[..., 1]
    assert read.level == pytest.approx(error.std(), rel=0.2)
    run = nd.stream("wiener", picture.data, PSF, tables=picture.info["tables"], device="cpu")
    assert nd.drain(run).record.noise == pytest.approx(read.level)


@pytest.mark.parametrize("door", ["python", "command line"])
def test_tables_of_a_file_reach_estimating_and_restoring(door, tmp_path, monkeypatch):
    steps = np.full((8, 8), 9)
    steps[4:, 4:] = 40
    coded = Image.fromarray(photo(noise=0.01)[..., 1])
    coded.save(tmp_path / "photo.jpg", qtables=[steps.ravel().tolist()])
    picture = nd.io.read(tmp_path / "photo.jpg")
    tables = picture.info["tables"]
    levels = []

    def estimating(image, size, family, region, noise, **options):
        levels.append(noise)
        steps = finding({"auto": nd.psf.Disk(radius_px=3)})
        return (yield from steps(image, size, family, region, noise))

    monkeypatch.setattr("napari_deconv.deblurring.estimating", estimating)
    read, guessed = (image_noise(picture.data, "YX", t).level for t in (tables, ()))
    if door == "python":
        result = nd.deblur(picture.data, method="wiener", linear=False, tables=tables)
        noise = result.record.noise
    else:
        command = ["deblur", str(tmp_path / "photo.jpg"), "-o", str(tmp_path / "out.png")]
        assert main([*command, "--method", "wiener", "--linear", "off"]) == 0
        noise = nd.io.read(tmp_path / "out.png").recipe["noise"]
    assert noise == pytest.approx(read) and levels[0] == pytest.approx(read)
    assert read != pytest.approx(guessed, rel=1e-3)
