"""The preflight: what it finds, what the repair makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_deconv.core.errors import DeconvError
from napari_deconv.psf import Disk, Gaussian, Motion, WideField, inspect, of_generator, repair
from napari_deconv.psf.mending import centre_of_mass, cut_energy, resample
from napari_deconv.psf.preflight import _REPAIRS

GOOD = Gaussian(sigma_px=1.5)()


def codes(psf: np.ndarray, *args: object, **kwargs: object) -> set[str]:
    return {f.code for f in inspect(psf, *args, **kwargs)}


@pytest.mark.parametrize(
    ("psf", "code"),
    [
        (np.ones(9), "dimension"),
        (np.ones((3, 3, 3, 3)), "dimension"),
        (np.zeros((0, 3)), "empty"),
        (np.zeros((3, 3)), "zero-sum"),
        (-GOOD, "zero-sum"),
        (np.full((3, 3), np.nan), "not-finite"),
        (np.full((3, 3), np.inf, np.float16), "not-finite"),
        (np.ones((3, 3), complex), "type"),
        (np.full((3, 3), None), "type"),
    ],
)
def test_unusable_psfs_are_fatal(psf: np.ndarray, code: str) -> None:
    (finding,) = inspect(psf)
    assert (finding.code, finding.fatal, finding.repairable) == (code, True, False)
    assert finding.message
    assert finding.remedy
    with pytest.raises(DeconvError):
        repair(psf)


def test_a_volume_for_a_plane_is_fatal() -> None:
    (finding,) = inspect(Gaussian(sigma_px=(1, 1, 1))(), image_shape=(64, 64))
    assert finding.fatal
    assert "3-D" in finding.message


@pytest.mark.parametrize(
    ("psf", "code", "number"),
    [
        (GOOD * 3, "sum", "sums to 3"),
        ((GOOD * 2**16).astype(np.uint16), "sum", ""),
        (GOOD - 1e-3, "negative", "-0.001"),
        (GOOD > 0.01, "bool", "True"),
        (Gaussian()((17, 18)), "even", "17 x 18"),
        (np.roll(GOOD, 2, axis=1), "off-centre", "(6.0, 8.0)"),
        (Gaussian(sigma_px=3.0)((9, 9)), "cut", "%"),
        (GOOD + 0.002, "background", "% of its peak"),
        (np.ones((3, 5)) / 15, "flat", "3 x 5"),
        (Disk(radius_px=0.2)(), "delta", "single pixel"),
    ],
)
def test_findings_name_the_number(psf: np.ndarray, code: str, number: str) -> None:
    found = {f.code: f for f in inspect(psf)}
    assert code in found
    assert not found[code].fatal
    assert number in found[code].message


def test_a_good_psf_has_no_findings() -> None:
    assert inspect(GOOD, GOOD.shape, (0.1, 0.1), (0.5, 0.1, 0.1)) == ()
    assert repair(GOOD) == pytest.approx(GOOD, abs=1e-7)


def test_every_repairable_code_has_a_repair() -> None:
    psf = np.pad(Gaussian(sigma_px=3.0)((8, 8)), ((0, 0), (9, 0))) - 1e-4
    found = inspect(psf, (7, 7), (1, 1), (2, 2))
    assert {f.code for f in found if f.repairable} <= _REPAIRS.keys()
    assert len(found) >= 6


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("sigma", [1.0, 2.0, 4.0])
def test_cut_energy_of_a_gaussian_is_estimated(sigma: float, axis: int) -> None:
    shape = [2 * int(4.5 * sigma) + 1] * 2
    shape[axis] = 2 * int(1.5 * sigma) + 1
    whole = Gaussian(sigma_px=sigma)(tuple(2 * n + 15 for n in shape)).astype(np.float64)
    inside = tuple(slice((2 * n + 15) // 2 - n // 2, (2 * n + 15) // 2 + n // 2 + 1) for n in shape)
    true = 1 / whole[inside].sum() - 1
    assert cut_energy(whole[inside]) == pytest.approx(true, rel=0.25)


def test_repair_centres_without_changing_the_shape() -> None:
    padded = np.pad(GOOD, ((3, 0), (0, 6)))
    mended = repair(padded)
    assert all(n % 2 for n in mended.shape)
    pad = [(m - n) // 2 for m, n in zip(mended.shape, GOOD.shape, strict=True)]
    np.testing.assert_allclose(mended, np.pad(GOOD, [(p, p) for p in pad]), atol=1e-6)


def test_an_even_psf_centred_between_pixels_is_moved_by_half_a_pixel() -> None:
    e = np.arange(16) - 7.5
    even = np.exp(-(e[:, None] ** 2 + e**2) / 2 / 1.52**2)
    mended = repair(even)
    assert mended.shape == (17, 17)
    o = np.arange(17) - 8
    expected = np.exp(-(o[:, None] ** 2 + o**2) / 2 / 1.52**2)
    np.testing.assert_allclose(mended, expected / expected.sum(), atol=5e-3 * mended.max())


def test_an_even_psf_centred_on_a_pixel_is_only_padded() -> None:
    mended = repair(Gaussian()((20, 20)))
    np.testing.assert_allclose(mended, Gaussian()((21, 21)), atol=1e-6)


def test_resampling_is_that_of_the_wider_gaussian() -> None:
    fine = Gaussian(sigma_px=4.0)()
    for size, sigma in (((2.0, 2.0), 2.0), ((0.5, 0.5), 8.0), ((1.6, 0.8), (2.5, 5.0))):
        coarse = repair(fine, pixel_size=(1, 1), image_pixel_size=size)
        expected = Gaussian(sigma_px=sigma)(coarse.shape)
        np.testing.assert_allclose(coarse, expected, atol=0.02 * expected.max())
        assert coarse.sum() == pytest.approx(1, abs=1e-5)


def test_resampling_a_line_keeps_its_energy_whatever_the_phase() -> None:
    line = Motion(length_px=31)().astype(np.float64)
    for factor in (0.3, 0.37, 0.9, 1.7):
        coarse = resample(line, (factor, factor))
        assert coarse.sum() == pytest.approx(1)
        np.testing.assert_allclose(
            centre_of_mass(coarse), [n // 2 for n in coarse.shape], atol=0.01
        )


def test_repair_removes_a_camera_offset() -> None:
    noisy = Gaussian(sigma_px=1.5)((25, 25)) + 0.004
    mended = repair(noisy)
    np.testing.assert_allclose(mended, Gaussian(sigma_px=1.5)((25, 25)), atol=1e-5)


def test_a_noisy_bead_on_an_offset_is_centred_and_left_without_haze() -> None:
    noise = np.random.default_rng(1).normal(size=(32, 30)) * 5
    y, x = np.indices(noise.shape)
    bead = 1000 * np.exp(-((y - 17.3) ** 2 + (x - 12.6) ** 2) / 2 / 1.7**2)
    raw = 100 + noise + bead
    assert "(17.3, 12.6)" in next(f.message for f in inspect(raw) if f.code == "off-centre")
    mended = repair(raw)
    assert inspect(mended) == ()
    clean = Gaussian(sigma_px=1.7)(mended.shape)
    np.testing.assert_allclose(mended, clean, atol=0.06 * clean.max())
    assert np.abs(mended - clean).sum() < 0.1


def test_an_empty_rim_larger_than_the_image_is_cropped_to_fit() -> None:
    psf = np.pad(Gaussian(sigma_px=1.0)((9, 9)), ((8, 8), (0, 0)))
    found = inspect(psf, (20, 64))
    assert [f.code for f in found] == ["larger"]
    mended = repair(psf, found)
    assert mended.shape[0] <= 20
    assert inspect(mended, (20, 64)) == ()


def test_light_from_beyond_the_image_is_physics_whoever_made_the_psf() -> None:
    z, y, x = (np.arange(n) - n // 2 for n in (41, 15, 15))
    tall = np.exp(-(z[:, None, None] ** 2) / 200 - (y[:, None] ** 2 + x**2) / 8)  # as of a file
    tall = (tall / tall.sum()).astype(np.float32)
    found = inspect(tall, (24, 128, 128))
    assert [f.code for f in found] == ["beyond"]  # nothing is called cut, nothing is to be mended
    assert "Richardson-Lucy accounts" in found[0].remedy and not found[0].repairable
    np.testing.assert_array_equal(repair(tall, image_shape=(24, 128, 128)), tall)
    generated = WideField(numerical_aperture=0.8)((41, 31, 31), (0.4, 0.1, 0.1))
    mine = inspect(generated, (12, 128, 128))
    assert "beyond" in [f.code for f in of_generator(mine, WideField(), (0.4, 0.1, 0.1))]


@pytest.mark.parametrize("shape", [(0, 0), (3, 0), (-1, 5), ("a", 5), (2.5, 5)])
def test_an_image_without_pixels_is_refused(shape: tuple[int, ...]) -> None:
    for call in (inspect, lambda psf, shape: repair(psf, image_shape=shape)):
        with pytest.raises(DeconvError, match="image_shape"):
            call(GOOD, shape)


def test_only_the_chosen_findings_are_mended() -> None:
    psf = np.roll(GOOD, 2, axis=0) * 2
    mended = repair(psf, [f for f in inspect(psf) if f.code == "sum"])
    np.testing.assert_allclose(mended, psf / psf.sum(), atol=1e-6)


def test_bad_pixel_sizes_are_refused() -> None:
    for sizes in (((1, 1), (0, 1)), ((1,), (1, 1))):
        with pytest.raises(DeconvError, match="pixel_size"):
            inspect(GOOD, None, *sizes)


shapes = hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=9)
values = st.floats(-1, 1, width=32) | st.floats(0, 1e6, width=32)
arrays = (
    hnp.arrays(np.float32, shapes, elements=values)
    | hnp.arrays(np.uint16, shapes)
    | hnp.arrays(np.bool_, shapes)
)


@settings(max_examples=60, deadline=None)
@given(psf=arrays, margin=st.none() | st.integers(-2, 30))
def test_after_repair_nothing_repairable_is_found(psf: np.ndarray, margin: int | None) -> None:
    room = None if margin is None else tuple(max(1, n + margin) for n in psf.shape)
    found = inspect(psf, room)
    if any(f.fatal for f in found):
        return
    before = psf.copy()
    try:
        mended = repair(psf, found)
    except DeconvError:
        assert room is not None, "only the lack of room may prevent a repair"
        return
    np.testing.assert_array_equal(psf, before)
    assert mended.dtype == np.float32
    assert mended.min() >= 0
    assert [f.code for f in inspect(mended, room) if f.repairable] == []
