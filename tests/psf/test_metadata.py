"""PSFs out of what files say of their optics, with where each value came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

import napari_deconv as nd
from napari_deconv.cli import main
from napari_deconv.io.optics import Optics, optics_in, optics_in_info
from napari_deconv.psf.dyes import band_named, dye_named, laser_named
from napari_deconv.psf.metadata import channel_psf

if TYPE_CHECKING:
    from pathlib import Path

CONFOCAL = 'AcquisitionMode="LaserScanningConfocalMicroscopy"'


def ome(
    channels: tuple[str, ...],
    lens: str = 'LensNA="1.4" Immersion="Oil" NominalMagnification="63"',
    settings: str = "",
    sizes: str = 'PhysicalSizeX="0.1" PhysicalSizeY="0.1" PhysicalSizeZ="0.25"',
    planes: int = 3,
) -> str:
    each = "".join(f'<Channel ID="C:{i}" {said}/>' for i, said in enumerate(channels))
    return (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Instrument ID="I:0">'
        f'<Objective ID="O:0" {lens}/></Instrument><Image ID="Image:0">'
        f'<ObjectiveSettings ID="O:0" {settings}/><Pixels ID="P:0" DimensionOrder="XYZCT" '
        f'Type="uint16" SizeX="24" SizeY="24" SizeZ="{planes}" SizeC="{len(channels)}" '
        f'SizeT="1" {sizes}>{each}<TiffData/></Pixels></Image></OME>'
    )


def written(path: Path, xml: str, channels: int, planes: int = 3) -> Path:
    values = np.random.default_rng(0).poisson(50, (channels, planes, 24, 24)).astype(np.uint16)
    tifffile.imwrite(
        path, values, description=xml.encode(), metadata=None, photometric="minisblack"
    )
    return path


def facts(psf: nd.psf.ChannelPSF) -> dict[str, nd.psf.Fact]:
    return {fact.field: fact for fact in psf.facts}


TWO = ('Name="a" EmissionWavelength="0.68" EmissionWavelengthUnit="µm"', 'Name="EGFP"')
NANOMETRES = " ".join(
    f'PhysicalSize{a}="{n}" PhysicalSize{a}Unit="nm"' for a, n in (("X", 80), ("Y", 80), ("Z", 200))
)


@pytest.mark.parametrize(
    ("sizes", "pixel_size"),
    [("PhysicalSizeX='0.1' PhysicalSizeY='0.1' PhysicalSizeZ='0.25'", (0.25, 0.1, 0.1)),
     (NANOMETRES, (0.2, 0.08, 0.08))],
)  # fmt: skip
def test_two_channels_with_units_in_um_and_nm(
    tmp_path: Path, sizes: str, pixel_size: tuple[float, ...]
) -> None:
    path = written(tmp_path / "a.ome.tif", ome(TWO, sizes=sizes), 2)
    red, green = nd.psf.from_metadata(path)
    assert red.spec == nd.psf.WideField(
        numerical_aperture=1.4, refractive_index_immersion=1.515, emission_nm=680
    )
    assert green.spec == red.spec.but(emission_nm=507)
    assert red.pixel_size == pytest.approx(pixel_size)
    assert "AcquisitionMode" not in facts(red)["kind"].source and facts(red)["kind"].assumed
    assert facts(red)["emission_nm"].source == "OME-XML, EmissionWavelength"
    assert "EGFP" in facts(green)["emission_nm"].source and "Color Palette" in str(green.facts)
    assert facts(red)["z_step"].value == pytest.approx(pixel_size[0])
    assert {f.field for f in red.assumptions} == {"kind", "refractive_index_sample", "depth_um"}
    np.testing.assert_array_equal(red((3, 9, 9)), red.spec((3, 9, 9), red.pixel_size))


def test_water_immersion_and_a_sample_typed_leave_nothing_to_assume(tmp_path: Path) -> None:
    lens = 'LensNA="1.2" Immersion="Water"'
    one = 'EmissionWavelength="520" AcquisitionMode="WideField"'
    path = written(tmp_path / "a.ome.tif", ome((one,), lens), 1)
    (psf,) = nd.psf.from_metadata(path, refractive_index_sample=1.333, assume=False)
    assert not psf.assumptions and facts(psf)["refractive_index_sample"].source == "typed"
    with pytest.raises(nd.DeconvError, match=r"a\.ome\.tif .*channel 0: refractive_index_sample\)"):
        nd.psf.from_metadata(path, assume=False)


def test_a_pinhole_becomes_airy_units(tmp_path: Path) -> None:
    said = f'EmissionWavelength="520" ExcitationWavelength="488" {CONFOCAL} PinholeSize="50"'
    (psf,) = nd.psf.from_metadata(written(tmp_path / "a.ome.tif", ome((said,)), 1))
    assert isinstance(psf.spec, nd.psf.Confocal)
    airy_um = 1.22 * 0.52 / 1.4
    assert psf.spec.pinhole_airy == pytest.approx(50 / 63 / airy_um, abs=1e-3)
    assert psf.spec.excitation_nm == 488
    assert "63x" in facts(psf)["pinhole_airy"].source
    no_lens = ome((said,), 'LensNA="1.4" Immersion="Oil"')
    (other,) = nd.psf.from_metadata(written(tmp_path / "b.ome.tif", no_lens, 1))
    assert other.spec.pinhole_airy == 1 and facts(other)["pinhole_airy"].assumed


@pytest.mark.parametrize(
    ("xml", "said", "field", "value"),
    [
        (ome(TWO[:1], 'LensNA="1.4" Immersion="Air"'), "not above the NA",
         "refractive_index_immersion", 1.515),
        (ome(TWO[:1], settings='RefractiveIndex="1.33"'), "contradicts Immersion Oil",
         "refractive_index_immersion", 1.515),
        (ome(('EmissionWavelength="488" ExcitationWavelength="510" Name="GFP"',)),
         "not above excitation", "emission_nm", 507),
        (ome(('EmissionWavelength="5" Name="DAPI"',)), "5 is none that exists",
         "emission_nm", 461),
        (ome(('EmissionWavelength="520" EmissionWavelengthUnit="eV"',)), "'eV'",
         "emission_nm", 520),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_told_and_not_taken(
    tmp_path: Path, xml: str, said: str, field: str, value: float
) -> None:
    (psf,) = nd.psf.from_metadata(written(tmp_path / "a.ome.tif", xml, 1))
    assert any(said in note for note in psf.notes), psf.notes
    assert getattr(psf.spec, field) == value


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (ome(TWO[:1], 'Immersion="Oil"'), "does not say the numerical aperture"),
        (ome(TWO[:1], 'LensNA="63"'), "does not say the numerical aperture"),
        (ome(TWO[:1], sizes=""), "does not say the pixel size"),
        (ome(TWO[:1], sizes='PhysicalSizeX="1" PhysicalSizeY="1.0" PhysicalSizeZ="1"'), "1 µm"),
    ],
)
def test_what_no_psf_can_do_without_is_asked_for(tmp_path: Path, xml: str, said: str) -> None:
    path = written(tmp_path / "a.ome.tif", xml, 1)
    with pytest.raises(nd.DeconvError, match=rf"a\.ome\.tif.*{said}"):
        nd.psf.from_metadata(path)
    nd.psf.from_metadata(path, numerical_aperture=1.3, pixel_size=(0.2, 0.1, 0.1))


def test_imagej_info(tmp_path: Path) -> None:
    info = (
        "Objective LensNA = 0.8\nImmersion: Air\nEmission wavelength #1 = 610 nm\n"
        "Emission wavelength #2 = 0.46 µm\nSample refractive index: 1.45\n"
    )
    known = optics_in_info(info)
    assert known.numerical_aperture == 0.8 and known.refractive_index_immersion == 1.0
    assert known.emission_nm == (610, 460) and known.refractive_index_sample == 1.45
    json = '{"Objective": {"NA": 1.3, "Immersion": "oil"}, "ChNames": ["Alexa 647", "488"]}'
    assert optics_in_info(json).names == ("Alexa 647", "488")
    assert optics_in_info("{damaged").fields() == {} == optics_in("<OME").fields()
    stack = np.ones((3, 2, 24, 24), np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", stack, imagej=True, resolution=(10, 10),
        metadata={"axes": "ZCYX", "unit": "um", "spacing": 0.3, "Info": info},
    )  # fmt: skip
    red, blue = nd.psf.from_metadata(tmp_path / "a.tif")
    assert (red.spec.emission_nm, blue.spec.emission_nm) == (610, 460)
    assert red.pixel_size == pytest.approx((0.3, 0.1, 0.1))
    assert facts(red)["numerical_aperture"].source == "ImageJ info"


def test_names_of_channels_give_wavelengths() -> None:
    named = {
        "Alexa Fluor 488": "Alexa Fluor 488", "AF647-phalloidin": "Alexa Fluor 647",
        "anti-tubulin_GFP": "EGFP", "Hoechst 33342": "Hoechst", "desired": None, "488": None,
    }  # fmt: skip
    for text, name in named.items():
        dye = dye_named(text)
        assert (dye.name if dye else None) == name
    assert laser_named("CSU488") == 488 and laser_named("Ch 123") is None
    assert band_named("ET 525/50") == 525 and laser_named("ET 561/20") is None


def run(*words: object) -> int:
    return main([str(word) for word in words])


@pytest.fixture
def two(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return written(tmp_path / "in" / "a.ome.tif", ome(TWO), 2)


@pytest.mark.parametrize("words", [[], ["--psf", "auto"], ["--psf", "wide-field"]])
def test_the_command_line_takes_optics_from_the_file_and_lists_them(
    two: Path, tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "o.ome.tif"
    plain = ["--method", "richardson-lucy", "--iterations", 1, "--device", "cpu"]
    assert run("deconvolve", two, "-o", out, *words, *plain) == 0
    said = capsys.readouterr().err
    assert "channel 0 (a): wide-field PSF from" in said
    assert "emission 680 nm (OME-XML, EmissionWavelength)" in said
    assert "sample index 1.333 (ASSUMED: water or medium)" in said
    recipe = nd.io.read(out).recipe
    assert recipe is not None
    psfs = recipe["psf"]["channels"]
    assert [psf["spec"]["emission_nm"] for psf in psfs] == [680, 507]
    assert psfs[0]["spec"]["numerical_aperture"] == 1.4
    assert {f["field"]: f["source"] for f in psfs[1]["optics"]}["emission_nm"].startswith("EGFP")
    again = tmp_path / "again.ome.tif"
    assert run("deconvolve", two, "-o", again, "--recipe", out) == 0
    np.testing.assert_array_equal(nd.io.read(again).data, nd.io.read(out).data)


def test_what_is_typed_wins_and_the_rest_is_the_file_s(two: Path, tmp_path: Path) -> None:
    out, given = tmp_path / "o.ome.tif", "wide-field:numerical_aperture=1.3"
    words = ["--method", "richardson-lucy", "--iterations", 1, "--device", "cpu", "--quiet"]
    assert run("deconvolve", two, "-o", out, "--psf", given, *words) == 0
    recipe = nd.io.read(out).recipe
    assert recipe is not None
    spec = recipe["psf"]["channels"][0]["spec"]
    assert (spec["numerical_aperture"], spec["emission_nm"]) == (1.3, 680)
    assert spec["refractive_index_immersion"] == 1.515


def test_a_folder_goes_on_after_a_file_without_optics_and_nothing_is_assumed_if_asked(
    two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tifffile.imwrite(two.parent / "bare.tif", np.ones((24, 24), np.uint16))
    words = ["--method", "richardson-lucy", "--iterations", 1, "--device", "cpu"]
    assert run("deconvolve", two.parent, "-o", tmp_path / "out", *words) == 1
    assert (tmp_path / "out" / "a.ome.tif").exists()
    assert "bare.tif does not say the numerical aperture" in capsys.readouterr().err
    assert run("deconvolve", two, "-o", tmp_path / "n.ome.tif", "--ask-nothing", *words) == 1
    assert "refractive_index_sample" in capsys.readouterr().err
    assert not (tmp_path / "n.ome.tif").exists()


@pytest.mark.parametrize(("airy", "taken"), [(0.8, 0.8), (14.0, 10.0)])
def test_a_pinhole_in_airy_units_is_taken_and_an_open_one_said(airy: float, taken: float) -> None:
    sources = {"pinhole_airy": "CZI, PinholeSizeAiry", "numerical_aperture": "CZI, LensNA"}
    psf = channel_psf(Optics(numerical_aperture=0.8, pinhole_airy=(airy,), sources=sources), 0)
    fact = facts(psf)["pinhole_airy"]
    assert (psf.spec.name, fact.value, fact.assumed) == ("confocal", taken, False)
    assert any("open" in note for note in psf.notes) == (airy > taken)
