"""Noise that grows with brightness: found where it is there, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from napari_deconv import degrade
from napari_deconv.degradation.structures import Structures
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import Gaussian
from napari_deconv.restoration.networks.fcnn import FCNN
from napari_deconv.restoration.wiener import Wiener
from napari_deconv.signal.noise_law import NoiseLaw, noise_law

SHARP = Structures(background_low=0.01, background_high=0.05)
NUCLEI = Structures(kinds=("nuclei",), background_low=0.01, background_high=0.05)


def photons(count, seed, noise=0.01, scene=SHARP):
    """A generated plane with photon noise, and the root of its noise's mean variance."""
    sharp = scene.draw((320, 320), np.random.default_rng(seed))
    seen, _ = degrade(sharp, Gaussian(sigma_px=1.2)(), photons=count, noise=noise, seed=seed)
    return seen, np.sqrt(sharp.mean() / count + noise**2)


@pytest.mark.parametrize(("count", "seed"), [(30, 0), (200, 1), (200, 2), (1000, 3)])
def test_photon_noise(count, seed):
    seen, true = photons(count, seed)
    law = noise_law(seen)
    assert law.slope == pytest.approx(1 / count, rel=0.2)
    assert law.rms(seen.mean()) == pytest.approx(true, rel=0.04)


def test_scale_offset_type_and_axes_do_not_matter():
    seen, true = photons(200, 1)
    mean = 5000 * seen.mean() + 300
    for image in (
        5000 * seen + 300,
        np.round(5000 * seen + 300).astype(np.uint16),
        np.stack([5000 * seen + 300] * 3, -1),
    ):
        law = noise_law(image)
        assert law.rms(mean) == pytest.approx(5000 * true, rel=0.05)
        assert law.variance(np.array([-1e9])) > 0
        assert law.over(5000).rms(mean / 5000) == pytest.approx(law.rms(mean) / 5000)


@pytest.mark.parametrize("sigma", [0.01, 0.05])
def test_none_where_noise_is_the_same_everywhere(sigma):
    blurred = gaussian_filter(data.camera() / 255.0, 1.5)
    rng = np.random.default_rng(0)
    assert noise_law(blurred + rng.normal(0, sigma, blurred.shape)) is None
    sparse = gaussian_filter(SHARP.draw((256, 256), rng), 1.2, mode="wrap")
    assert noise_law(sparse + rng.normal(0, sigma, sparse.shape)) is None
    assert noise_law(rng.normal(0, sigma, (40, 50))) is None  # too small to tell
    assert noise_law(np.zeros((100, 100))) is None


def test_networks_are_told_and_say_so():
    seen, true = photons(200, 1, scene=NUCLEI)
    sharp = NUCLEI.draw((320, 320), np.random.default_rng(1))
    psf, said, error = Gaussian(sigma_px=1.2)(), [], {}
    for noise in (None, true):
        result = drain(stream(FCNN(iterations=1, domain="photo"), seen, psf, noise=noise))
        said.append(any("grows with brightness" in note.text for note in result.notes))
        error[noise] = np.square(result.data - sharp)[16:-16, 16:-16].mean()
        assert ("noise_law" in result.recipe) is (noise is None)
    assert said == [True, False]
    # Place by place is better than the same figure everywhere.
    assert error[None] < 0.95 * error[true]


def test_classical_methods_are_told_its_root_mean_square():
    seen, true = photons(200, 1)
    psf = Gaussian(sigma_px=1.2)()
    found = drain(stream(Wiener(), seen, psf))
    assert found.recipe["noise"] == pytest.approx(true, rel=0.04)
    law = NoiseLaw(**found.recipe["noise_law"])
    np.testing.assert_array_equal(drain(stream(Wiener(), seen, psf, noise=law)).data, found.data)


def test_a_law_at_its_least():
    law = NoiseLaw(slope=2.0, constant=-3.0, least=0.5)
    assert law.variance(np.array([0.0, 1.0, 4.0])).tolist() == [0.5, 0.5, 5.0]
    assert law.rms(4.0) == pytest.approx(5**0.5)
