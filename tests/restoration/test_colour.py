"""Colours together: grays are as before, and each colour helps the others."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data

from napari_deconv import deconvolve
from napari_deconv.psf import Gaussian
from napari_deconv.restoration.networks.layers.opponent import noises, to_colours, to_opponents
from napari_deconv.restoration.networks.unrolled import Network, Unrolled
from napari_deconv.restoration.weights import packed
from napari_deconv.signal.fourier import Blur

PHOTO = data.chelsea()[60:140, 100:184]
PSF = Gaussian(sigma_px=1.2)()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Weights that know colour, whose layers for it do something."""
    torch.manual_seed(1)
    network = Network(2, colour=True)
    for layer in (layer for tint in network.tints for layer in (tint.first, tint.last)):
        torch.nn.init.normal_(layer.weight, std=0.005)
    path = tmp_path_factory.mktemp("weights") / "colour.safetensors"
    path.write_bytes(packed(Unrolled(iterations=2, colour=True), network, {}))
    return str(path)


def test_independent_noise_of_colours_stays_independent_and_equal() -> None:
    noise = torch.randn((1, 3, 200, 200), generator=torch.manual_seed(0))
    opponents = to_opponents(noise)
    torch.testing.assert_close(to_colours(opponents), noise)
    covariance = torch.cov(opponents[0].flatten(1)).numpy()
    np.testing.assert_allclose(covariance, np.eye(3) / 3, atol=0.01)
    told = noises(torch.ones(1, 1, 1, 1), 3**-0.5).flatten()
    np.testing.assert_allclose(told, 3**-0.5, rtol=1e-5)


def test_noise_that_colours_have_in_common_is_all_in_their_mean() -> None:
    mean, apart = noises(torch.full((1, 1, 1, 1), 0.1), 1.0).flatten().tolist()
    assert mean == pytest.approx(0.1) and 0 < apart < 0.02


def test_gray_goes_through_a_network_for_colour_as_through_one_without() -> None:
    torch.manual_seed(0)
    plain, coloured = Network(2), Network(2, colour=True)
    for cleaner in plain.cleaners:
        torch.nn.init.normal_(cleaner.get_submodule("last").weight, std=0.01)
    coloured.grow(plain.state_dict())
    y = torch.from_numpy(PHOTO[..., 1].astype(np.float32) / 255)[None, None]
    otf = Blur(torch.from_numpy(PSF), y.shape[-2:]).otf[None, None]
    sigma = torch.full((1, 1, 1, 1), 0.02)
    with torch.no_grad():
        expected = plain.unrolled(y, otf, sigma)[-1]
        torch.testing.assert_close(coloured.unrolled(y, otf, sigma)[-1], expected)
        equal = coloured.unrolled(y.expand(-1, 3, -1, -1), otf, sigma.expand(-1, 2, -1, -1))[-1]
    # The layers round to 8 bits of mantissa.
    torch.testing.assert_close(equal, expected.expand(-1, 3, -1, -1), atol=3e-3, rtol=0)


def test_each_colour_helps_the_others_if_the_weights_know_colour(weights: str) -> None:
    photo = PHOTO.astype(np.float32) / 255
    other = photo.copy()
    other[..., 2] = photo[..., 2][::-1]
    red, beside = (
        deconvolve(image, PSF, "unrolled", axes="YXS", weights=weights, noise=0.02)[..., 0]
        for image in (photo, other)
    )
    assert np.abs(red - beside).max() > 1e-3
    assert np.abs(red - photo[..., 0]).mean() < 0.1


def test_tiles_of_a_colour_photo_join(weights: str) -> None:
    photo = np.tile(PHOTO.astype(np.float32) / 255, (18, 1, 1))
    given = {"axes": "YXS", "weights": weights, "noise": 0.02}
    whole = deconvolve(photo, PSF, "unrolled", **given)
    tiled = deconvolve(photo, PSF, "unrolled", memory_bytes=145_000_000, **given)
    # Layers that nobody trained carry far; weights that were join to a thousandth.
    apart = np.abs(whole - tiled)
    assert 0 < apart.max() < 0.03 and apart.mean() < 5e-4


def test_three_colours_need_less_memory_together_than_three_times_that_of_one() -> None:
    one, three = Unrolled().features, 3 * Unrolled(colour=True).features
    assert one < three < 2 * one
