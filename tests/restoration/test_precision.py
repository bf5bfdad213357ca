"""Number formats of layers: results agree, what was used is recorded, memory follows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import fftconvolve
from skimage import data

from napari_deconv.core import precision as formats
from napari_deconv.core.precision import FLOAT32, Layered, Precision
from napari_deconv.engine.streaming import drain, prepare, stream
from napari_deconv.psf import Disk
from napari_deconv.restoration.base import Method, methods
from napari_deconv.restoration.networks.layers.planes import large_convolution

BFLOAT16 = Precision(torch.bfloat16)
GRAIN = {
    "fcnn": (7e-5, 6e-4),
    "plug-and-play": (5e-5, 5e-4),
    "unrolled": (3e-4, 2e-3),
    "rgdn": (6e-4, 3e-3),
    "glra": (6e-4, 3e-3),
    "odcnn": (2e-3, 1.2e-2),
    "crcnet": (2e-3, 8e-3),
}
"""RMS and largest difference of bfloat16 from float32 on a photo, as docs say."""
WEIGHTS = {"odcnn": "odcnn-disk7", "crcnet": "crcnet-shake21"}
PSF = Disk(radius_px=3)()
SHARP = data.camera()[110:142, 210:242] / 255
NOISE = 0.01 * np.random.default_rng(0).standard_normal((24, 24))
SEEN = (fftconvolve(SHARP, PSF, "valid") + NOISE).astype(np.float32)


def play(monkeypatch, which):
    """Let every device have units for one format."""
    methods()
    monkeypatch.setattr(formats, "_best", lambda device: which)


def test_every_network_is_looked_at():
    layered = {name for name, method in methods().items() if method.features}
    assert layered == set(GRAIN)


@pytest.mark.parametrize("name", GRAIN)
def test_formats_agree_within_the_grain(name, monkeypatch):
    methods()
    method = Method.make(name, weights=WEIGHTS.get(name, ""))
    found, used = [], []
    for which in (FLOAT32, BFLOAT16):
        play(monkeypatch, which)
        result = drain(stream(method, SEEN, PSF, noise=0.01, device="cpu"))
        found.append(result.data)
        used.append(result.recipe["precision"])
    away = np.abs(found[0] - found[1])
    rms, most = GRAIN[name]
    assert used == ["float32", "bfloat16"]
    assert 0 < np.sqrt(np.mean(away**2)) <= 2 * rms and away.max() <= 2 * most


def test_what_was_used_in_place_is_a_note(monkeypatch):
    play(monkeypatch, FLOAT32)
    result = drain(stream(Method.make("fcnn"), SEEN, PSF, noise=0.01, precision="bfloat16"))
    assert result.recipe["precision"] == "float32"
    assert any("no units for bfloat16" in note.text for note in result.notes)
    plain = drain(stream(Method.make("wiener"), SEEN, PSF, noise=0.01, precision="bfloat16"))
    assert "precision" not in plain.recipe and not any("units" in note.text for note in plain.notes)


def test_memory_follows_the_format(monkeypatch):
    costs = []
    for which in (BFLOAT16, FLOAT32):
        play(monkeypatch, which)
        run, _ = prepare(Method.make("unrolled"), SEEN, PSF, noise=0.01)
        costs.append(run.cost((512, 512)))
    assert 1.3 * costs[0] < costs[1] < 2 * costs[0]


def test_a_network_runs_in_the_format_it_is_given(monkeypatch):
    """Every part that has a format is given the run's, and no layer has one of its own."""
    seen = set()

    def note(layer, inputs, output):
        if isinstance(layer, torch.nn.Conv2d):
            seen.add(output.dtype)

    handle = torch.nn.modules.module.register_module_forward_hook(note)
    try:
        for name in ("unrolled", "rgdn"):
            play(monkeypatch, FLOAT32)
            drain(stream(Method.make(name), SEEN, PSF, noise=0.01))
    finally:
        handle.remove()
    assert seen == {torch.float32}
    assert Layered().precision == FLOAT32


@pytest.mark.parametrize("maps", [2, 8, 14])
@pytest.mark.parametrize("taps", [8, 16])
def test_large_filters_over_few_maps_are_summed_right(maps, taps):
    """oneDNN sums them wrongly with AMX, by as much as they are."""
    torch.manual_seed(0)
    layer, x = torch.nn.Conv2d(maps, 4, taps), torch.randn(1, maps, 20, 20)
    expected = torch.nn.functional.conv2d(x.double(), layer.weight.double(), layer.bias.double())
    with BFLOAT16.layers(torch.device("cpu")):
        found = large_convolution(layer, x).double()
    assert (found - expected).std() < 0.01 * expected.std()
