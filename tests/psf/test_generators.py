"""Each generator against an independent way to compute it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_deconv.core.errors import DeconvError
from napari_deconv.psf import (
    CameraShake,
    Disk,
    Gaussian,
    Motion,
    describe,
    fwhm,
    line_to_motion,
    psf_hash,
)
from napari_deconv.psf.mending import centre_of_mass


def fine_grid(shape: tuple[int, int], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Subpixel coordinates (y, x) of odd shapes around the middle, ``n`` per pixel."""
    y, x = ((np.arange(m * n) + 0.5) / n - m / 2 for m in shape)
    return y[:, None], x[None, :]


def pooled(fine: np.ndarray, n: int) -> np.ndarray:
    h, w = (m // n for m in fine.shape)
    array = fine.reshape(h, n, w, n).mean(axis=(1, 3))
    return array / array.sum()


@pytest.mark.parametrize("radius", [0.3, 1.0, 2.3, 7.0])
def test_disk_is_the_covered_area(radius: float) -> None:
    psf = Disk(radius_px=radius)()
    y, x = fine_grid(psf.shape, 200)
    expected = pooled(y**2 + x**2 <= radius**2, 200)
    np.testing.assert_allclose(psf, expected, atol=5e-4 * expected.max())
    np.testing.assert_allclose(psf, psf.T, atol=1e-8)


@pytest.mark.parametrize(("length", "angle"), [(15, 30), (7.3, -80), (3.2, 45), (20.5, 1)])
def test_motion_is_the_covered_area_of_a_bar(length: float, angle: float) -> None:
    psf = Motion(length_px=length, angle_deg=angle)()
    y, x = fine_grid(psf.shape, 200)
    t = np.deg2rad(angle)
    along, across = x * np.cos(t) - y * np.sin(t), x * np.sin(t) + y * np.cos(t)
    expected = pooled((abs(along) <= length / 2) & (abs(across) <= 0.5), 200)
    np.testing.assert_allclose(psf, expected, atol=1e-2 * expected.max())


def test_motion_along_an_axis_is_a_row_of_equal_pixels() -> None:
    psf = Motion(length_px=15)()
    assert np.count_nonzero(psf) == 15
    np.testing.assert_allclose(psf[1, 1:-1], 1 / 15, rtol=1e-6)
    np.testing.assert_array_equal(Motion(length_px=15, angle_deg=90)(), psf.T)


def test_angles_run_counter_clockwise_with_rows_running_down() -> None:
    for psf in (Motion(length_px=15, angle_deg=30)(), Gaussian(sigma_px=(1, 4), angle_deg=30)()):
        y, x = np.indices(psf.shape) - np.array([n // 2 for n in psf.shape])[:, None, None]
        assert (psf * y * x).sum() < 0
        tilt = np.arctan2(-2 * (psf * y * x).sum(), (psf * (x**2 - y**2)).sum()) / 2
        assert np.rad2deg(tilt) == pytest.approx(30, abs=0.5)


@pytest.mark.parametrize(
    ("start", "end", "length", "angle"),
    [
        ((10, 0), (10, 8), 8, 0),
        ((10, 0), (0, 10), 200**0.5, 45),
        ((0, 10), (10, 0), 200**0.5, 45),
        ((0, 3), (7, 3), 7, 90),
        ((0, 0), (1, 3**0.5), 2, 150),
    ],
)
def test_a_drawn_line_sets_length_and_angle(
    start: tuple[float, float], end: tuple[float, float], length: float, angle: float
) -> None:
    motion = line_to_motion(start, end)
    assert (motion.length_px, motion.angle_deg) == pytest.approx((length, angle))


@pytest.mark.parametrize(
    ("start", "end"), [((1, 1), (1, 1)), ((0, 0, 0), (0, 3, 4)), ((0, 0), (float("nan"), 1))]
)
def test_a_line_without_length_or_plane_is_refused(start: tuple, end: tuple) -> None:
    with pytest.raises(DeconvError, match="line"):
        line_to_motion(start, end)


def test_gaussian_agrees_with_scipy() -> None:
    delta = np.zeros((31, 41))
    delta[15, 20] = 1
    psf = Gaussian(sigma_px=(2.5, 4.0))(delta.shape)
    # Integrating over a pixel widens the sampled Gaussian by the variance of a pixel.
    widened = np.sqrt(np.array([2.5, 4.0]) ** 2 + 1 / 12)
    expected = gaussian_filter(delta, widened, truncate=8, mode="constant")
    np.testing.assert_allclose(psf, expected / expected.sum(), atol=1e-5)


@pytest.mark.parametrize(
    ("sigma", "angle"), [((2, 5), 30), ((0.3, 3), 45), ((0.1, 20), 10), ((3, 0.5), -91)]
)
def test_rotated_gaussian_is_integrated_over_pixels(
    sigma: tuple[float, float], angle: float
) -> None:
    psf = Gaussian(sigma_px=sigma, angle_deg=angle)((31, 33))
    y, x = fine_grid((31, 33), 40)
    t = np.deg2rad(angle)
    u, v = x * np.cos(t) - y * np.sin(t), x * np.sin(t) + y * np.cos(t)
    expected = pooled(np.exp(-((v / sigma[0]) ** 2 + (u / sigma[1]) ** 2) / 2), 40)
    np.testing.assert_allclose(psf, expected, atol=1e-3 * expected.max())


def test_rotation_by_a_right_angle_swaps_the_sigmas() -> None:
    turned = Gaussian(sigma_px=(1, 3), angle_deg=90)()
    np.testing.assert_allclose(turned, Gaussian(sigma_px=(3, 1))(), atol=1e-7)


def test_gaussian_chooses_its_dimensions() -> None:
    assert Gaussian()().ndim == 2
    assert Gaussian(sigma_px=(3, 1, 1))().ndim == 3
    assert Gaussian()(pixel_size=(3, 1, 1)).ndim == 3
    psf = Gaussian(sigma_px=(2, 1, 1))(pixel_size=(2, 1, 1))
    np.testing.assert_allclose(fwhm(psf)[0], fwhm(psf)[1], atol=0.2)
    for call in ({"shape": (9, 9)}, {"pixel_size": (1, 1)}):
        with pytest.raises(DeconvError, match="sigma_px"):
            Gaussian(sigma_px=(2, 1, 1))(**call)
    with pytest.raises(DeconvError, match="sigma_px"):
        Gaussian(sigma_px=(1, 2, 3, 4))


def test_camera_shake_is_seeded_continuous_and_centred() -> None:
    from scipy.ndimage import label

    seen = set()
    for seed in range(20):
        psf = CameraShake(seed=seed)()
        assert psf.shape == (27, 27)
        assert label(psf > 0, np.ones((3, 3)))[1] == 1
        np.testing.assert_allclose(centre_of_mass(psf), (13, 13), atol=1e-4)
        seen.add(psf_hash(psf))
    assert len(seen) == 20


def test_a_shorter_exposure_blurs_less() -> None:
    widths = [sum(fwhm(CameraShake(seed=0, exposure=e)())) for e in (0.1, 0.4, 1.0)]
    assert widths == sorted(widths)
    assert widths[0] < widths[-1] / 2


def test_camera_shake_stays_in_its_box_at_any_exposure() -> None:
    for seed in range(10):
        psf = CameraShake(seed=seed, exposure=0.5, size_px=15)((31, 31))
        assert psf[8:-8, 8:-8].sum() == pytest.approx(1, abs=1e-6)


def test_read_out() -> None:
    words = describe(Disk(radius_px=7)())
    assert words == "17 x 17 px, FWHM 14.0 x 14.0 px"
    width = fwhm(Gaussian(sigma_px=(2, 3, 4))())
    np.testing.assert_allclose(width, np.array([2, 3, 4]) * 2.3548, rtol=0.03)
    assert "= 0.24 x 0.48 um" in describe(Gaussian()(), (1, 0.05, 0.1), "um")
    with pytest.raises(DeconvError, match="pixel_size"):
        describe(Gaussian()(), (0.05,))


def test_hash_tells_shape_and_values_apart() -> None:
    psf = Disk()()
    assert psf_hash(psf) == psf_hash(psf.astype(np.float64)) == psf_hash(np.asfortranarray(psf))
    assert psf_hash(psf) != psf_hash(psf.reshape(-1)) != psf_hash(psf * 1.001)
    assert len(psf_hash(psf)) == 12
