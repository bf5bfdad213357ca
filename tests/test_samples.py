"""The samples: there without a network, the same every time, and honest about their blur."""

from __future__ import annotations

import importlib
import socket
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.signal import fftconvolve

import napari_deconv
from napari_deconv import psf, samples
from napari_deconv.metrics import psnr

MANIFEST = yaml.safe_load((Path(napari_deconv.__file__).parent / "napari.yaml").read_text())


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a sample reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("name", list(samples.SAMPLES))
def test_sample_is_complete_and_repeats(name):
    sample, again = samples.SAMPLES[name](), samples.SAMPLES[name]()
    assert sample.name == name
    np.testing.assert_array_equal(sample.image, again.image)
    assert sample.image.ndim == len(sample.axes)
    assert sample.note
    spatial = sample.axes.removesuffix("S")
    if sample.pixel_size_um is not None:
        assert len(sample.pixel_size_um) == len(spatial)
    if sample.truth is not None:
        assert sample.truth.shape == sample.image.shape
    if sample.psf is not None:
        assert sample.psf.ndim == len(spatial)
        assert not psf.inspect(sample.psf, sample.image.shape[: len(spatial)])


def test_photo_is_its_truth_blurred():
    sample = samples.photo()
    blurred = fftconvolve(sample.truth.astype(float), sample.psf[..., None], "valid", axes=(0, 1))
    seen = sample.image[10:-10, 10:-10].astype(float)
    unclipped = (seen > 0) & (seen < 255)
    assert np.std((seen - blurred)[unclipped]) == pytest.approx(2.55, rel=0.03)
    assert psnr(sample.image, sample.truth) < 25


def test_stack_is_its_truth_blurred_with_photon_noise():
    sample = samples.stack()
    inner = tuple(slice(n // 2, -(n // 2)) for n in sample.psf.shape)
    expected = fftconvolve(sample.truth.astype(float), sample.psf, "valid")
    normalised = (sample.image[inner] - expected) / np.sqrt(expected)
    assert normalised.mean() == pytest.approx(0, abs=0.02)
    assert normalised.std() == pytest.approx(1, rel=0.02)
    assert sample.image.dtype == np.uint16


def test_confocal_psf_is_longer_along_the_axis_and_narrows_with_the_aperture():
    def widths_um(aperture):
        kernel = samples.confocal_psf((41, 41, 41), (0.1, 0.1, 0.1), aperture=aperture)
        profiles = kernel[:, 20, 20], kernel[20, :, 20], kernel[20, 20]
        return [0.1 * np.sum(p >= p.max() / 2) for p in profiles]

    z, y, x = widths_um(0.8)
    assert z > 2 * x
    assert y == x
    # Full width at half maximum of the squared Airy pattern: 0.37 wavelengths over the aperture.
    assert x == pytest.approx(0.37 * 0.52 / 0.8, abs=0.1)
    assert widths_um(1.1)[0] < z < widths_um(0.6)[0]


@pytest.mark.parametrize("name", list(samples.SAMPLES))
def test_layers_of_a_sample_agree_on_units_and_can_be_added(name):
    layer_module = pytest.importorskip("napari.layers")
    contributions = MANIFEST["contributions"]
    command = next(s["command"] for s in contributions["sample_data"] if s["key"] == name)
    place = next(c["python_name"] for c in contributions["commands"] if c["id"] == command)
    module, function = place.split(":")
    made = [
        layer_module.Layer.create(*x) for x in getattr(importlib.import_module(module), function)()
    ]
    assert len({layer.units for layer in made}) == 1
    assert len({tuple(layer.scale) for layer in made}) == 1
    assert [layer.name for layer in made if layer.visible] == [name]
    assert {layer.metadata["napari_deconv"]["sample"] for layer in made} == {name}
    if name == "stack":
        assert str(made[-1].units[0]) == "micrometer"
        assert tuple(made[-1].scale) == (0.25, 0.1, 0.1)
        assert tuple(made[-1].contrast_limits) == tuple(made[0].contrast_limits)
    if name == "photo":
        assert made[-1].rgb
