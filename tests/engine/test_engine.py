"""The engine: axes, scale, dtype, tiles, memory, cancel and errors, with toy methods."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dask.array
import numpy as np
import pytest
import torch
import zarr
from hypothesis import given
from hypothesis import strategies as st

from napari_deconv.core.errors import Cancelled, DeconvError
from napari_deconv.core.fingerprint import array_hash
from napari_deconv.engine.problem import Problem
from napari_deconv.engine.streaming import Step, drain, stream
from napari_deconv.signal.edges import pad_and_taper

DELTA = np.zeros((5, 5), np.float32)
DELTA[2, 2] = 1
BOX = np.ones((3, 5), np.float32) / 15


@dataclass(frozen=True)
class Toy:
    """Blurs again: linear, local, with an answer that scipy knows."""

    title = name = "toy"
    ndim = (2, 3)
    joint_channels = False
    unit_scale = True
    shift_free = False
    non_negative = needs_weights = False
    buffers = 4.0
    features = 0.0
    total: int = 3
    fail: Any = None

    def margin(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(n // 2 for n in psf_shape)

    def halo(self, psf_shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(psf_shape)

    def steps(self, problem: Problem) -> Iterator[torch.Tensor]:
        if self.fail is not None:
            self.fail(problem)
        for _ in range(self.total):
            ring = pad_and_taper(problem.seen, problem.grid, problem.offset, problem.mean)
            yield problem.blur.forward(ring)

    def settle(self, problem: Problem) -> Iterator[Any]:
        yield from ()

    def notes(self, problem: Problem, reblur: float) -> tuple[str, ...]:
        return ()

    def to_dict(self) -> dict[str, object]:
        return {"name": "toy"}


def run(image: Any, psf: Any = DELTA, method: Any = None, **options: Any) -> Any:
    return drain(stream(method or Toy(), image, psf, **{"noise": 0.0, "device": "cpu"} | options))


def noise(*shape: int, dtype: str = "float32") -> np.ndarray:
    values = np.random.default_rng(0).random(shape)
    return (values * (200 if np.dtype(dtype).kind in "iu" else 1)).astype(dtype)


@given(
    shape=st.tuples(st.integers(1, 9), st.integers(2, 9)),
    dtype=st.sampled_from(["u1", "i2", "u2", "i4", "f2", "f4", "f8", ">f4"]),
)
def test_a_delta_returns_the_input_in_its_dtype(shape: tuple[int, int], dtype: str) -> None:
    image = noise(*shape, dtype=dtype)
    if image.min() == image.max():
        return
    result = run(image).data
    assert result.dtype == image.dtype
    np.testing.assert_allclose(result.astype(float), image.astype(float), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("axes", "shape", "psf"),
    [
        ("YXS", (12, 14, 3), DELTA),
        (None, (12, 14, 4), DELTA),
        ("SYX", (3, 12, 14), DELTA),
        ("XYT", (12, 14, 2), DELTA),
        ("TCZYX", (2, 2, 3, 8, 9), DELTA),
        ("TZCYX", (2, 6, 2, 8, 9), DELTA[None]),
        ("ZYXS", (3, 8, 9, 3), DELTA),
        (None, (2, 5, 8, 9), DELTA[None]),
    ],
)
@pytest.mark.parametrize("kind", ["numpy", "dask", "zarr"])
def test_axes_come_back_as_they_were(axes: str | None, shape: Any, psf: Any, kind: str) -> None:
    image = noise(*shape)
    wrapped = {
        "numpy": lambda: image,
        "dask": lambda: dask.array.from_array(image, chunks=4),
        "zarr": lambda: zarr.array(image, chunks=(4,) * image.ndim),
    }[kind]()
    result = run(wrapped, psf, axes=axes)
    np.testing.assert_allclose(result.data, image, atol=1e-5)
    assert isinstance(result.data, np.ndarray)


def test_an_off_centre_psf_shifts_by_its_offset() -> None:
    image, psf = noise(20, 21), np.zeros((4, 7), np.float32)
    psf[3, 1] = 1  # one row below, two columns left of the centre (2, 3)
    np.testing.assert_allclose(run(image, psf).data[1:, :-2], image[:-1, 2:], atol=1e-6)


def test_alpha_is_carried_over_untouched() -> None:
    image = noise(20, 20, 4, dtype="uint8")
    result = run(image, BOX).data
    assert (result[..., 3] == image[..., 3]).all()
    assert (result[..., 0] != image[..., 0]).any()


def test_alpha_does_not_count_among_the_intensities() -> None:
    image = noise(20, 20, 4)
    image[..., 3] = 100
    assert run(image).recipe["scale"] < 1


def test_the_clip_level_is_no_lower_than_the_brightest_plane_of_a_lazy_stack() -> None:
    stack = np.cumsum(noise(10, 12, 14), axis=-1)  # nothing in it stands out alone
    stack[4] *= 5  # not among the planes that are sampled
    levels: list[float] = []

    def fail(problem: Problem) -> None:
        levels.append(problem.white - float(problem.seen.max()))

    run(dask.array.from_array(stack, chunks=(1, 12, 14)), method=Toy(fail=fail), axes="TYX")
    assert len(levels) == 10 and min(levels) >= -1e-6


def test_a_read_only_image_is_read_and_no_warning_given() -> None:
    image = noise(20, 20)
    image.setflags(write=False)
    np.testing.assert_allclose(run(image).data, image, atol=1e-6)


@pytest.mark.parametrize("dtype", ["u8", "i8", "f4"])
@pytest.mark.parametrize("unit_scale", [False, True])
def test_squares_of_large_values_stay_finite(dtype: str, unit_scale: bool) -> None:
    class Squares(Toy):
        def steps(self, problem: Problem) -> Iterator[torch.Tensor]:
            assert problem.seen.square().sum().isfinite()
            return super().steps(problem)

    method = Squares()
    object.__setattr__(method, "unit_scale", unit_scale)
    image = (noise(12, 14) * 2.0**62).astype(dtype)
    result = run(image, method=method).data
    error = np.abs(result.astype(float) - image.astype(float)).max()
    assert error < 1e-6 * float(image.max())


def test_the_input_is_untouched_and_the_scale_undone() -> None:
    image = noise(20, 20, dtype="uint16") * 300
    before = image.copy()
    result = run(image, BOX).data
    assert (image == before).all()
    assert abs(result.mean() / image.mean() - 1) < 0.01


@pytest.mark.parametrize(("shape", "spare"), [((97, 61), 40_000), ((6, 60, 63), 120_000)])
def test_tiles_are_indistinguishable_from_the_whole(shape: tuple[int, ...], spare: int) -> None:
    image, psf = noise(*shape), BOX if len(shape) == 2 else BOX[None]
    whole = run(image, psf)
    tiled = run(image, psf, memory_bytes=2 * image.nbytes + spare)
    assert np.prod(tiled.recipe["tiles"]) > 2
    np.testing.assert_allclose(tiled.data, whole.data, atol=1e-6)


def test_out_of_memory_goes_on_with_smaller_tiles_and_says_so() -> None:
    def fail(problem: Problem) -> None:
        if problem.seen.numel() > 2000:
            raise torch.OutOfMemoryError("CUDA out of memory")

    image = noise(80, 80)
    result = run(image, BOX, Toy(fail=fail))
    np.testing.assert_allclose(result.data, run(image, BOX).data, atol=1e-6)
    assert "Memory ran out" in result.notes[0].text


def test_hopeless_memory_is_an_error_in_words() -> None:
    def fail(problem: Problem) -> None:
        raise MemoryError

    with pytest.raises(DeconvError, match=r"[Mm]emory"):
        run(noise(80, 80), BOX, Toy(fail=fail))


def test_a_runtime_error_becomes_a_deconv_error() -> None:
    def fail(problem: Problem) -> None:
        raise RuntimeError("shape mismatch")

    with pytest.raises(DeconvError, match="toy failed: shape mismatch"):
        run(noise(8, 8), method=Toy(fail=fail))


def test_cancel_acts_within_a_step() -> None:
    cancel, seen = threading.Event(), []

    def stop(step: Step) -> None:
        seen.append(step)
        cancel.set()

    with pytest.raises(Cancelled):
        drain(stream(Toy(total=50), noise(9, 9), DELTA, noise=0.0, cancel=cancel), stop)
    assert len(seen) == 1


def test_progress_counts_up_to_its_total_and_previews() -> None:
    image, steps = noise(3, 9, 8), []

    def look(step: Step) -> None:
        preview = step.preview()
        assert preview is not None and preview.shape == (1, 9, 8)
        steps.append((step.done, step.total))

    drain(stream(Toy(), image, DELTA, noise=0.0), look)
    assert steps == [(i, 9) for i in range(1, 10)]


def test_clipping_is_said() -> None:
    @dataclass(frozen=True)
    class Bright(Toy):
        def steps(self, problem: Problem) -> Iterator[torch.Tensor]:
            yield problem.y * 3

    result = run(noise(20, 20, dtype="uint8"), method=Bright())
    assert result.data.max() == 255
    assert "clipped" in result.notes[0].text


def test_light_that_one_voxel_of_a_stack_loses_is_warned_of() -> None:
    @dataclass(frozen=True)
    class Tenfold(Toy):
        def steps(self, problem: Problem) -> Iterator[torch.Tensor]:
            yield problem.y * 10

    image = np.full((10, 10, 10), 2, np.uint8)
    image[5, 5, 5] = 200
    (note,) = run(image, DELTA[None], Tenfold()).notes
    share = 100 * (2000 - 255) / (999 * 20 + 2000)
    assert note.severity == "warning" and f"{share:.2g} % of the light" in note.text
    image[5, 5, 5] = 26  # five counts above the range, 0.02 % of the light
    (note,) = run(image, DELTA[None], Tenfold()).notes
    assert note.severity == "info" and "light" not in note.text


def test_half_floats_are_held_in_their_range() -> None:
    image = noise(12, 14).astype(np.float16)
    image[4, 4] = np.finfo(np.float16).max

    class Sharper(Toy):
        def steps(self, problem: Problem) -> Iterator[torch.Tensor]:
            yield 2 * next(super().steps(problem))

    result = run(image, method=Sharper())
    assert np.isfinite(result.data).all() and "clipped" in result.notes[0].text


def test_pixels_below_zero_are_not_lost_silently() -> None:
    class Light(Toy):
        non_negative = True

    assert "below 0" in run(noise(8, 9) - 0.5, method=Light()).notes[0].text
    assert not run(noise(8, 9), method=Light()).notes
    with pytest.raises(DeconvError, match="nowhere above 0"):
        run(-noise(8, 9) - 1, method=Light())


@pytest.mark.parametrize(
    ("image", "psf", "options", "words"),
    [
        (np.full((8, 8), np.nan), DELTA, {}, "64 values that are NaN"),
        (np.zeros((0, 8)), DELTA, {}, "empty"),
        (np.ones((8, 8)), DELTA, {}, "constant"),
        (np.ones((8, 8), complex), DELTA, {}, "complex"),
        (np.ones((8, 8), bool), DELTA, {}, "bool"),
        (noise(8), DELTA, {}, "two dimensions"),
        (noise(8, 8), DELTA * 0, {}, "sums to zero"),
        (noise(8, 8), DELTA - 0.1, {}, "negative"),
        (noise(8, 8), DELTA * np.nan, {}, "NaN"),
        (noise(8, 8), DELTA[0], {}, "shape \\(5,\\)"),
        (noise(8, 8), DELTA[None], {}, "3-D"),
        (noise(8, 8), DELTA, {"axes": "YXZ"}, "names 3 axes"),
        (noise(8, 8), DELTA, {"axes": "TX"}, "needs Y and X"),
        ([[1, 2], [3]], DELTA, {}, "The image is not an array"),
        (noise(8, 8), [[1, 2], [3]], {}, "The PSF is not an array"),
        (noise(8, 8, dtype="float64") * 1e60, DELTA, {}, "reach 9.*e\\+59"),
        (noise(8, 8, dtype="float64") * 1e-60, DELTA, {}, "e-61"),
        (noise(8, 8), DELTA, {"axes": ("Y", "X")}, "is not text"),
        (noise(8, 8), DELTA, {"axes": "Y-"}, "must be letters"),
        (noise(8, 8), DELTA, {"noise": -1}, "noise = -1"),
        (noise(8, 8), DELTA, {"noise": "much"}, "noise = 'much'"),
        (noise(8, 8), DELTA, {"device": "abacus"}, "abacus"),
        (noise(8, 8), DELTA, {"device": "cuda:99"}, "not available"),
        (noise(8, 8), DELTA, {"memory_bytes": 10}, "memory budget"),
    ],
)
def test_bad_input_is_named(image: Any, psf: Any, options: Any, words: str) -> None:
    with pytest.raises(DeconvError, match=words):
        run(image, psf, **options)


def test_a_psf_larger_than_the_image_works() -> None:
    image = noise(6, 7)
    psf = np.zeros((31, 33), np.float32)
    psf[15, 16] = 1
    np.testing.assert_allclose(run(image, psf).data, image, atol=1e-5)


def test_the_recipe_says_what_was_done() -> None:
    recipe = run(noise(8, 9), BOX).recipe
    assert recipe["method"] == {"name": "toy"}
    assert recipe["axes"] == "YX" and recipe["tiles"] == [1, 1]
    assert recipe["psf"]["sha256"] == array_hash(BOX)
