from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_deconv.panels.kit.layer_combo import LayerCombo
from napari_deconv.panels.kit.layers import (
    KEY,
    Placement,
    add_image,
    axes_of,
    is_image,
    is_psf,
    pixel_size,
)
from napari_deconv.panels.kit.parts import Notice


@pytest.fixture
def viewer():
    return ViewerModel()


def combo(viewer, qtbot, accepts=is_image, **options):
    widget = LayerCombo(viewer, accepts, **options)
    qtbot.addWidget(widget)
    return widget


def shown(widget):
    return [widget.itemText(i) for i in range(widget.count())]


def test_combo_follows_added_renamed_and_removed_layers(viewer, qtbot):
    widget = combo(viewer, qtbot)
    assert shown(widget) == ["No image is open"]
    assert widget.layer is None
    first = viewer.add_image(np.zeros((8, 8)), name="first")
    viewer.add_labels(np.zeros((8, 8), int), name="labels")
    second = viewer.add_image(np.zeros((8, 8)), name="second")
    assert shown(widget) == ["second", "first"]
    assert widget.layer is second  # nothing was chosen by hand yet
    widget.pick(first)
    viewer.add_image(np.zeros((8, 8)), name="third")
    assert widget.layer is first
    viewer.layers.remove("third")
    first.name = "renamed"
    assert shown(widget) == ["second", "renamed"]
    with qtbot.waitSignal(widget.picked):
        viewer.layers.remove(first)
    assert widget.layer is second


def test_shy_layers_are_only_chosen_by_hand(viewer, qtbot):
    widget = combo(viewer, qtbot, shy=("truth", "result"))
    truth = viewer.add_image(np.zeros((8, 8)), metadata={KEY: {"kind": "truth"}})
    assert widget.layer is truth  # there is no other
    image = viewer.add_image(np.zeros((8, 8)))
    viewer.add_image(np.zeros((8, 8)), metadata={KEY: {"kind": "result"}})
    assert widget.layer is image


def test_hidden_layers_are_only_chosen_by_hand(viewer, qtbot):
    widget = combo(viewer, qtbot)
    truth = viewer.add_image(np.zeros((8, 8)), name="stack truth", visible=False)
    assert widget.layer is None and "hidden" in widget.hint("Open an image first.")
    stack = viewer.add_image(np.zeros((8, 8)), name="stack")
    assert widget.layer is stack and not widget.hint("Open an image first.")
    widget.pick(truth)
    assert widget.layer is truth
    viewer.layers.clear()
    assert widget.layer is None and widget.hint("Open an image first.") == "Open an image first."
    viewer.add_image(np.zeros((8, 8)), name="stack truth", visible=False)
    new = viewer.add_image(np.zeros((8, 8)), name="stack")
    viewer.add_image(np.zeros((8, 8)), name="other truth", visible=False)
    assert widget.layer is new, "what was chosen by hand is gone"
    viewer.layers.remove(new)
    assert widget.layer is None
    viewer.layers["other truth"].visible = True
    assert widget.layer is viewer.layers["other truth"], "it was the only one to choose"
    viewer.layers["other truth"].visible = False
    viewer.layers.selection.active = viewer.layers["other truth"]
    assert combo(viewer, qtbot).layer is viewer.layers["other truth"], "it is selected"
    psfs = combo(viewer, qtbot, is_psf, hidden=True)
    made = viewer.add_image(
        np.ones((5, 5)), metadata={KEY: {"kind": "psf"}}, visible=False, name="psf"
    )
    assert psfs.layer is made, "PSF layers are usually hidden"


def test_a_message_goes_with_its_layers_and_with_another_image(viewer, qtbot):
    widget, notice = combo(viewer, qtbot), Notice()
    qtbot.addWidget(notice)
    notice.keep_to(viewer, widget)
    first = viewer.add_image(np.zeros((8, 8)), name="first")
    results = [viewer.add_labels(np.zeros((8, 8), int)) for _ in range(2)]
    notice.say("Done in 3 s.", about=results)
    viewer.layers.remove(results[0])
    assert notice.text == "Done in 3 s."
    viewer.layers.remove(results[1])
    assert notice.text == "" and notice.isHidden()
    notice.say("This failed.", "error")
    widget.refresh()
    assert notice.text
    viewer.add_image(np.zeros((8, 8)), name="second")
    assert notice.text == ""
    notice.say("Done.")
    viewer.layers.remove(first)
    assert notice.text == "Done.", "it was not about that one"


def test_combo_forgets_the_viewer_when_it_is_destroyed(viewer, qtbot):
    widget = LayerCombo(viewer, is_image)
    widget.deleteLater()
    qtbot.wait(20)
    viewer.add_image(np.zeros((8, 8)))  # would raise: the C++ half is gone


def test_psfs_and_previews_are_no_images_to_restore(viewer):
    psf = viewer.add_image(np.ones((5, 5)), metadata={KEY: {"kind": "psf"}})
    image = viewer.add_image(np.ones((600, 600)))
    preview = viewer.add_image(np.ones((50, 50)), metadata={KEY: {"kind": "preview"}})
    assert [is_image(x) for x in (psf, image, preview)] == [False, True, False]
    assert [is_psf(x) for x in (psf, image, preview)] == [True, False, False]


@pytest.mark.parametrize(
    ("shape", "labels", "axes"),
    [
        ((4, 5), None, "YX"),
        ((3, 4, 5), None, "ZYX"),
        ((7, 4, 5, 3), None, "ZYXS"),
        ((2, 3, 4, 5), None, "CZYX"),
        ((7, 4, 5), ("time", "y", "x"), "TYX"),
        ((7, 4, 3), ("t", "y", "x"), "TYX"),
        ((7, 4, 5), ("foo", "y", "x"), "ZYX"),
    ],
)
def test_axes(shape, labels, axes):
    layer = Image(np.zeros(shape), rgb=axes.endswith("S"), axis_labels=labels)
    assert axes_of(layer) == axes


def test_pixel_sizes_come_in_one_unit():
    layer = Image(np.zeros((3, 4, 5)), scale=(0.2, 65, 65), units=("um", "nm", "nm"))
    assert pixel_size(layer, 3) == pytest.approx((200, 65, 65))
    assert pixel_size(layer, 2) == (65, 65)


def test_result_lies_and_looks_like_its_source(viewer):
    source = viewer.add_image(
        np.random.default_rng(0).random((8, 9)), name="cells", scale=(0.5, 0.25), translate=(1, 2),
        rotate=30, shear=(0.1,), units=("um",) * 2, axis_labels=("y", "x"), colormap="magenta",
        blending="additive", contrast_limits=(0.1, 0.7), gamma=0.8, opacity=0.6,
        affine=np.diag([1, 2, 1.0]),
    )  # fmt: skip
    placement = Placement.of(source)
    viewer.layers.remove(source)
    result = add_image(
        viewer, np.zeros((8, 9)), "sharp", placement.options, {"kind": "result"}, ("DAPI",)
    )
    assert result.metadata["channels"] == ["DAPI"]
    corner = (7.0, 8.0)
    assert result.data_to_world(corner) == pytest.approx(source.data_to_world(corner))
    for what in ("units", "axis_labels", "blending", "contrast_limits", "gamma", "opacity"):
        assert getattr(result, what) == getattr(source, what), what
    assert result.colormap.name == "magenta"
    assert result.metadata[KEY] == {"kind": "result"}
    part = Image(np.zeros((2, 2)), **placement.shifted((4, 5)))
    assert part.data_to_world((1, 1)) == pytest.approx(source.data_to_world((5, 6)))


def test_rgb_and_lazy_layers_are_taken_as_they_are(viewer):
    da = pytest.importorskip("dask.array")

    computed = []

    def note(block):
        computed.append(block.shape)
        return block

    lazy = da.zeros((4, 6, 7), chunks=2).map_blocks(note, dtype=float, meta=np.zeros((0, 0, 0)))
    layer = Image(lazy, contrast_limits=(0, 1))
    computed.clear()  # napari itself shows a plane
    assert Placement.of(layer).options["contrast_limits"] == (0, 1)
    assert axes_of(layer) == "ZYX"
    assert is_image(layer)
    assert computed == []
    rgb = viewer.add_image(np.zeros((6, 7, 3), np.uint8), rgb=True)
    add_image(viewer, np.zeros((6, 7, 3), np.uint8), "again", Placement.of(rgb).options, {})
    assert viewer.layers["again"].rgb
