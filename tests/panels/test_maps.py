from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_deconv.panels.deconvolve.maps import Inside, Look
from napari_deconv.panels.deconvolve.order import Order
from napari_deconv.psf import Gaussian
from napari_deconv.restoration.base import Method, methods

methods()


class _Ready:
    def single(self):
        return Gaussian(sigma_px=1.0)()


@pytest.fixture
def photo():
    viewer = ViewerModel()
    plane = np.random.default_rng(0).integers(0, 255, (3, 40, 44, 3)).astype(np.uint8)
    layer = viewer.add_image(plane, name="photo", scale=(1, 2, 3), translate=(0, 10, 20), rgb=True)
    # Without a window nothing says what is in view.
    layer.corner_pixels = np.array([[0, 0, 0], [0, 39, 43]])
    return viewer, layer


@pytest.mark.parametrize("name", ["rgdn", "glra"])
def test_maps_lie_over_the_image(photo, qtbot, name):
    viewer, layer = photo
    box = Inside(viewer, lambda: Look(layer, Order(Method.make(name), None, 2.0), _Ready()))
    qtbot.addWidget(box)
    box.look_at(methods()["wiener"])
    assert box.isHidden()
    box.look_at(methods()[name])
    box.button.click()
    qtbot.waitUntil(lambda: not box.job.running, timeout=60_000)
    assert "layers were added" in box.notice.text, box.notice.text
    made = {x.name.split(": ")[1]: x for x in viewer.layers[1:]}
    assert [x.visible for x in made.values()] == [False] * (len(made) - 1) + [True]
    low, high = layer.extent.world
    for title, one in made.items():
        first, last = (corner[-2:] for corner in one.extent.world)
        if title.endswith("M"):
            assert first[1] > high[-1] and one.data.shape[0] == 2
            continue
        np.testing.assert_allclose(first, low[-2:], atol=4.5, err_msg=title)
        np.testing.assert_allclose(last, high[-2:], atol=4.5, err_msg=title)
    if name == "rgdn":
        assert tuple(made["1 H(g)"].scale[-2:]) == (4, 6) and made["1 H(g)"].ndim == 4


def test_what_is_missing_is_said(photo, qtbot):
    viewer, layer = photo
    box = Inside(viewer, lambda: Look(layer, Order(Method.make("rgdn"), None, 2.0), None))
    qtbot.addWidget(box)
    box.button.click()
    assert "not ready" in box.notice.text and len(viewer.layers) == 1
