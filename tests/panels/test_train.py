from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from napari.components import ViewerModel
from qtpy.QtCore import QCoreApplication, QEvent, Qt

from napari_deconv.degradation.sampling import Sampler
from napari_deconv.panels.deconvolve.offer import WeightsOffer
from napari_deconv.panels.kit.form import Choice
from napari_deconv.panels.kit.layers import KEY
from napari_deconv.panels.kit.plot import _tick_labels
from napari_deconv.panels.train.live import Strip
from napari_deconv.panels.train.panel import TrainPanel, _gain
from napari_deconv.panels.train.weights import WeightsBox
from napari_deconv.psf import Disk, Gaussian
from napari_deconv.psf.given import GivenPSF
from napari_deconv.restoration.base import methods
from napari_deconv.restoration.networks.dcnn import DCNN
from napari_deconv.restoration.networks.denoisers import DENOISERS
from napari_deconv.restoration.weights import packed
from napari_deconv.train import library, project
from napari_deconv.train.loop import Trained
from napari_deconv.train.recipe import Recipe

LEFT = Qt.MouseButton.LeftButton
DISK = Disk(radius_px=2.0)()


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_DECONV_DATA", str(tmp_path / "data"))


def weights(tmp_path, psf=DISK):
    network = DCNN().network()
    network.prepare(iter([psf]))
    recipe = Recipe(method=DCNN(), sampler=Sampler(psfs=(GivenPSF.of(psf),)))
    header = {"recipe": recipe.to_dict(), "scores": {"held_out_psnr": {"0.01": 30.0}}}
    file = tmp_path / "best.safetensors"
    file.write_bytes(packed(DCNN(), network, header))
    return file


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """A training of 40 quick steps that goes from 20 to 24 dB."""
    seen = []

    def run(asked, device, stop, precision):
        seen.append(asked)
        for step in range(40):
            if stop.is_set():
                break
            time.sleep(0.02)
            picture = (np.full((16, 16), 0.1 * (step % 3), np.float32),) * 3
            psnr = (20 + step / 10,) if step % 10 == 0 else ()
            try:
                told = (step / 40, picture, (25.0,) if not step else ())
                yield Trained(step, 40, 1 / (1 + step), psnr, 20, "", ("0.01",), *told)
            except GeneratorExit:
                time.sleep(2)
                asked.kept = library.add(weights(tmp_path), "kept late")
                raise
        asked.discard()
        return library.add(weights(tmp_path), asked.name)

    monkeypatch.setattr(project, "run", run)
    return seen


@pytest.fixture
def panel(qtbot):
    panel = TrainPanel(ViewerModel())
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(lambda: panel.network.kind is not None, timeout=20000)
    assert panel.network.name == "unrolled", "fine-tuning comes first"
    panel.network.choose("dcnn")
    panel.psf.choice.choose("disk", {"radius_px": 2.0})
    return panel


def test_from_an_empty_viewer_to_weights_in_the_list(panel, fake, qtbot, monkeypatch):
    networks = {name for name, kind in methods().items() if kind.needs_weights}
    listed = {panel.network.combo.itemData(i) for i in range(panel.network.combo.count())}
    assert listed - {None} == networks
    panel.camera.form.set_values({"noise": 0.02, "saturation": 1.0})
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    qtbot.waitUntil(lambda: panel.entry is not None, timeout=20000)
    recipe = fake[0].recipe
    np.testing.assert_array_equal(recipe.sampler.psfs[0].array, DISK)
    assert (recipe.noise_low, recipe.noise_high) == (0.02, 0.02)
    assert recipe.sampler.harshest.saturation == 1 and recipe.method == DCNN()
    assert "DCNN disk 2" in panel.run_bar.message.text and "20.00 dB before" in (
        panel.run_bar.message.text
    )
    assert "less than the 25.00 dB that Hyper-Laplacian reaches" in panel.run_bar.message.text
    drawn = {curve.label: curve for curve in panel.live.psnr.curves}
    assert drawn["Hyper-Laplacian, untrained"].y == [25.0, 25.0]
    assert "25.00 dB with Hyper-Laplacian" in panel.live.readout.text()
    assert len(panel.live.psnr.curves[0].x) == 4 and len(panel.live.loss.curves[0].x) == 40
    assert panel.weights.entry.name == "DCNN disk 2" and panel.pause.isHidden()
    assert "DCNN, PSF 7 x 7 px" in panel.weights.readout.text()
    used = []
    with monkeypatch.context() as patched:
        patched.setattr(panel, "use", used.append)
        for _ in range(2):
            panel.run_bar.message.button.click()
    assert used == ["DCNN disk 2"] * 2, "the button works as long as it is there"
    panel.weights.delete("DCNN disk 2")
    panel.run_bar.message.button.click()
    assert "DCNN disk 2" in panel.run_bar.message.text, "it says why they cannot be used"
    assert not panel.run_bar.message.button.isVisible()


def test_the_gain_is_not_overstated():
    def said(before, now, without=20.0):
        sitting = SimpleNamespace(scores=[1], reached=(before, now, without))
        return _gain(sitting)[0]

    assert "hardly a gain" in said(30, 30.04) and "less than" in said(18, 19)
    assert "hardly" not in said(30, 30.2) and "Hyper-Laplacian has 20.00 dB" in said(30, 30.2)


def test_another_network_begins_with_its_best_guess(panel):
    combo, start = panel.network.combo, panel.network.start
    assert start.currentData() == ""
    combo.setCurrentIndex(combo.findData("fcnn"))
    assert start.currentData() == "fcnn-3", "fine-tuning begins with what is shipped"
    start.setCurrentIndex(start.findData("fcnn-1"))
    panel.network.refresh()
    assert start.currentData() == "fcnn-1", "what was chosen stays"
    panel.source.setCurrentIndex(panel.source.findData("fluorescence"))
    assert start.currentData() == "fcnn-fluorescence"


def test_pause_finish_and_cancel(panel, fake, qtbot):
    panel.run()
    qtbot.waitUntil(lambda: bool(panel.sitting.scores), timeout=10000)
    panel.pause.click()
    qtbot.wait(100)
    stood = len(panel.sitting.losses)
    qtbot.wait(200)
    assert len(panel.sitting.losses) == stood and panel.pause.text() == "Go on"
    panel.finish.click()
    qtbot.waitUntil(lambda: panel.entry is not None, timeout=10000)
    assert len(panel.sitting.losses) < 40
    panel.run()
    qtbot.waitUntil(lambda: bool(panel.sitting.scores), timeout=10000)
    panel.run_bar.button.click()
    assert "Cancelled" in panel.run_bar.message.text and panel.pause.isHidden()
    listed = panel.weights.list
    qtbot.waitUntil(
        lambda: listed.count() == 2 and listed.item(1).text() == "kept late", timeout=9000
    )
    assert "The best so far is kept: “kept late”" in panel.run_bar.message.text


def test_a_training_that_learned_nothing_says_so(panel, qtbot, monkeypatch):
    def run(asked, device, stop, precision):
        try:
            for step in range(500):
                time.sleep(0.02)
                yield Trained(step, 500, 1.0, (20.0,) if not step else (), 20, "", ("0.01",))
                if stop.is_set():
                    break
        finally:
            asked.discard()

    monkeypatch.setattr(project, "run", run)
    panel.run()
    qtbot.waitUntil(lambda: bool(panel.sitting.scores), timeout=10000)
    qtbot.mouseClick(panel.run_bar.button, LEFT)
    qtbot.waitUntil(lambda: "Nothing better" in panel.run_bar.message.text, timeout=9000)
    assert "Cancelled" in panel.run_bar.message.text and panel.weights.list.count() == 0
    panel.run()
    qtbot.waitUntil(lambda: bool(panel.sitting.scores), timeout=10000)
    panel.finish.click()
    qtbot.waitUntil(lambda: "Done. Nothing better" in panel.run_bar.message.text, timeout=9000)
    assert "Train longer" in panel.run_bar.message.text


def test_a_window_that_goes_leaves_the_training_for_the_next_start(fake, qtbot):
    panel = TrainPanel(ViewerModel())
    qtbot.waitUntil(lambda: panel.network.kind is not None, timeout=20000)
    panel.network.choose("dcnn")
    panel.psf.choice.choose("disk", {"radius_px": 2.0})
    panel.run()
    qtbot.waitUntil(lambda: bool(panel.sitting.scores), timeout=10000)
    sitting = panel.sitting
    panel.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert sitting.leave.is_set() and sitting.project.keep.is_set()
    qtbot.waitUntil(lambda: not sitting.busy.is_set(), timeout=9000)


@pytest.mark.parametrize(
    ("upset", "said"),
    [
        (lambda p: p.minutes.setValue(0), "0 minutes is not enough"),
        (
            lambda p: p.source.setCurrentIndex(p.source.findData("layers")),
            "No image layer is selected",
        ),
        (lambda p: p.source.setCurrentIndex(p.source.findData("folder")), "No folder is chosen"),
        (lambda p: p.name.setText("a/b"), "does not do as a name"),
    ],
)
def test_bad_input_in_words(panel, qtbot, upset, said):
    upset(panel)
    panel.run()
    qtbot.waitUntil(lambda: said in panel.run_bar.message.text, timeout=10000)
    assert not panel.run_bar.running and library.entries() == []


def test_a_network_for_stacks_takes_noise_and_microscope_from_a_stack(panel, fake, qtbot):
    panel.network.choose("unrolled-3d")
    assert panel.camera.isHidden() or not panel.camera.isVisible()
    panel.run()
    assert "No stack is open" in panel.run_bar.message.text
    counts = np.random.default_rng(0).poisson(
        np.linspace(5, 80, 64)[None, None] + np.zeros((9, 64, 1))
    )
    viewer = panel._viewer
    viewer.add_image(counts[0].astype(np.uint16), name="plane")
    assert panel.stack.layer is None, "a plane is no stack"
    viewer.add_image(counts.astype(np.uint16), name="stack", scale=(0.3, 0.1, 0.1))
    panel.psf.choice.choose("gaussian", {"sigma_px": 1.5})
    panel.psf.dims.setCurrentIndex(0)
    panel.run()
    qtbot.waitUntil(lambda: "flat" in panel.run_bar.message.text, timeout=20000)
    panel.psf.dims.setCurrentIndex(1)
    panel.run()
    qtbot.waitUntil(lambda: bool(fake), timeout=20000)
    recipe = fake[0].recipe
    assert recipe.start == "unrolled-3d" and "stack" in recipe.trained_on
    assert 30 < recipe.photons_high < 150
    assert (fake[0].folder / "run" / "microscopes.npz").exists()
    assert project._read(fake[0].folder).recipe == recipe
    qtbot.waitUntil(lambda: not panel.run_bar.running, timeout=20000)
    panel.network.choose("dcnn")
    assert panel.stack.isHidden() or not panel.stack.isVisible()


def test_what_was_broken_off_is_offered(qtbot, fake):
    recipe = Recipe(method=DCNN(), sampler=Sampler(psfs=(GivenPSF.of(DISK),)), patch_px=32)
    project.create("left over", recipe, [np.eye(128, dtype=np.float32)], 3)
    panel = TrainPanel(ViewerModel())
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(lambda: "left over" in panel.offer.text, timeout=20000)
    panel.offer.button.click()
    qtbot.waitUntil(lambda: panel.entry is not None, timeout=20000)
    assert panel.entry.name == "left over" and not panel.offer.text


def test_the_list_says_what_is_wrong_and_loses_nothing(qtbot, tmp_path):
    library.add(weights(tmp_path), "one")
    library.add(weights(tmp_path), "two")
    box = WeightsBox()
    qtbot.addWidget(box)
    box.refresh()
    box.rename("one", "two")
    assert "already" in box.message.text
    (tmp_path / "odd.safetensors").write_bytes(b"odd")
    box.bring_in(tmp_path / "odd.safetensors")
    assert "odd.safetensors" in box.message.text
    torch.save(DENOISERS["ffdnet-gray"]().state_dict(), tmp_path / "ffdnet_gray.pth")
    box.bring_in(tmp_path / "ffdnet_gray.pth")
    assert box.entry.name == "ffdnet_gray" and not box.message.text
    assert "Plug-and-play (ffdnet-gray)" in box.readout.text() and "MIT" in box.readout.text()
    box.delete("ffdnet_gray")
    box.refresh("one")
    box.rename("one", "three")
    assert box.entry.name == "three" and "30.00 dB" in box.readout.text() and not box.message.text
    given = tmp_path / "given.safetensors"
    given.write_bytes(b"the dialog asked")
    box.export("three", given)
    assert not box.message.text and given.read_bytes() == library.get("three").path.read_bytes()
    box.delete("three")
    assert [entry.name for entry in library.entries()] == ["two"]


def test_weights_are_offered_where_the_psf_is_theirs(qtbot, tmp_path):
    library.add(weights(tmp_path), "my lens")
    choice, offer = Choice("Method"), WeightsOffer()
    qtbot.addWidget(choice)
    qtbot.addWidget(offer)
    choice.fill({"dcnn": methods()["dcnn"], "crcnet": methods()["crcnet"]})
    choice.choose("dcnn")

    class Prepared:
        array = DISK

    offer.look(choice, Prepared)
    qtbot.waitUntil(lambda: "trained for this PSF" in offer.text, timeout=5000)
    assert choice.form.widgets["weights"].value == "my lens"
    Prepared.array = Gaussian(sigma_px=3.0)()
    offer.look(choice, Prepared)  # it was filled in, so it is taken out again
    qtbot.waitUntil(lambda: "works untrained" in offer.text, timeout=5000)
    assert choice.form.widgets["weights"].value == ""
    choice.form.widgets["weights"].value = "my lens"  # by hand it stays, with a warning
    offer.look(choice, Prepared)
    qtbot.waitUntil(lambda: "another PSF" in offer.text, timeout=5000)
    assert choice.form.widgets["weights"].value == "my lens" and "%" in offer.text
    choice.choose("crcnet")
    offer.look(choice, Prepared)
    qtbot.waitUntil(lambda: "has no weights" in offer.text, timeout=5000)


def test_the_pictures_are_whole_at_any_width(qtbot):
    planes = [np.full((160, 160), level, np.float32) for level in (0.0, 0.5, 1.0)]
    shown = Strip("three")
    qtbot.addWidget(shown)
    for width in (200, 330, 900):
        shown.resize(width, 50)
        shown.show_planes(*planes)
        picture = shown.pixmap()
        assert picture.width() == min(width, 480) and picture.height() <= shown.height()
        row = [picture.toImage().pixelColor(x, 20).red() for x in (2, picture.width() - 3)]
        assert row == [0, 255]


def test_ticks_can_be_told_apart():
    assert _tick_labels([26.38, 26.4, 26.42]) == ["26.38", "26.4", "26.42"]
    assert _tick_labels([26.4410, 26.4412, 26.4414]) == ["26.441", "26.4412", "26.4414"]


def test_a_network_that_does_not_work_with_the_psf_is_said_before_the_training(qtbot):
    viewer = ViewerModel()
    panel = TrainPanel(viewer)
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(lambda: panel.network.kind is not None, timeout=30_000)
    panel.network.choose("dcnn")
    psf = {"kind": "psf", "psf": {"spec": Gaussian().to_dict()}}
    viewer.add_image(Gaussian()((9, 9, 9)), name="PSF of a stack", metadata={KEY: psf})
    qtbot.waitUntil(lambda: bool(panel.misfit.text), timeout=5000)
    assert "DCNN works on planes and needs a 2-D PSF; this one is 3-D" in panel.misfit.text
    assert not panel.run_bar.button.isEnabled()
    assert panel.misfit.button.text() == "Take U-Net for stacks"
    qtbot.mouseClick(panel.misfit.button, LEFT)
    assert panel.network.name == "unrolled-3d"
    qtbot.waitUntil(panel.run_bar.button.isEnabled, timeout=5000)
