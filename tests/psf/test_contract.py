"""What every PSF must do; a new one is tested by being registered."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_deconv.core.errors import DeconvError
from napari_deconv.psf import PSF, inspect
from napari_deconv.psf.mending import centre_of_mass
from napari_deconv.psf.preflight import of_generator

EVERY = sorted(PSF.registry)
EVERY_DIM = [(name, ndim) for name in EVERY for ndim in PSF.registry[name].ndim]
PLAIN = [name for name in EVERY if not PSF.registry[name].calibrated]
PLAIN_DIM = [(name, ndim) for name, ndim in EVERY_DIM if name in PLAIN]


def voxel(psf: PSF, ndim: int) -> tuple[float, ...]:
    """A voxel size: cubes, or for optics one of good sampling in um."""
    return (0.12, 0.05, 0.05)[-ndim:] if psf.calibrated else (1.0,) * ndim


def rendered(psf: PSF, shape: tuple[int, ...] | None = None) -> np.ndarray:
    return psf(shape, voxel(psf, psf.ndim[0]) if psf.calibrated else None)


def far(cls: type[PSF], end: int) -> PSF:
    """An instance with every bounded number moved a good way from its default to one end."""
    fields = {}
    for key, field in cls.fields().items():
        default, limit = field.default, (field.low, field.high)[end]
        if limit is not None and isinstance(default, (int, float)):
            fields[key] = type(default)(default + (limit - default) / 8)
    return cls(**fields)


def variants(name: str) -> list[PSF]:
    cls = PSF.registry[name]
    return [cls(), far(cls, 0), far(cls, 1)]


@pytest.mark.parametrize(("name", "ndim"), EVERY_DIM)
def test_normalised_and_centred(name: str, ndim: int) -> None:
    psf = PSF.registry[name]()
    size = voxel(psf, ndim)
    automatic = psf(pixel_size=size)
    assert all(n % 2 for n in automatic.shape)
    even = tuple(n + 1 + axis % 2 for axis, n in enumerate(automatic.shape))
    larger = tuple(n + 4 for n in automatic.shape)
    for array in (automatic, psf(even, size), psf(larger, size)):
        assert array.ndim == ndim
        assert array.dtype == np.float32
        assert array.min() >= 0
        assert array.sum(dtype=np.float64) == pytest.approx(1, abs=1e-5)
        middle = [n // 2 for n in array.shape]
        if psf.calibrated:  # never quite ends, so that an even window shifts the centre of mass
            np.testing.assert_array_equal(np.unravel_index(array.argmax(), array.shape), middle)
            continue
        np.testing.assert_allclose(centre_of_mass(array), middle, atol=0.02)


@pytest.mark.parametrize("name", PLAIN)
def test_automatic_size_holds_all_but_a_thousandth(name: str) -> None:
    for psf in variants(name):
        small = psf()
        large = psf(tuple(2 * n + 9 for n in small.shape)).astype(np.float64)
        window = tuple(
            slice(m // 2 - n // 2, m // 2 + n // 2 + 1)
            for n, m in zip(small.shape, large.shape, strict=True)
        )
        assert 1 - large[window].sum() < 1e-3
        np.testing.assert_allclose(small, large[window] / large[window].sum(), atol=1e-6)


@pytest.mark.parametrize("name", EVERY)
def test_preflight_has_nothing_against_it(name: str) -> None:
    for psf in variants(name):
        fine = (0.01, 0.01) if psf.calibrated else None
        assert of_generator(inspect(rendered(psf)), psf, fine) == ()


@pytest.mark.parametrize(("name", "ndim"), PLAIN_DIM)
def test_coarse_voxels_shorten_the_first_axis(name: str, ndim: int) -> None:
    psf = PSF.registry[name]()
    flat = psf(pixel_size=(2.0,) + (1.0,) * (ndim - 1))
    full = psf(pixel_size=(1.0,) * ndim)
    assert flat.shape[0] <= full.shape[0]
    assert flat.shape[1:] == full.shape[1:]
    assert _spread(flat) == pytest.approx(_spread(full) / 2, abs=0.25)
    np.testing.assert_array_equal(flat, psf(pixel_size=(0.4,) + (0.2,) * (ndim - 1)))


def _spread(array: np.ndarray) -> float:
    profile = array.sum(axis=tuple(range(1, array.ndim)), dtype=np.float64)
    place = np.arange(len(profile))
    return float(np.sqrt(profile @ (place - profile @ place) ** 2))


@pytest.mark.parametrize("name", EVERY)
def test_round_trip_and_determinism(name: str) -> None:
    for psf in variants(name):
        again = PSF.from_dict(json.loads(json.dumps(psf.to_dict())))
        assert again == psf
        assert hash(again) == hash(psf)
        np.testing.assert_array_equal(rendered(again), rendered(psf))


@pytest.mark.parametrize("name", EVERY)
def test_fields_are_documented_and_bounded(name: str) -> None:
    cls = PSF.registry[name]
    for key, field in cls.fields().items():
        assert field.text, f"{key} is not documented"
        assert (field.low is None) == (field.high is None), f"{key} is open at one end"
        assert not field.numeric or field.high is not None
        if field.high is not None:
            with pytest.raises(DeconvError, match=key):
                cls(**{key: field.high + 1})


@pytest.mark.parametrize("name", EVERY)
def test_unfit_shapes_are_refused_in_words(name: str) -> None:
    psf = PSF.registry[name]()
    ndim = psf.ndim[0]
    for shape in ((9,), (9,) * 4, (0,) + (9,) * (ndim - 1), (10**5,) * ndim):
        with pytest.raises(DeconvError, match=psf.title):
            psf(shape, (1.0,) * len(shape))
    for size in ((0.0,) * ndim, (float("nan"),) * ndim, (1.0,) * 4):
        with pytest.raises(DeconvError):
            psf(pixel_size=size)
