"""Microscope PSFs against two independent implementations, plane waves, and textbook optics."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_deconv.core.errors import DeconvError
from napari_deconv.psf import Confocal, Disk, LightSheet, TwoPhoton, WideField, fwhm, inspect
from napari_deconv.psf.depths import at_depths
from napari_deconv.psf.optics import Lens, radial_grid, through_pinhole
from napari_deconv.psf.preflight import of_generator

OIL = {"numerical_aperture": 1.4, "refractive_index_immersion": 1.515}


def peak_error(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(abs(ours / ours.max() - theirs / theirs.max()).max())


@pytest.mark.filterwarnings("ignore")  # its own
@pytest.mark.parametrize(
    ("aperture", "immersion", "sample", "depth"),
    [(0.75, 1.0, 1.33, 10.0), (1.2, 1.333, 1.333, 0.0), (1.2, 1.333, 1.4, 8.0)],
)
def test_scalar_model_agrees_with_microscpsf(
    aperture: float, immersion: float, sample: float, depth: float
) -> None:
    import microscPSF.microscPSF as reference

    lens = Lens(aperture, 0.52, immersion, sample=sample, depth_um=depth)
    r, z = np.linspace(0, 2, 41), np.linspace(-3, 3, 25) + sum(lens.focus_range()) / 2
    stated = {"NA": aperture, "ni": immersion, "ni0": immersion, "ns": sample}
    theirs = reference.gLZRFocalScan({**reference.m_params, **stated}, r, -z, pz=depth, wvl=0.52)
    assert peak_error(lens.intensity(r, z), theirs.T) < 0.01


@pytest.mark.filterwarnings("ignore")
def test_scalar_model_agrees_with_microscpsf_in_oil() -> None:
    """By its slow integration: its fast series is off by 1 to 4 % of the peak at NA 1.4."""
    import microscPSF.microscPSF as reference

    lens = Lens(1.4, 0.52, 1.515, sample=1.33, depth_um=5.0)
    r, z = np.linspace(0, 1.2, 4), np.linspace(-1, 1, 4) + 6.0
    stated = {**reference.m_params, "ni": 1.515, "ns": 1.33}
    theirs = reference.gLZRFocalScanSlow(stated, r, -z, pz=5.0, wvl=0.52)
    assert peak_error(lens.intensity(r, z), theirs.T) < 1e-3


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("aperture", "index"), [(1.4, 1.515), (1.2, 1.333)])
def test_vectorial_model_agrees_with_psf_generator(aperture: float, index: float) -> None:
    from psf_generator.propagators import VectorialSphericalPropagator

    size, planes, pixel_nm, total = 33, 9, 80.0, 0.0
    for x, y in ((1.0, 0.0), (0.0, 1.0)):
        made = VectorialSphericalPropagator(
            n_pix_pupil=257, n_pix_psf=size, wavelength=520, na=aperture, pix_size=pixel_nm,
            n_i=index, n_i0=index, defocus_step=250.0, n_defocus=planes, apod_factor=True,
            e0x=x, e0y=y,
        )  # fmt: skip
        field = made.compute_focus_field().numpy()
        total = total + (abs(field) ** 2).sum(axis=1)
    x = np.linspace(-1, 1, size) * size * pixel_nm / 2000
    z = np.linspace(made.defocus_min, made.defocus_max, planes) / 1000
    r, place = np.unique(np.hypot(x[:, None], x), return_inverse=True)
    ours = Lens(aperture, 0.52, index, sample=index, vectorial=True).intensity(r, z)
    assert peak_error(ours[place.ravel()].T.reshape(planes, size, size), total) < 0.01


def plane_waves(lens: Lens, x: np.ndarray, z: float) -> np.ndarray:
    """The same intensity by brute force: plane waves on a square grid of the pupil, each with its
    polarisation carried through the layers, for light polarised along x and along y."""
    a = np.linspace(-1, 1, 300) * lens.aperture
    ay, ax = np.meshgrid(a, a, indexing="ij")
    alpha = np.hypot(ax, ay)
    ay, ax, alpha = (v[alpha < lens.aperture] for v in (ay, ax, alpha))
    media = (lens.immersion, lens.coverslip, lens.sample)
    cosines = [np.sqrt(1 - (alpha / n) ** 2) for n in media]
    s, p = np.ones_like(alpha), np.ones_like(alpha)
    for i in (0, 1):
        (n, m), (c, d) = media[i : i + 2], cosines[i : i + 2]
        s = s * 2 * n * c / (n * c + m * d)
        p = p * 2 * n * c / (m * c + n * d)
    cos, sin = cosines[2], alpha / lens.sample
    cp, sp = ax / alpha, ay / alpha
    # Aplanatic: the pupil's area element over the root of the cosine.
    weight = 1 / np.sqrt(cosines[0])
    k = 2 * np.pi / lens.wavelength_um
    path = lens.depth_um * lens.sample * cos - z * lens.immersion * cosines[0]
    wave = weight * np.exp(1j * k * (path + x[:, None] * ax))
    total = np.zeros(len(x))
    for along_p, along_s in ((cp, -sp), (sp, cp)):
        vector = (
            along_p * p * cos * cp - along_s * s * sp,
            along_p * p * cos * sp + along_s * s * cp,
            -along_p * p * sin,
        )
        total += sum(abs((wave * v).sum(axis=1)) ** 2 for v in vector)
    return total


@pytest.mark.parametrize(("aperture", "immersion", "depth"), [(1.3, 1.515, 4.0), (0.9, 1.0, 0.0)])
def test_vectorial_model_through_layers_is_a_sum_of_plane_waves(
    aperture: float, immersion: float, depth: float
) -> None:
    lens = Lens(aperture, 0.52, immersion, sample=1.333, depth_um=depth, vectorial=True)
    x, z = np.linspace(0, 1, 11), np.array([sum(lens.focus_range()) / 2])
    assert peak_error(lens.intensity(x, z)[:, 0], plane_waves(lens, x, z[0])) < 0.01


def test_low_aperture_in_focus_is_the_airy_pattern() -> None:
    from scipy.special import j1

    r = np.linspace(0.01, 10, 50)
    v = 2 * np.pi * 0.2 * r / 0.5
    ours = Lens(0.2, 0.5, 1.0).intensity(np.append(0, r), np.zeros(1))[:, 0]
    np.testing.assert_allclose(ours[1:] / ours[0], (2 * j1(v) / v) ** 2, atol=1e-6)


def test_automatic_model_changes_at_its_aperture() -> None:
    assert not WideField(numerical_aperture=0.8).finest.vectorial
    assert WideField(numerical_aperture=0.81).finest.vectorial
    assert not WideField(model="scalar").finest.vectorial


def test_every_plane_of_wide_field_holds_the_same_light() -> None:
    psf = WideField(model="scalar")((5, 401, 401), (0.5, 0.05, 0.05))
    sums = psf.sum(axis=(1, 2), dtype=np.float64)
    np.testing.assert_allclose(sums, sums.mean(), rtol=0.03)


def test_pixels_integrate() -> None:
    spec = WideField(numerical_aperture=0.9, emission_nm=600)
    fine = spec((455, 455), (0.02, 0.02))
    coarse = spec((91, 91), (0.1, 0.1))
    pooled = fine.reshape(91, 5, 91, 5).sum(axis=(1, 3))
    np.testing.assert_allclose(coarse, pooled, atol=1e-4 * pooled.max())


def test_pinhole_averages_over_its_disk() -> None:
    lens, z = Lens(1.2, 0.52, 1.333, vectorial=True), np.array([0.0, 0.4])
    r = np.array([0.0, 0.2, 0.5])
    side = (np.arange(301) + 0.5) / 150.5 - 1
    y, x = np.meshgrid(side, side)
    y, x = (2 * lens.airy_um * v[np.hypot(y, x) <= 1] for v in (y, x))
    grid = radial_grid(lens, 2.0)
    table = lens.intensity(grid, z)
    expected = [
        [np.interp(np.hypot(y, x - a), grid, table[:, i]).mean() for i in (0, 1)] for a in r
    ]
    found = through_pinhole(lens, r, z, 2 * lens.airy_um)
    np.testing.assert_allclose(found, expected, atol=0.005 * np.max(expected))


def test_kinds_of_microscope_differ_as_they_should() -> None:
    size, shape = (0.1, 0.04, 0.04), (41, 41, 41)
    wide = fwhm(WideField()(shape, size))
    open_, closed = (fwhm(Confocal(pinhole_airy=p)(shape, size)) for p in (10.0, 0.2))
    excited = fwhm(WideField(emission_nm=488)(shape, size))
    assert all(c < o < w for c, o, w in zip(closed, open_, wide, strict=True))
    np.testing.assert_allclose(open_, excited, rtol=0.02)  # an open pinhole selects nothing
    two = fwhm(TwoPhoton(excitation_nm=900)(shape, size))
    assert closed[0] < two[0] and two[1] < fwhm(WideField(emission_nm=900)(shape, size))[1]
    thin = LightSheet(numerical_aperture=0.3, sheet_um=2.0)((41, 41, 41), (0.2, 0.2, 0.2))
    assert fwhm(thin)[0] * 0.2 == pytest.approx(2.0, rel=0.05)  # the sheet alone sections


def test_depth_in_oil_widens_and_tilts_the_balance() -> None:
    depths = (0.0, 10.0, 20.0)
    stack = at_depths(WideField(**OIL), depths, (61, 41, 41), (0.1, 0.1, 0.1))
    assert stack.shape == (3, 61, 41, 41)
    axial = [fwhm(psf)[0] for psf in stack]
    assert axial == sorted(axial)
    shallow, deep = stack[0], stack[2]
    np.testing.assert_allclose(shallow, shallow[::-1], atol=1e-3 * shallow.max())
    assert abs(deep - deep[::-1]).max() > 0.1 * deep.max()
    with pytest.raises(DeconvError, match="Disk"):
        at_depths(Disk(), depths)  # type: ignore[arg-type]


@given(
    st.sampled_from([WideField(), Confocal(), TwoPhoton(), LightSheet(numerical_aperture=0.5)]),
    st.tuples(st.integers(1, 6), st.integers(1, 16), st.integers(1, 17)),
    st.integers(2, 3),
)
def test_any_shape_is_cut_from_one_psf(
    spec: WideField, shape: tuple[int, int, int], ndim: int
) -> None:
    size = (0.3, 0.1, 0.12)[-ndim:]
    part, whole = spec(shape[-ndim:], size), spec((9, 21, 21)[-ndim:], size)
    place = tuple(
        slice(m // 2 - n // 2, m // 2 - n // 2 + n)
        for n, m in zip(part.shape, whole.shape, strict=True)
    )
    expected = whole[place] / whole[place].sum(dtype=np.float64)
    np.testing.assert_allclose(part, expected, atol=1e-4 * expected.max())


def test_without_calibration_there_is_none() -> None:
    for call in ({}, {"shape": (9, 9)}):
        with pytest.raises(DeconvError, match=r"voxel size is not known.*µm"):
            WideField()(**call)
    with pytest.raises(DeconvError, match=r"1\.4 is not below refractive_index_immersion = 1"):
        WideField(numerical_aperture=1.4, refractive_index_immersion=1.0)


def test_coarse_sampling_is_told_with_numbers() -> None:
    spec = WideField(numerical_aperture=1.4, refractive_index_immersion=1.515)
    (found,) = spec.findings((0.3, 0.16, 0.16))
    assert found.code == "nyquist" and not found.repairable and not found.fatal
    assert "pixel is 0.16 µm, Nyquist 0.0929 µm" in found.message
    step = 0.52 / (2 * (1.515 - math.sqrt(1.515**2 - 1.4**2)))
    assert f"z-step is 0.3 µm, Nyquist {step:.3g} µm" in found.message
    assert spec.findings((0.2, 0.09, 0.09)) == ()
    psf = spec(pixel_size=(0.3, 0.16, 0.16))
    assert [f.code for f in of_generator(inspect(psf), spec, (0.3, 0.16, 0.16))] == ["nyquist"]
    (found,) = Confocal().findings((0.2, 0.1, 0.1))
    assert "Nyquist 0.0692 µm. This allows for the pinhole of 1 Airy" in found.message
    assert "a closed one, 0.052" in found.message


def test_a_plane_of_a_thick_sample_is_the_stack_added_up() -> None:
    spec = WideField(numerical_aperture=0.9)
    thick = spec.but(thickness_um=2.0)
    stack = spec((81, 41, 41), (0.025, 0.1, 0.1)).astype(np.float64)
    stack[[0, -1]] /= 2
    collapsed = stack.sum(axis=0) / stack.sum()
    np.testing.assert_allclose(thick((41, 41), (0.1, 0.1)), collapsed, atol=2e-3 * collapsed.max())
    np.testing.assert_array_equal(
        thick((9, 9, 9), (0.2, 0.1, 0.1)), spec((9, 9, 9), (0.2, 0.1, 0.1))
    )
    plain = spec((41, 41), (0.1, 0.1))
    assert collapsed.max() < 0.8 * plain.max()
    assert thick.support((0.1, 0.1))[0] > spec.support((0.1, 0.1))[0]
