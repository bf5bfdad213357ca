"""Beads at subpixel places with photon noise give back the PSF that made them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import fourier_shift

from napari_deconv.__main__ import main
from napari_deconv.core.errors import DeconvError
from napari_deconv.io import Picture, read, write
from napari_deconv.psf import Confocal, Gaussian, WideField, fwhm
from napari_deconv.psf.beads import average, measure
from napari_deconv.psf.beads.report import Bead, Measured
from napari_deconv.psf.mending import centre_of_mass

VOXEL = (0.2, 0.08, 0.08)


def phantom(
    psf: np.ndarray, shape: tuple[int, ...], places: np.ndarray, photons: float, seed: int = 0
) -> np.ndarray:
    """Beads at any places, by shifting a well-sampled PSF in Fourier space; Poisson noise on 10."""
    rng, image = np.random.default_rng(seed), np.zeros(shape)
    spectrum = np.fft.fftn(psf)
    for place in places:
        whole = np.rint(place).astype(int)
        moved = np.fft.ifftn(fourier_shift(spectrum, place - whole)).real.clip(0)
        low = whole - np.array(psf.shape) // 2
        ours = [slice(max(0, a), a + n) for a, n in zip(low, psf.shape, strict=True)]
        part = image[tuple(ours)]
        theirs = [slice(s.start - a, s.start - a + m)
                  for s, a, m in zip(ours, low, part.shape, strict=True)]  # fmt: skip
        part += moved[tuple(theirs)] / psf.max() * photons * rng.uniform(0.7, 1.3)
    return rng.poisson(image + 10).astype(np.uint16)


def grid(shape: tuple[int, ...], step: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Places far apart, each off its pixel by up to half of one."""
    axes = [np.arange(s, n - s + 1, s, dtype=float) for n, s in zip(shape, step, strict=True)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(shape))
    return places + np.random.default_rng(seed).uniform(-0.5, 0.5, places.shape)


@pytest.mark.parametrize("spec", [Confocal(), WideField(numerical_aperture=0.9)])
def test_measured_psf_has_the_width_of_the_true_one(spec: WideField) -> None:
    truth = spec((31, 41, 41), VOXEL)
    shape = (60, 112, 149)
    places = grid(shape, (30, 37, 37))
    found = measure(phantom(truth, shape, places, 400.0))
    assert len(found.used) == len(places) == 6
    assert all(n % 2 for n in found.psf.shape)
    assert found.psf.sum(dtype=np.float64) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(found.fwhm_px, fwhm(truth), rtol=0.04)
    np.testing.assert_allclose(found.against(truth), 1, rtol=0.04)
    away = [min(np.linalg.norm(np.array(b.place) - p) for p in places) for b in found.used]
    assert max(away) < 0.15
    inner = tuple(slice(m // 2 - n // 2, m // 2 + n // 2 + 1)
                  for n, m in zip(found.psf.shape, truth.shape, strict=True))  # fmt: skip
    likeness = np.corrcoef(found.psf.ravel(), truth[inner].ravel())[0, 1]
    assert likeness > 0.98


def test_each_bead_that_cannot_be_used_is_named_with_its_reason() -> None:
    truth = Gaussian(sigma_px=1.6)((25, 25))
    good = grid((200, 200), (40, 40))
    image = phantom(truth, (200, 200), good, 300.0).astype(float)
    bad = {
        "border": np.array([[3.0, 60.2]]),
        "close": np.array([[62.0, 58.0], [62.0, 66.0]]),
        "saturated": np.array([[100.2, 140.1]]),
        "dim": np.array([[140.0, 62.3]]),
        "shape": np.array([[181.0, 101.0]]),
    }
    image += phantom(truth, (200, 200), bad["border"], 300.0) - 10.0
    image += phantom(truth, (200, 200), bad["close"], 300.0) - 10.0
    image += phantom(truth, (200, 200), bad["dim"], 22.0) - 10.0
    wide = Gaussian(sigma_px=3.2)((35, 35))
    image += phantom(wide, (200, 200), bad["shape"], 300.0) - 10.0
    image += phantom(truth, (200, 200), bad["saturated"], 3000.0) - 10.0
    image = image.clip(0, 1000)
    found = measure(image, size=(17, 17))
    for reason, places in bad.items():
        for place in places:
            near = min(found.beads, key=lambda b: np.linalg.norm(np.array(b.place) - place))
            assert np.linalg.norm(np.array(near.place) - place) < 2
            assert near.reason == reason, near
            assert any(c.isdigit() for c in near.words) or reason == "border"
    np.testing.assert_allclose(found.fwhm_px, fwhm(truth), rtol=0.04)


def test_given_points_are_taken_and_no_others() -> None:
    truth = Gaussian(sigma_px=1.6)((25, 25))
    places = grid((160, 160), (40, 40))
    image = phantom(truth, (160, 160), places, 300.0)
    found = measure(image, np.rint(places[:3]) + np.array([2, -2]))
    assert len(found.beads) == 3
    for bead, place in zip(found.beads, places, strict=False):
        np.testing.assert_allclose(bead.place, place, atol=0.15)


@settings(max_examples=8)
@given(st.integers(90, 97), st.sampled_from([7, 11, 15]), st.booleans())
def test_any_size_is_centred_and_symmetric_where_asked(side: int, size: int, even: bool) -> None:
    truth = Gaussian(sigma_px=(1.4, 1.9), angle_deg=20)((21, 21))
    shape = (side, side + 3)
    image = phantom(truth, shape, grid(shape, (30, 30)), 500.0, seed=side)
    found = measure(image, size=(size, size), symmetric=even)
    assert found.psf.shape == (size, size)
    np.testing.assert_allclose(centre_of_mass(found.psf), (size // 2,) * 2, atol=0.1)
    if even:
        np.testing.assert_allclose(found.psf, found.psf[::-1], atol=1e-7)
        np.testing.assert_allclose(found.psf, found.psf.T, atol=1e-7)


def test_bad_input_is_refused_in_words() -> None:
    flat = np.full((40, 40), 7.0)
    with pytest.raises(DeconvError, match="No bead was found"):
        measure(flat)
    with pytest.raises(DeconvError, match="points has shape"):
        measure(flat, [[1.0, 2.0, 3.0]])
    with pytest.raises(DeconvError, match="holds complex128"):
        measure(flat.astype(complex))
    with pytest.raises(DeconvError, match="NaN"):
        measure(np.full((40, 40), np.nan))
    lone = phantom(Gaussian(sigma_px=2.0)((25, 25)), (40, 40), np.array([[2.0, 20.0]]), 300.0)
    with pytest.raises(DeconvError, match=r"None of 1 beads .* border"):
        measure(lone)
    with pytest.raises(DeconvError, match="odd number"):
        measure(lone, size=(8, 8))


def test_command_line_measures_and_says_what_it_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = WideField(numerical_aperture=0.5)((25, 25), (0.25, 0.25))
    places = np.vstack([grid((150, 150), (37, 37)), [[2.0, 75.0]]])
    image = phantom(truth, (150, 150), places, 400.0)
    size = {"X": 0.25, "Y": 0.25}
    like = Picture(data=image, axes="YX", pixel_size=size, units=dict.fromkeys(size, "µm"))
    write(tmp_path / "beads.tif", image, like=like)
    out = tmp_path / "psf.tif"
    words = ["psf", "beads", tmp_path / "beads.tif", "-o", out, "--theory"]
    assert main([*map(str, words), "wide-field:numerical_aperture=0.5"]) == 0
    said = capsys.readouterr()
    assert "too near the border" in said.err
    assert f"{len(places) - 1} of {len(places)} beads" in said.out
    ratios = said.out.rsplit(":", 1)[1].split("x")
    assert all(abs(float(ratio) - 1) < 0.05 for ratio in ratios)
    assert read(out).pixel_size["X"] == pytest.approx(0.25)


def tilted(angle: float, size: int = 31) -> np.ndarray:
    """A Gaussian whose long axis leans by an angle from z towards x."""
    z, y, x = np.mgrid[:size, :size, :size] - size // 2
    turn = np.radians(angle)
    along, across = np.cos(turn) * z + np.sin(turn) * x, np.cos(turn) * x - np.sin(turn) * z
    return np.exp(-0.5 * ((along / 5) ** 2 + (across / 1.6) ** 2 + (y / 2.4) ** 2))


@pytest.mark.parametrize("angle", [0, 12])
def test_principal_axes_tell_tilt_and_ellipticity(angle: float) -> None:
    values = tilted(angle)
    found = Measured(np.asarray(values / values.sum(), np.float32), (Bead((0.0,) * 3),))
    axes = found.axes()
    assert axes.tilt_deg == pytest.approx(angle, abs=1)
    assert axes.ellipticity == pytest.approx(2.4 / 1.6, rel=0.03)
    assert axes.angle_deg == pytest.approx(90, abs=2)
    # Voxels of twice the height are a smaller angle.
    halved = np.degrees(np.arctan(np.tan(np.radians(angle)) / 2))
    assert found.axes((2.0, 1.0, 1.0)).tilt_deg == pytest.approx(halved, abs=1.5)


def test_a_psf_that_leans_says_to_which_side() -> None:
    x = np.arange(31.0) - 15
    line = np.where(x > 0, np.exp(-0.5 * (x / 3) ** 2), np.exp(-0.5 * (x / 2) ** 2))
    values = np.exp(-0.5 * (x / 2) ** 2)[:, None] * line
    found = Measured(np.asarray(values, np.float32), (Bead((0.0, 0.0)),))
    assert found.asymmetry == pytest.approx((0.0, 0.2), abs=0.02)


@pytest.mark.parametrize("photons", [500.0, 2000.0])
def test_the_width_is_right_and_its_error_holds_in_two_cases_of_three(photons: float) -> None:
    truth = Gaussian(sigma_px=1.6)((25, 25))
    shape = (150, 170)
    found = [
        measure(phantom(truth, shape, grid(shape, (34, 36), seed), photons, seed))
        for seed in range(24)
    ]
    widths, errors = (np.array([getattr(m, k) for m in found]) for k in ("fwhm_px", "error_px"))
    np.testing.assert_allclose(widths.mean(axis=0), fwhm(truth), rtol=0.01)
    np.testing.assert_allclose(widths, np.broadcast_to(fwhm(truth), widths.shape), rtol=0.05)
    held = (np.abs(widths - fwhm(truth)) < errors).mean()
    assert 0.5 < held < 0.88  # 0.68 of 48
    used = [bead for m in found for bead in m.used]
    off = np.array([bead.fwhm_px for bead in used]) - fwhm(truth)
    held = (np.abs(off) < np.array([bead.error_px for bead in used])).mean()
    assert 0.6 < held < 0.76


def test_a_bead_that_breaks_its_fit_does_not_stop_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = Gaussian(sigma_px=1.6)((25, 25))
    image = phantom(truth, (120, 120), grid((120, 120), (40, 40)), 500.0)
    calls, real = [], average.fitted

    def broken(*given: object) -> object:
        calls.append(given)
        if len(calls) == 2:
            raise np.linalg.LinAlgError("SVD did not converge")
        return real(*given)

    monkeypatch.setattr(average, "fitted", broken)
    found = measure(image)
    assert [b.reason for b in found.beads].count("shape") == 1 and len(found.used) == 3


def test_table_and_page_of_a_measured_psf(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = Gaussian(sigma_px=1.6)((25, 25))
    image = phantom(truth, (140, 140), grid((140, 140), (45, 45)), 500.0)
    picture = Picture(data=image, axes="YX", pixel_size={"Y": 0.1, "X": 0.1},
                      units={"Y": "µm", "X": "µm"})  # fmt: skip
    write(tmp_path / "beads.tif", image, like=picture)
    out = ["-o", str(tmp_path / "psf.tif")]
    for ending in ("pdf", "png"):
        beside = ["--table", str(tmp_path / "b.csv"), "--report", str(tmp_path / f"page.{ending}")]
        for _ in range(2):  # again, over its own
            assert main(["psf", "beads", str(tmp_path / "beads.tif"), *out, *beside]) == 0
    text = (tmp_path / "b.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()[1:]))
    assert len(rows) == 4 and all(row["used"] == "yes" for row in rows)
    assert all(float(row["fwhm_x_µm"]) == pytest.approx(0.377, rel=0.1) for row in rows)
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "page.png").stat().st_size > 20_000
    assert "FWHM x 0.38" in capsys.readouterr().out
    (tmp_path / "other.pdf").write_bytes(b"%PDF of somebody else")
    beside = ["--report", str(tmp_path / "other.pdf")]
    assert main(["psf", "beads", str(tmp_path / "beads.tif"), *out, *beside]) == 2
