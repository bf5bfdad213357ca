"""What is odd about an image is said before anything is done to it."""

from __future__ import annotations

import dask.array
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_deconv.core.errors import DeconvError
from napari_deconv.panels.deconvolve.remarks import remarks
from napari_deconv.panels.deconvolve.to_disk import ToDisk
from napari_deconv.panels.docks import wide_field as WideFieldPanel

STACK = np.random.default_rng(0).poisson(50, (9, 30, 31)).astype(np.uint16)
SATURATED = np.where(STACK > 60, 4095, STACK).astype(np.uint16)
FEW_CLIPPED = np.where(STACK > 65, 4095, STACK).astype(np.uint16)
DARK = np.random.default_rng(0).poisson(0.5, STACK.shape).astype(np.uint16)


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        (STACK.transpose(1, 2, 0), {"scale": (0.1, 0.1, 0.3)}, "taken for z, y, x, but the last"),
        (STACK[None], {}, "taken for c, z, y, x"),
        (SATURATED, {}, "% of the pixels are at 4095"),
        (DARK, {}, "It is dark"),
        (STACK, {"units": ("pixel", "um", "um")}, "x is in µm, z in"),
    ],
)
def test_odd_images_are_remarked_on(data, options, words):
    (said,) = remarks(Image(data, **options))
    assert words in said


def test_plain_images_are_not():
    assert not remarks(Image(STACK, units=("nm", "um", "um")))
    assert 1e-3 < np.mean(FEW_CLIPPED == 4095) < 0.03
    assert not remarks(Image(FEW_CLIPPED)), "a few clipped pixels are in nearly every photo"
    assert not remarks(Image(STACK[None], axis_labels=("t", "z", "y", "x")))
    assert not remarks(Image(np.full((40, 40), 255, np.uint8)[..., None].repeat(3, -1), rgb=True))


def test_a_lazy_layer_that_memory_cannot_hold_needs_a_folder(qtbot, tmp_path):
    box = ToDisk()
    qtbot.addWidget(box)
    lazy = dask.array.zeros((2 * 10**9, 64, 64), dtype=np.uint16, chunks=(10**7, 64, 64))
    huge = Image(lazy, contrast_limits=(0, 1), name="huge")
    box.set_image(huge)
    assert "1.64e+04 GB" in box.notice.text
    with pytest.raises(DeconvError, match="Choose a folder"):
        box.target(huge, "Wiener")
    box.folder.set_path(str(tmp_path / "none"))
    with pytest.raises(DeconvError, match="There is no folder"):
        box.target(huge, "Wiener")
    box.folder.set_path(str(tmp_path))
    assert box.target(huge, "Wiener") == tmp_path / "huge-Wiener.zarr"


def test_a_stack_thinner_than_the_psf_is_told_and_the_psf_not_cropped(qtbot):
    viewer = ViewerModel()
    viewer.add_image(STACK[:3], scale=(0.3, 0.1, 0.1), units=("um",) * 3)
    panel = WideFieldPanel(viewer)
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(lambda: "reaches beyond" in panel.source.notice.text, timeout=20000)
    assert not panel.source.notice.button.isVisible()
    panel.make()
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=5000)
    panel.source.choice.choose("layer")  # as Deconvolve takes it over
    qtbot.waitUntil(lambda: panel.source.prepared is not None, timeout=5000)
    assert "reaches beyond" in panel.source.notice.text
    assert "fade out" not in panel.source.notice.text
