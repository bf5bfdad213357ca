from __future__ import annotations

import numpy as np
import pytest
import torch

import napari_deconv as nd
from napari_deconv.core.errors import DeconvError
from napari_deconv.engine.streaming import prepare
from napari_deconv.restoration.base import Method, methods
from napari_deconv.restoration.networks.base import LearnedMethod, NetworkModule
from napari_deconv.restoration.networks.maps import maps, middle_matrix
from napari_deconv.restoration.weights import packed

methods()
PSF = nd.psf.Gaussian(sigma_px=1.2)()
TRUTH = np.random.default_rng(0).random((41, 38)).astype(np.float32)
IMAGE = nd.degrade(TRUTH, PSF, noise=0.01, seed=0)[0]


@pytest.mark.parametrize("name", ["fcnn", "rgdn", "glra", "dcnn", "unrolled"])
def test_what_is_inside_adds_up_to_the_result(name):
    method = Method.make(name)
    found = maps(method, IMAGE, PSF, noise=0.01)
    result = nd.deconvolve(IMAGE, PSF, method, noise=0.01, device="cpu")
    last = [one for one in found if one.name.endswith("estimate")][-1]
    scale = float(np.median(result / last.data))
    np.testing.assert_allclose(last.data * scale, result, atol=2e-3 * scale)
    steps = {one.name.split()[0] for one in found}
    assert len(steps) == method.total
    for one in found:
        if not one.matrix:
            assert one.pixels * (one.data.shape[-1] + 1) >= 38, one.name
    if name == "dcnn":  # the sum of the maps is the image but for its level
        parts = next(one for one in found if "summed" in one.name).data.sum(0)
        first = next(one for one in found if one.name.endswith("estimate")).data
        np.testing.assert_allclose(parts - parts.mean(), first - first.mean(), atol=1e-4)


def test_an_fcnn_that_cleans_intensities_shows_them(tmp_path):
    method = Method.make("fcnn", iterations=1, cleans="intensities")
    path = tmp_path / "whole.safetensors"
    path.write_bytes(packed(method, method.network(), {"recipe": {}}))
    found = maps(Method.make("fcnn", iterations=1, weights=str(path)), IMAGE, PSF, noise=0.01)
    assert [one.name for one in found] == [
        "1 estimate",
        "2 intensities",
        "2 intensities, cleaned",
        "2 estimate",
    ]
    np.testing.assert_allclose(found[0].data, found[1].data, atol=1e-6)


def test_maps_at_half_resolution_lie_where_the_image_lies():
    found = maps(Method.make("rgdn"), IMAGE, PSF, noise=0.01)
    g, h = (next(one for one in found if one.name.startswith(f"1 {key}")) for key in ("g", "H"))
    assert h.pixels == 2 and len(h.data) == 64 and g.data.shape == IMAGE.shape
    # Its first pixel covers the image's first one, or that and the one before.
    assert all(start in (0.5, -0.5) for start in h.origin)


def test_matrix_of_glra_is_the_one_of_the_network():
    (first,) = (
        one for one in maps(Method.make("glra"), IMAGE, PSF, noise=0.01) if one.name == "1 M"
    )
    assert first.matrix and first.data.shape == (2, 50, 50)
    run, _ = prepare(Method.make("glra"), IMAGE, PSF, noise=0.01)
    own = middle_matrix(Method.make("glra"), PSF, noise=0.01 / run.intensity.scale)
    np.testing.assert_allclose(first.data, own, atol=1e-3 * np.abs(own).max())


def test_nothing_stays_hooked_and_what_has_no_maps_says_so():
    with pytest.raises(DeconvError, match="Wiener has no maps"):
        maps(Method.make("wiener"), IMAGE, PSF)
    with pytest.raises(DeconvError, match="one plane"):
        maps(Method.make("rgdn"), IMAGE[None], PSF)
    assert not torch.nn.modules.module._global_forward_hooks


def test_networks_that_promise_maps_say_what_they_are():
    kinds = [kind for kind in methods().values() if issubclass(kind, LearnedMethod)]
    assert len(kinds) > 8
    for kind in kinds:
        own = type(kind().network()).taps is not NetworkModule.taps
        assert own == kind.has_maps, kind.title
