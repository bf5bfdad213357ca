"""Noise and intensities belong to the item they were read from: a channel, a frame, a plane."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import napari_deconv as nd
from napari_deconv.core.progress import drain
from napari_deconv.engine.readings import channel_noise, image_noise
from napari_deconv.engine.restore import restore
from napari_deconv.restoration.base import Method

PSF = np.outer(*[np.exp(-((np.arange(9) - 4.0) ** 2) / 5)] * 2)
RNG = np.random.default_rng(0)
SCENE = gaussian_filter(RNG.random((64, 68)), 1.2) * 4


def frame(gain: float = 1.0, noise: float = 0.02, seed: int = 0) -> np.ndarray:
    return np.asarray(gain * nd.degrade(SCENE, PSF, noise=noise, seed=seed)[0])


SERIES = np.stack(
    [
        frame(),
        frame(0.01, seed=1),
        RNG.normal(0, 0.01, SCENE.shape),
        frame(40, seed=2),
        frame(1, 0.2, seed=3),
    ]
).astype(np.float32)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("axes", ["TYX", "CYX", "ZYX", "PYX"])
@pytest.mark.parametrize("name", ["wiener", "tv", "richardson-lucy"])
@pytest.mark.filterwarnings("ignore:.*goes down to")
def test_every_item_comes_out_as_it_does_alone(name: str, axes: str, lazy: bool) -> None:
    fields = {} if name == "wiener" else {"iterations": 4}
    image = da.from_array(SERIES, chunks=(1, 40, 40)) if lazy else SERIES
    together = nd.deconvolve(image, PSF, name, axes=axes, **fields)
    for number, one in enumerate(SERIES):
        alone = nd.deconvolve(one, PSF, name, **fields)
        np.testing.assert_allclose(together[number], alone, atol=1e-5 * np.abs(alone).max())


def test_channels_choose_their_own_iterations() -> None:
    two = np.stack([frame(1, 0.005), frame(1, 0.3, seed=1)]).astype(np.float32).clip(0)
    recipe = drain(restore(Method.make("richardson-lucy"), two, PSF, axes="CYX")).recipe
    alone = [
        drain(restore(Method.make("richardson-lucy"), one, PSF)).recipe["chosen"]["iterations"]
        for one in two
    ]
    assert [one["chosen"]["iterations"] for one in recipe["channels"]] == alone
    assert alone[0] > alone[1]


@pytest.mark.parametrize("count", [5, 80])
def test_the_recipe_says_what_was_taken(count: int) -> None:
    series = np.resize(SERIES, (count, *SCENE.shape))
    recipe = drain(restore(Method.make("wiener"), series, PSF, axes="TYX")).recipe
    items = recipe["items"]
    assert items["count"] == count
    # Of very many the least, the median and the most.
    assert len(items["noise"]) == (5 if count == 5 else 3)
    assert min(items["noise"]) < 0.01 and max(items["noise"]) > 0.1
    assert recipe["noise"] == pytest.approx(0.02, rel=0.4)


def test_a_constant_frame_is_restored_with_the_others() -> None:
    series = SERIES.copy()
    series[1] = 7
    result = nd.deconvolve(series, PSF, "wiener", axes="TYX")
    np.testing.assert_allclose(result[1], 7, atol=0.1)
    np.testing.assert_array_equal(result[0], nd.deconvolve(series[0], PSF, "wiener"))


def test_a_frame_is_not_read_twice_for_its_noise() -> None:
    computed: list[Any] = []

    def load(block: np.ndarray, block_info: Any = None) -> np.ndarray:
        computed.append(block_info[0]["chunk-location"])
        return block

    series = da.from_array(np.resize(SERIES, (40, *SCENE.shape)), chunks=(1, 64, 68))
    lazy = series.map_blocks(load, dtype=series.dtype, meta=np.empty((0, 0, 0), np.float32))
    nd.deconvolve(lazy, PSF, "wiener", axes="TYX")
    # Samples of the whole and of three typical frames, then each once to read and once to restore.
    assert len(computed) < 3.5 * 40


@pytest.mark.filterwarnings("ignore:.*goes down to")
def test_colours_have_each_their_own_noise() -> None:
    rng, levels = np.random.default_rng(1), (1.0, 3.0, 8.0)
    soft = gaussian_filter(SCENE, 1.5) * 60
    photo = np.stack([soft + rng.normal(0, s, soft.shape) for s in levels], -1).astype(np.float32)
    photo = np.pad(photo, ((0, 60), (0, 60), (0, 0)), mode="symmetric")
    reading = image_noise(photo, "YXS")
    assert reading.levels == pytest.approx(levels, rel=0.2)
    recipe = drain(restore(Method.make("wiener"), photo, PSF, axes="YXS")).recipe
    assert recipe["noise"] == reading.level
    assert recipe["noise_colours"] == list(reading.levels)
    together = nd.deconvolve(photo, PSF, "wiener", axes="YXS")
    for number in range(3):
        given = nd.deconvolve(photo, PSF, "wiener", axes="YXS", noise=reading.levels[number])
        np.testing.assert_array_equal(together[..., number], given[..., number])


@pytest.mark.filterwarnings("ignore:.*goes down to")
@pytest.mark.parametrize("axes", ["CYX", "YXC", "CTYX"])
def test_what_is_shown_of_a_channel_s_noise_is_what_the_engine_takes(axes: str) -> None:
    channels = [np.stack([frame(1, s)] * 2) if "T" in axes else frame(1, s) for s in (0.01, 0.2)]
    image = np.stack(channels, axes.index("C")).astype(np.float32)
    shown = [reading.level for reading in channel_noise(image, axes)]
    recipe = drain(restore(Method.make("wiener"), image, PSF, axes=axes)).recipe
    assert shown == [channel["noise"] for channel in recipe["channels"]]
    assert shown == pytest.approx([0.01, 0.2], rel=0.3)
    one = channel_noise(image[..., 0] if axes == "YXC" else image[0], axes.replace("C", ""))
    assert [reading.level for reading in one] == shown[:1]


@pytest.mark.parametrize("name", ["wiener", "tikhonov", "tv", "hyper-laplacian", "sparse", "ird"])
@pytest.mark.parametrize("offset", [300.0, 1e6])
def test_a_constant_offset_is_added_to_the_result_and_changes_nothing(
    name: str, offset: float
) -> None:
    fields = {"tv": {"iterations": 5}, "ird": {"iterations": 20}}.get(name, {})
    image = frame().astype(np.float64)
    plain = nd.deconvolve(image, PSF, name, **fields)
    lifted = nd.deconvolve(image + offset, PSF, name, **fields)
    gap = np.abs(lifted - offset - plain)
    # The hyper-Laplacian sets small gradients to 0, others not: a gradient at that very limit goes
    # the one way or the other by a rounding of float32, and takes its surroundings with it.
    usual = np.quantile(gap, 0.98) if name == "hyper-laplacian" else gap.max()
    assert usual < 2e-5 and gap.max() < 0.02


@pytest.mark.parametrize("fault", ["pixel", "column", "row"])
@pytest.mark.parametrize("name", ["wiener", "em-outliers", "richardson-lucy-saturated"])
def test_one_fault_of_the_sensor_does_not_set_the_scale(fault: str, name: str) -> None:
    image = np.minimum(frame(), 2.2)
    sound = drain(restore(Method.make(name), image, PSF, noise=0.02)).recipe
    place = {"pixel": (30, 31), "column": (slice(None), 31), "row": (30,)}[fault]
    image[place] = 65535
    recipe = drain(restore(Method.make(name), image, PSF, noise=0.02)).recipe
    assert recipe["scale"] == pytest.approx(sound["scale"], rel=0.1)


def test_the_clip_level_can_be_given() -> None:
    image = frame().astype(np.float32)
    level = float(np.quantile(image, 0.9))
    for name in ("em-outliers", "richardson-lucy-saturated"):
        fields = {"iterations": 3}
        own = nd.deconvolve(image, PSF, name, **fields)
        given = nd.deconvolve(image, PSF, name, clip_level=level, **fields)
        same = nd.deconvolve(image, PSF, name, clip_level=float(image.max()), **fields)
        assert not np.array_equal(own, given)
        np.testing.assert_allclose(own, same, atol=1e-4)


@pytest.mark.parametrize("dtype", ["i2", "i4", "f4"])
def test_outlier_em_on_images_nowhere_above_0(dtype: str) -> None:
    image = (frame() * 50).round()
    below = (image - image.max() - 1).astype(dtype)
    fields = {"rounds": 2, "iterations": 3, "noise": 1.0}
    result = nd.deconvolve(below, PSF, "em-outliers", **fields).astype(float)
    above = nd.deconvolve(image.astype(np.float32), PSF, "em-outliers", **fields)
    np.testing.assert_allclose(result + image.max() + 1, above, atol=1.0)


def test_a_run_that_went_on_in_tiles_says_what_that_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    method = Method.make("sparse", reweightings=1, iterations=1)
    own, calls = type(method).steps, []

    def steps(self: Any, problem: Any) -> Any:
        calls.append(problem)
        if len(calls) == 1:
            raise MemoryError
        yield from own(self, problem)

    monkeypatch.setattr(type(method), "steps", steps)
    notes = drain(restore(method, np.tile(frame(), (3, 3)), PSF, noise=0.02)).notes
    assert any("few percent" in note.text for note in notes)
