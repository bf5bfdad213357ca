import numpy as np
import pytest

import napari_deconv as nd
from napari_deconv.cli import main as command_line
from napari_deconv.engine import probe as trial
from napari_deconv.engine.probe import Timing
from napari_deconv.engine.regions import RegionPSF
from napari_deconv.engine.restore import restore
from napari_deconv.io import write
from napari_deconv.psf import Disk
from napari_deconv.restoration import expected as module
from napari_deconv.restoration.expected import expected, kept_timings, learn
from napari_deconv.restoration.richardson_lucy import RichardsonLucy
from napari_deconv.restoration.wiener import Wiener

PSF = Disk(radius_px=2)()
RL = RichardsonLucy(iterations=20)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_DECONV_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "_trials", {})
    return tmp_path / "cache"


@pytest.fixture
def timed(monkeypatch):
    """A trial that takes a second per million elements and estimates, and how often it is made."""
    count = []

    def probe(run, block):
        count.append(run.method)
        return Timing(1e6, 1.0)

    monkeypatch.setattr(module, "probe", probe)
    return count


def image(*shape):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def recipe_of(shape, method=RL, **fields):
    """A result's recipe, with the time that it is to have taken."""
    plain = nd.drain(restore(method, image(*shape), PSF, noise=0.01)).recipe
    return plain | fields


def test_larger_images_and_more_iterations_take_longer(timed):
    small, large = (expected(RL, image(*shape), PSF) for shape in ((40, 40), (80, 80)))
    twice = expected(RL.but(iterations=40), image(40, 40), PSF)
    series = expected(RL, image(3, 40, 40), PSF, axes="TYX")
    assert small < large
    assert twice == pytest.approx(2 * small)
    assert series == pytest.approx(3 * small)
    assert len(timed) == 1  # a trial serves all runs of its kind


def test_every_channel_and_every_part_counts(timed):
    one = expected(RL, image(40, 40), PSF)
    channels = expected(RL, image(3, 40, 40), {0: PSF, 2: PSF}, axes="CYX")
    assert channels == pytest.approx(2 * one)
    halves = RegionPSF((1, 2), (PSF, PSF))
    assert expected(RL, image(40, 40), halves) > one


def test_what_ran_before_corrects_the_trial(timed):
    first = expected(RL, image(64, 64), PSF)
    learn(RL, recipe_of((64, 64), seconds=100.0))
    assert expected(RL, image(64, 64), PSF) == pytest.approx(100, rel=0.01)
    assert expected(RL, image(64, 64), PSF) > 10 * first
    # Of another kind of run nothing is known yet.
    assert expected(RL.but(tv=0.01), image(64, 64), PSF) == pytest.approx(first)


def test_runs_of_a_like_size_count_most():
    learn(RL, recipe_of((32, 32), seconds=1.0))
    learn(RL, recipe_of((200, 200), seconds=400.0))
    small, large = (expected(RL, image(*shape), PSF) for shape in ((32, 32), (200, 200)))
    assert small < 10 and large > 200


def test_what_was_expected_is_not_written_again(cache):
    for seconds in (1.0, 1.1, 0.9, 1.05, 1.0):
        learn(RL, recipe_of((32, 32), seconds=seconds))
    (timings,) = kept_timings().values()
    assert len(timings) == 3
    for _ in range(40):
        learn(RL, recipe_of((32, 32), seconds=9.0))
    (timings,) = kept_timings().values()
    assert 3 < len(timings) <= 16


def test_time_for_what_a_method_chooses_is_counted_once():
    recipe = recipe_of((64, 64), RichardsonLucy(), seconds=1.0, seconds_choosing=5.0)
    learn(RichardsonLucy(), recipe)
    twice = expected(RichardsonLucy(), image(64, 64), PSF)
    assert twice == pytest.approx(6, rel=0.01)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"a": [[1]]}', '{"a": [[1, -1, 0]]}'])
def test_a_damaged_cache_counts_as_none(cache, text):
    cache.mkdir()
    (cache / "timings.json").write_text(text)
    assert kept_timings() == {}
    learn(RL, recipe_of((32, 32), seconds=1.0))
    assert len(kept_timings()) == 1


def test_a_cache_that_cannot_be_written_stops_no_run(cache):
    cache.write_text("a file where the folder should be")
    assert np.isfinite(nd.deconvolve(image(32, 32), PSF, RL)).all()
    learn(RL, recipe_of((32, 32), seconds=1.0))
    assert kept_timings() == {}


def test_runs_are_remembered(monkeypatch):
    monkeypatch.setattr(module, "_LEAST_S", 0.0)
    nd.deconvolve(image(32, 32), PSF, RL)
    (timings,) = kept_timings().values()
    assert timings[0].work == 20 * 40 * 40
    nd.deconvolve(image(3, 32, 32), [PSF, PSF, PSF], Wiener(), axes="CYX")
    assert len(kept_timings()) == 2


def test_a_slow_method_is_tried_for_a_few_estimates_only(monkeypatch):
    made = []

    steps = RichardsonLucy.steps

    def counted(self, problem):
        for estimate in steps(self, problem):
            made.append(1)
            yield estimate

    monkeypatch.setattr(RichardsonLucy, "steps", counted)
    monkeypatch.setattr(trial, "_LIMIT_S", 0.0)
    assert expected(RL.but(iterations=100), image(64, 64), PSF) > 0
    assert len(made) == 1
    assert expected(RL.but(iterations=0), image(80, 80), PSF, noise=0.1) > 0


@pytest.mark.parametrize("shape", [(8, 9), (300, 40), (4, 12, 12)])
def test_the_trial_works_on_any_image(shape):
    psf = np.ones((3,) * len(shape)) / 3 ** len(shape)
    assert nd.expected_seconds(image(*shape), psf, "richardson-lucy", iterations=2) > 0


def test_wrong_input_is_refused_as_by_a_run():
    with pytest.raises(nd.DeconvError, match="PSF"):
        nd.expected_seconds(image(16, 16), np.zeros((3, 3)))
    with pytest.raises(nd.DeconvError):
        nd.expected_seconds(image(16, 16), PSF, "no-such-method")


def test_the_command_line_says_it_before_it_starts(tmp_path, capsys, timed):
    write(tmp_path / "in.tif", image(32, 32), axes="YX")
    kernel = ["--psf", "disk:radius_px=2", "--method", "wiener"]
    names = [str(tmp_path / "in.tif"), "-o", str(tmp_path / "out.tif")]
    assert command_line(["deconvolve", *names, *kernel]) == 0
    assert "in.tif: about 1 s" in capsys.readouterr().err
    assert command_line(["deconvolve", *names, *kernel, "--quiet", "--overwrite"]) == 0
    assert len(timed) == 1
