"""Optics with a name: saved, shared, used, and offered by the microscope's name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_deconv as nd
from napari_deconv.__main__ import main
from napari_deconv.core.errors import DeconvError
from napari_deconv.io import read
from napari_deconv.psf import FromMetadata, OpticsPreset, PsfRequest, from_metadata
from napari_deconv.psf.preset import fitting, saved

OIL = {"numerical_aperture": 1.4, "refractive_index_immersion": 1.515}


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_DECONV_DATA", str(tmp_path / "data"))


def image(path: Path, aperture: float = 1.2) -> Path:
    """An OME-TIFF of a microscope that names itself."""
    tifffile.imwrite(path, np.random.default_rng(0).poisson(20, (6, 24, 26)).astype(np.uint16),
                     metadata={"axes": "ZYX", "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1,
                               "PhysicalSizeZ": 0.3, "Channel": {"Name": "GFP"}})  # fmt: skip
    stated = (
        "<Instrument ID='Instrument:0'><Microscope Manufacturer='Nikon' Model='Ti2-E'/>"
        f"<Objective ID='Objective:0' LensNA='{aperture}' Immersion='Water'/></Instrument>"
    )
    with tifffile.TiffFile(path) as tif:
        xml = tif.ome_metadata or ""
    tifffile.tiffcomment(path, xml.replace("<Image ", f"{stated}<Image ", 1).encode())
    return path


def test_a_preset_wins_over_the_file_and_loses_to_what_is_typed(tmp_path: Path) -> None:
    path = image(tmp_path / "a.ome.tif")
    preset = OpticsPreset("60x oil", "confocal", OIL | {"pinhole_airy": 0.8})
    (psf,) = from_metadata(path, preset=preset, pinhole_airy=1.5)
    assert psf.spec.name == "confocal" and psf.spec.numerical_aperture == 1.4
    sources = {fact.field: fact.source for fact in psf.facts}
    assert sources["kind"] == sources["numerical_aperture"] == "preset 60x oil"
    assert sources["pinhole_airy"] == "typed" and psf.spec.pinhole_airy == 1.5
    assert "GFP" in sources["emission_nm"]  # what the preset leaves open is the file's


def test_presets_are_saved_listed_shared_and_refused_in_words(tmp_path: Path) -> None:
    preset = OpticsPreset("60x oil", "wide-field", OIL, "Nikon Ti2-E")
    assert OpticsPreset.load(preset.save().stem) == preset and saved() == (preset,)
    shared = preset.save(tmp_path / "share.json")
    assert OpticsPreset.load(shared) == preset
    (tmp_path / "data" / "optics" / "broken.json").write_text("{")
    assert saved() == (preset,)
    assert fitting("NIKON ti2e") == preset and fitting("") is None
    with pytest.raises(DeconvError, match=r"no optics called '60x oi'\. Did you mean '60x oil'"):
        OpticsPreset.load("60x oi")
    with pytest.raises(DeconvError, match="numerical_aperture"):
        OpticsPreset("a", "auto", {"numerical_aperture": 5})
    with pytest.raises(DeconvError, match=r"no field of .* 'na'"):
        OpticsPreset("a", "wide-field", {"na": 1})
    with pytest.raises(DeconvError, match="plain file name"):
        OpticsPreset("../a", "wide-field", OIL)
    asked = PsfRequest(metadata=FromMetadata(preset=preset))
    assert PsfRequest.from_dict(asked.to_dict()) == asked


def test_optics_by_name_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = image(tmp_path / "a.ome.tif"), tmp_path / "b.ome.tif"
    spelt = "confocal:numerical_aperture=1.4,refractive_index_immersion=1.515"
    assert main(["psf", "optics", "60x oil", spelt, "--microscope", "Nikon Ti2-E"]) == 0
    assert main(["psf", "optics", "60x oil", spelt]) == 2  # it exists
    assert main(["psf", "optics"]) == 0
    assert "60x oil (Nikon Ti2-E): confocal, numerical_aperture 1.4" in capsys.readouterr().out
    run = ["deconvolve", str(path), "-o", str(out), "--method", "wiener"]
    assert main(run) == 0
    assert "--optics '60x oil'" in capsys.readouterr().err
    assert main([*run, "--optics", "60x oil"]) == 0
    assert "numerical aperture 1.4 (preset 60x oil)" in capsys.readouterr().err
    recipe = read(out).recipe
    assert recipe is not None and recipe["psf"]["spec"]["numerical_aperture"] == 1.4
    assert main([*run, "--optics", "40x"]) == 2
    shared = str(tmp_path / "share.json")
    assert main(["psf", "optics", "60x oil", "-o", shared]) == 0
    assert main(["psf", "optics", "theirs", "--from", shared]) == 0
    assert nd.psf.OpticsPreset.load("theirs").fields == OpticsPreset.load("60x oil").fields
