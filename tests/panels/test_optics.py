from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Image
from napari.layers._source import layer_source
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QInputDialog

from napari_deconv.io.optics import Optics, optics_in
from napari_deconv.panels.deconvolve.panel import DeconvolvePanel
from napari_deconv.panels.docks import wide_field as WideFieldPanel
from napari_deconv.panels.kit.layers import KEY
from napari_deconv.panels.psf.beads import BeadsPanel
from napari_deconv.psf import Gaussian, OpticsPreset

OME = (
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Instrument ID="I:0">'
    '<Objective ID="O:0" LensNA="0.3"/><Objective ID="O:1" LensNA="1.4" Immersion="Oil"/>'
    '</Instrument><Image ID="Image:0"><ObjectiveSettings ID="O:1"/><Pixels ID="P:0">'
    '<Channel ID="C:0" EmissionWavelength="0.61" EmissionWavelengthUnit="\u00b5m" '
    'ExcitationWavelength="561" AcquisitionMode="WideField"/>'
    '<Channel ID="C:1" EmissionWavelength="460"/></Pixels></Image></OME>'
)


def test_optics_are_read_from_ome_and_absurd_ones_are_not() -> None:
    known = optics_in(OME)
    assert known.numerical_aperture == 1.4
    assert known.refractive_index_immersion == 1.515
    assert known.emission_nm == (610, 460)
    assert known.excitation_nm == (561, None)
    assert known.kind == "wide-field"
    assert known.fields(1)["emission_nm"] == 460
    assert optics_in(OME.replace('"1.4"', '"140"')).numerical_aperture is None
    assert optics_in("no xml") == Optics()


def test_panel_takes_optics_over_and_says_whence(qtbot) -> None:
    viewer = ViewerModel()
    viewer.add_image(
        np.zeros((9, 32, 32)), scale=(0.2, 0.08, 0.08), units=("um",) * 3, metadata={"ome": OME}
    )
    panel = WideFieldPanel(viewer)
    qtbot.addWidget(panel)
    spec = panel.source.choice.spec()
    assert (spec.numerical_aperture, spec.emission_nm) == (1.4, 610)
    assert spec.refractive_index_immersion == 1.515
    optics = panel.source.optics
    assert "From the layer's metadata, channel 0" in optics.text
    assert "assumed: sample index 1.333" in optics.text and "immersion index" not in optics.text
    lines = optics.table.text.splitlines()
    assert "numerical aperture 1.4 | OME-XML, LensNA" in lines
    assert "immersion index 1.515 | OME-XML, Immersion Oil" in lines
    assert "sample index 1.333 | assumed: water or medium" in lines
    assert "pixel size 0.08 µm | the layer" in lines and "z-step 0.2 µm | the layer" in lines
    panel.source.choice.form.widgets["emission_nm"].value = 500.0
    assert panel.source.choice.spec().emission_nm == 500  # what is typed stays
    assert "emission 500 nm | typed" in optics.table.text


def test_a_file_that_names_its_microscope_answers_how_it_was_blurred(qtbot) -> None:
    viewer = ViewerModel()
    look = {"scale": (0.2, 0.08, 0.08), "units": ("um",) * 3}
    stated = viewer.add_image(np.zeros((9, 32, 32)), metadata={"ome": OME}, **look)
    panel = DeconvolvePanel(viewer)
    qtbot.addWidget(panel)
    assert panel.psf.choice.name == "wide-field"
    assert panel.psf.choice.spec().numerical_aperture == 1.4
    assert "From the layer's metadata" in panel.psf.optics.text
    viewer.add_image(np.zeros((9, 32, 32)), **look)
    assert panel.psf.choice.name == "unknown", "the next file names none"
    panel.image.pick(stated)
    panel.psf.choice.choose("confocal")
    panel.psf.choice.combo.activated.emit(panel.psf.choice.combo.currentIndex())
    viewer.add_image(np.zeros((9, 32, 32)), metadata={"ome": OME}, **look)
    assert panel.psf.choice.name == "confocal", "what a person answered stays"


def test_a_layer_of_one_channel_takes_the_optics_of_its_own(qtbot) -> None:
    viewer = ViewerModel()
    xml = OME.replace('EmissionWavelength="0.61"', 'Name="Red" EmissionWavelength="0.61"')
    xml = xml.replace('EmissionWavelength="460"', 'Name="Nuclei" EmissionWavelength="460"')
    viewer.add_image(
        np.zeros((9, 32, 32)), scale=(0.2, 0.08, 0.08), units=("um",) * 3,
        name="cells nuclei", metadata={"ome": xml},
    )  # fmt: skip
    panel = WideFieldPanel(viewer)
    qtbot.addWidget(panel)
    assert panel.source.choice.spec().emission_nm == 460
    assert "channel 1" in panel.source.optics.text


def test_a_stack_whose_axes_were_lost_takes_them_from_its_file(qtbot, tmp_path) -> None:
    path = tmp_path / "fiji.tif"
    info = (
        "LensNA = 1.2\nImmersion = Water\nEmissionWavelength #1 = 450\nEmissionWavelength #2 = 600"
    )
    data = np.random.default_rng(0).poisson(50, (9, 2, 32, 32)).astype(np.uint16)
    tifffile.imwrite(
        path, data, imagej=True, resolution=(10, 10),
        metadata={"axes": "ZCYX", "unit": "um", "spacing": 0.3, "Info": info},
    )  # fmt: skip
    with layer_source(path=str(path)):
        layer = Image(data)
    viewer = ViewerModel()
    viewer.add_layer(layer)
    viewer.dims.set_current_step(0, 7)
    panel = DeconvolvePanel(viewer)
    qtbot.addWidget(panel)
    assert panel.axes.combo.currentText() == "z, c, y, x"
    assert panel.psf.choice.name == "wide-field", "the usual one, for an aperture is stated"
    assert "microscope wide-field | assumed: no acquisition" in panel.psf.optics.table.text
    qtbot.mouseClick(panel.axes.button, Qt.MouseButton.LeftButton)
    assert layer.axis_labels == ("z", "c", "y", "x") and viewer.dims.current_step[0] == 7
    np.testing.assert_allclose(layer.scale, (0.3, 1, 0.1, 0.1))
    assert panel.psf.image.microns == {"Z": 0.3, "Y": 0.1, "X": 0.1}
    qtbot.waitUntil(lambda: panel.psf.prepared is not None, timeout=20000)
    parts = panel.variety.applied(panel.psf.request()).to_dict()["channels"]
    assert [part["spec"]["emission_nm"] for part in parts] == [450, 600]
    for part in parts:
        facts = {fact["field"]: fact for fact in part["optics"]}
        assert facts["numerical_aperture"]["source"] == "ImageJ info"
        assert facts["emission_nm"]["value"] == part["spec"]["emission_nm"]
        assert facts["emission_nm"]["source"] == "ImageJ info"
        assert facts["z_step"] == {**facts["z_step"], "value": 0.3, "unit": "µm"}
        assert facts["kind"]["assumed"]
    panel.psf.choice.form.widgets["numerical_aperture"].value = 1.1
    viewer.dims.set_current_step(1, 1)
    spec = panel.psf.choice.spec()
    assert (spec.emission_nm, spec.numerical_aperture) == (600, 1.1), "the channel in view"
    assert "channel 1" in panel.psf.optics.text
    parts = panel.order().psf.to_dict()["channels"]
    assert [part["spec"]["emission_nm"] for part in parts] == [450, 600]
    panel.variety.switch.setChecked(False)
    viewer.dims.set_current_step(1, 0)
    assert panel.psf.choice.spec().emission_nm == 600, "one PSF for all does not change by looking"


def test_axes_can_be_chosen(qtbot) -> None:
    layer = Image(np.zeros((5, 16, 16)))
    viewer = ViewerModel()
    viewer.add_layer(layer)
    panel = DeconvolvePanel(viewer)
    qtbot.addWidget(panel)
    combo = panel.axes.combo
    assert combo.currentText() == "z, y, x" and not panel.axes.button.isVisibleTo(panel)
    combo.setCurrentText("t, y, x")
    combo.activated.emit(combo.currentIndex())
    assert layer.axis_labels == ("t", "y", "x")
    assert panel.axes.isVisibleTo(panel), "a wrong choice can be taken back"


def test_immersion_is_a_choice_with_its_index_and_rare_fields_are_folded_away(qtbot) -> None:
    panel = WideFieldPanel(ViewerModel())
    qtbot.addWidget(panel)
    form = panel.source.choice.form
    field = form.widgets["refractive_index_immersion"].native
    assert field.names.currentText() == "water" and field.value() == 1.333
    field.names.setCurrentIndex(field.names.findText("oil"))
    field.names.activated.emit(field.names.currentIndex())
    assert panel.source.choice.spec().refractive_index_immersion == 1.515
    field.number.setValue(1.4)
    assert field.names.currentText() == "other"
    (fold,) = form.asides.values()
    assert not fold.button.isChecked()
    form.set_values({"coverslip_um": 150.0})  # what is not usual stays in sight
    assert fold.button.isChecked()
    assert (
        type(panel.source.choice.spec()).fields()["refractive_index_sample"].read("glycerol")
        == 1.45
    )


def test_presets_are_offered_saved_and_taken_in(qtbot, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("NAPARI_DECONV_DATA", str(tmp_path / "data"))
    OpticsPreset("60x oil", "wide-field", {"numerical_aperture": 1.45}, "Nikon Ti2").save()
    viewer = ViewerModel()
    xml = OME.replace(
        "<Objective ID", '<Microscope Manufacturer="Nikon" Model="Ti2"/><Objective ID', 1
    )
    viewer.add_image(
        np.zeros((9, 32, 32)), scale=(0.2, 0.08, 0.08), units=("um",) * 3, metadata={"ome": xml}
    )
    panel = WideFieldPanel(viewer)
    qtbot.addWidget(panel)
    optics = panel.source.optics
    assert "“60x oil” is for this microscope" in optics.text
    optics.note.button.click()
    assert panel.source.choice.spec().numerical_aperture == 1.45
    assert "numerical aperture 1.45 | preset 60x oil" in optics.table.text
    panel.source.choice.form.widgets["refractive_index_sample"].value = 1.45
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("mounted", True))
    optics.presets.actions_by_name["save"].trigger()
    made = OpticsPreset.load("mounted")
    assert made.fields["refractive_index_sample"] == 1.45 and made.microscope == "Nikon Ti2"
    assert "emission_nm" not in made.fields  # which is a channel's
    assert optics.presets.preset == made
    shared = OpticsPreset("shared", "confocal", {"pinhole_airy": 2.0}).save(tmp_path / "s.json")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(shared), ""))
    optics.presets.actions_by_name["take"].trigger()
    assert panel.source.choice.spec().pinhole_airy == 2.0  # of another kind of microscope
    (tmp_path / "s.json").write_text("{")
    optics.presets.actions_by_name["take"].trigger()
    assert "s.json" in optics.text


def test_panel_takes_dyes_for_wavelengths_and_says_what_it_assumes(qtbot) -> None:
    viewer = ViewerModel()
    xml = OME.replace('EmissionWavelength="0.61"', 'Fluor="mCherry"').replace('"Oil"', '"Air"')
    viewer.add_image(
        np.zeros((9, 32, 32)), scale=(0.2, 0.08, 0.08), units=("um",) * 3, metadata={"ome": xml}
    )
    panel = WideFieldPanel(viewer)
    qtbot.addWidget(panel)
    spec = panel.source.choice.spec()
    assert (spec.emission_nm, spec.refractive_index_immersion) == (610, 1.515)
    optics = panel.source.optics
    assert "immersion index 1.515 | assumed: oil" in optics.table.text
    assert "is not above the NA of 1.4" in optics.text


def test_optics_come_from_the_file_of_a_layer(tmp_path) -> None:
    from napari_deconv.panels.psf.layer_optics import optics_of

    path = tmp_path / "a.ome.tif"
    sizes = ('<Pixels DimensionOrder="XYZCT" Type="uint8" SizeX="8" SizeY="8" SizeZ="1" SizeC="2" '
             'SizeT="1"')  # fmt: skip
    xml = OME.replace("<Pixels", sizes).replace("</Pixels>", "<TiffData/></Pixels>")
    data = np.zeros((2, 8, 8), np.uint8)
    tifffile.imwrite(path, data, description=xml.encode(), metadata=None)
    layer = SimpleNamespace(metadata={}, source=SimpleNamespace(path=str(path)))
    known, whence = optics_of(layer)
    assert known.numerical_aperture == 1.4 and whence == "a.ome.tif"


def test_without_calibration_the_panel_refuses_and_asks(qtbot) -> None:
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((3, 9, 32, 32)), axis_labels=("t", "z", "y", "x"))
    panel = WideFieldPanel(viewer)
    qtbot.addWidget(panel)
    panel.show()
    source = panel.source
    qtbot.waitUntil(source.calibration.isVisible, timeout=5000)
    assert "not known" in source.notice.text and source.calibration.sizes.text() == ""
    assert not panel.button.isEnabled()
    source.calibration.sizes.setText("0.3, 0.1")
    source.calibration.button.click()
    assert "3 positive numbers" in source.notice.text
    source.calibration.sizes.setText("300, 100, 100")  # nm, taken for um
    source.calibration.button.click()
    qtbot.waitUntil(lambda: "not a microscope's" in source.notice.text, timeout=5000)
    source.calibration.sizes.setText("0.3, 0.1, 0.1")
    source.calibration.button.click()
    qtbot.waitUntil(panel.button.isEnabled, timeout=20000)
    assert not source.calibration.isVisible()
    assert layer.scale == pytest.approx((1, 0.3, 0.1, 0.1))
    assert [str(u) for u in layer.units] == ["pixel", *["micrometer"] * 3]


def test_beads_panel_makes_a_psf_and_colours_the_beads(qtbot, tmp_path, monkeypatch) -> None:
    viewer = ViewerModel()
    image = np.random.default_rng(0).poisson(10.0, (90, 90)).astype(float)
    psf = Gaussian(sigma_px=1.5)((15, 15))
    for y, x in ((20, 20), (20, 60), (60, 20), (60, 60)):
        image[y - 7 : y + 8, x - 7 : x + 8] += 400 * psf / psf.max()
    image[:8, 37:52] += 400 * (psf / psf.max())[7:]  # cut by the border
    viewer.add_image(image, scale=(0.1, 0.1), units=("um",) * 2, name="beads")
    panel = BeadsPanel(viewer)
    qtbot.addWidget(panel)
    panel.measure()
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=20000)
    verdicts, made = viewer.layers[1:]
    assert made.metadata[KEY]["kind"] == "psf"
    assert made.scale == pytest.approx((0.1, 0.1))
    assert panel.table.rowCount() == 5
    said = [panel.table.item(row, 0).text() for row in range(5)]
    assert sorted(said) == ["too near the border", "used", "used", "used", "used"]
    assert panel.table.horizontalHeaderItem(1).text() == "FWHM (µm)"
    assert len({tuple(colour) for colour in verdicts.border_color}) == 2

    row, before = said.index("used"), made.data.copy()
    panel.table.item(row, 0).setCheckState(Qt.CheckState.Unchecked)
    qtbot.waitUntil(lambda: panel.table.item(row, 0).text() == "discarded by hand", timeout=20000)
    assert len(viewer.layers) == 3 and not np.array_equal(made.data, before)
    panel.table.item(row, 0).setCheckState(Qt.CheckState.Checked)
    qtbot.waitUntil(lambda: panel.table.item(row, 0).text() == "used", timeout=20000)
    assert np.array_equal(made.data, before)
    centre = verdicts.data_to_world(verdicts.data[row])
    click = SimpleNamespace(type="mouse_press", button=1, position=tuple(centre))
    callback = viewer.mouse_drag_callbacks[-1]
    for away, text in ((50.0, "used"), (0.0, "discarded by hand"), (0.0, "used")):
        going = callback(viewer, click)
        next(going)
        click.type, click.position = "mouse_release", (centre[0] + away, centre[1])
        assert next(going, None) is None
        qtbot.waitUntil(lambda text=text: panel.table.item(row, 0).text() == text, timeout=20000)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "b"), ""))
    panel.to_table.click()
    assert (tmp_path / "b.csv").read_text().count(",yes,used,") == 4

    assert "theory" not in panel.readout.text()
    panel.theory.choice.choose("wide-field", {"numerical_aperture": 0.9})
    panel.measure()
    qtbot.waitUntil(lambda: "theory" in panel.readout.text(), timeout=20000)
    across = 0.51 * 0.52 / 0.9  # of an Airy disk, in um
    line = next(x for x in panel.readout.text().splitlines() if "theory" in x)
    words = line.split()
    assert words[:2] == ["y:", "FWHM"] and float(words[5].rstrip(":")) == pytest.approx(across, 0.1)
    assert float(words[6]) == pytest.approx(2.355 * 0.15 / across, 0.15)


def test_an_offset_that_was_taken_for_light_is_accounted_for_with_a_click(qtbot) -> None:
    rng = np.random.default_rng(0)
    light = np.zeros((64, 64))
    light[20:40, 20:40] = 300
    viewer = ViewerModel()
    viewer.add_image((rng.poisson(light + 1) + 100).astype(np.uint16))
    panel = DeconvolvePanel(viewer)
    qtbot.addWidget(panel)
    qtbot.waitUntil(panel.method.isEnabled, timeout=60000)
    panel.psf.choice.choose("gaussian")
    panel.method.choose("richardson-lucy", {"iterations": 3})
    panel.run()
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=60000)
    assert "offset" in panel.run_bar.message.button.text()
    panel.run_bar.message.button.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=60000)
    method = viewer.layers[-1].metadata[KEY]["method"]
    assert method["offset_counts"] == "auto"
    assert viewer.layers[-1].data.min() < 50 < viewer.layers[1].data.min()
