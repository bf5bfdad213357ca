"""CZI, ND2 and LIF: pixels, sizes, channels and optics of files that were written for it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_deconv.cli.batch import plan
from napari_deconv.core.errors import DeconvError
from napari_deconv.io import read
from napari_deconv.io.optics import optics_of
from napari_deconv.io.vendors import position_count
from napari_deconv.psf.metadata import from_metadata

from . import vendor_files as files

for package in ("czifile", "nd2", "liffile"):
    pytest.importorskip(package)

STACK = np.random.default_rng(3).integers(100, 900, (2, 4, 10, 12)).astype(np.uint16)

CZI = """<ImageDocument><Metadata><Information>
<Instrument><Microscopes><Microscope Id="Microscope:1" Name="LSM 880"/></Microscopes><Objectives>
<Objective Id="Objective:0" Name="EC Plan-Neofluar 10x/0.30"><LensNA>0.3</LensNA></Objective>
<Objective Id="Objective:1" Name="Plan-Apochromat 63x/1.40 Oil DIC M27"><LensNA>1.4</LensNA>
<NominalMagnification>63</NominalMagnification><Immersion>Oil</Immersion></Objective>
</Objectives></Instrument><Image><ObjectiveSettings><RefractiveIndex>1.518</RefractiveIndex>
<ObjectiveRef Id="Objective:1"/></ObjectiveSettings><Dimensions><Channels>
<Channel Id="Channel:0" Name="Ch1"><ExcitationWavelength>405</ExcitationWavelength>
<EmissionWavelength>{emission}</EmissionWavelength><PinholeSizeAiry>1.2</PinholeSizeAiry>
<AcquisitionMode>LaserScanningConfocalMicroscopy</AcquisitionMode></Channel>
<Channel Id="Channel:1" Name="Ch2"><Fluor>Alexa Fluor 568</Fluor>
<AcquisitionMode>LaserScanningConfocalMicroscopy</AcquisitionMode></Channel>
</Channels></Dimensions></Image></Information><Scaling><Items>
<Distance Id="X"><Value>8.5E-08</Value></Distance><Distance Id="Y"><Value>8.5E-08</Value></Distance>
<Distance Id="Z"><Value>3E-07</Value></Distance></Items></Scaling></Metadata></ImageDocument>"""

ND2_META = """<bCalibrated runtype="bool" value="true"/>
<dCalibration runtype="double" value="0.11"/>
<dObjectiveNA runtype="double" value="1.2"/><dObjectiveMag runtype="double" value="60"/>
<wsObjectiveName runtype="CLxStringW" value="Plan Apo 60x WI DIC H"/>
<dRefractIndex1 runtype="double" value="1.0"/><dPinholeRadius runtype="double" value="20"/>"""
ND2_LOOP = """<eType runtype="lx_int32" value="4"/><uLoopPars runtype="CLxListVariant">
<uiCount runtype="lx_uint32" value="4"/><dZStep runtype="double" value="0.4"/>
<dZLow runtype="double" value="0"/><dZHigh runtype="double" value="1.2"/>
<dZHome runtype="double" value="0.6"/><bZInverted runtype="bool" value="false"/></uLoopPars>"""

LIF_CONFOCAL = """<ATLConfocalSettingDefinition ObjectiveName="HC PL APO CS2    63x/1.30 GLYC"
 NumericalAperture="1.3" Magnification="63" Immersion="GLYC" RefractionIndex="1.46"
 Pinhole="0.0001544" PinholeAiry="1.5" MicroscopeModel="DMI8-CS"><AotfList><Aotf>
<LaserLineSetting LaserLine="488" IntensityDev="2"/>
<LaserLineSetting LaserLine="561" IntensityDev="3"/>
<LaserLineSetting LaserLine="633" IntensityDev="0"/></Aotf></AotfList><DetectorList>
<Detector Name="HyD 1" IsActive="1" Channel="1"/><Detector Name="PMT 2" IsActive="0" Channel="2"/>
<Detector Name="HyD 3" IsActive="1" Channel="3"/></DetectorList><Spectro>
<MultiBand Channel="1" LeftWorld="500" RightWorld="550" DyeName="EGFP"/>
<MultiBand Channel="2" LeftWorld="400" RightWorld="420" DyeName=""/>
<MultiBand Channel="3" LeftWorld="570" RightWorld="640" DyeName="mCherry"/>
</Spectro></ATLConfocalSettingDefinition>"""
LIF_CAMERA = """<ATLCameraSettingDefinition ObjectiveName="HC PL FLUOTAR 20x/0.55 DRY"
 NumericalAperture="0.55" Magnification="20" RefractionIndex="1.0">
<WideFieldChannelConfigurator><WideFieldChannelInfo FluoCubeName="GFP" EmissionWavelength="525"/>
</WideFieldChannelConfigurator></ATLCameraSettingDefinition>"""


def _plane(name: str, excitation: float, emission: float, mask: int = 0x101) -> str:
    def spectrum(kind: str, value: float) -> str:
        return (
            f'<m_{kind}Spectrum runtype="CLxListVariant"><uiCount runtype="lx_uint32" value="1"/>'
            '<pPoint runtype="CLxListVariant"><Point0 runtype="CLxListVariant">'
            f'<dWavelength runtype="double" value="{value}"/><dTValue runtype="double" value="1"/>'
            f"</Point0></pPoint></m_{kind}Spectrum>"
        )

    return (
        f'<sDescription runtype="CLxStringW" value="{name}"/>'
        f'<uiModalityMask runtype="lx_uint32" value="{mask}"/>'
        f'<pFluorescentProbe runtype="CLxListVariant">{spectrum("Excitation", excitation)}'
        f"{spectrum('Emission', emission)}</pFluorescentProbe>"
    )


def _czi(folder: Path, emission: str = "450") -> Path:
    path = folder / "cells.czi"
    files.czi(path, STACK[None], "SCZYX", CZI.format(emission=emission))
    return path


def _nd2(folder: Path) -> Path:
    from nd2._sdk_types import ELxModalityMask

    mask = int(ELxModalityMask.laserScanConfocal) | 1
    path = folder / "cells.nd2"
    planes = [_plane("DAPI", 405, 450, mask), _plane("A568", 561, 600, mask)]
    files.nd2(path, np.moveaxis(STACK, 0, -1), planes, ND2_META, ND2_LOOP)
    return path


def _lif(folder: Path) -> Path:
    path = folder / "cells.lif"
    steps = {"X": 0.09, "Y": 0.09, "Z": 0.25}
    other = STACK[0, :2] + np.uint16(1)
    files.lif(
        path,
        {
            "tissue": (STACK, "CZYX", steps, LIF_CONFOCAL),
            "overview": (other, "ZYX", steps, LIF_CAMERA),
        },
    )
    return path


WRITERS = {"czi": _czi, "nd2": _nd2, "lif": _lif}


@pytest.mark.parametrize("kind", WRITERS)
def test_pixels_axes_sizes_and_channels_are_those_that_were_written(tmp_path, kind):
    picture = read(WRITERS[kind](tmp_path))
    assert picture.axes == "CZYX"
    np.testing.assert_array_equal(picture.data, STACK)
    sizes = {"czi": (0.3, 0.085), "nd2": (0.4, 0.11), "lif": (0.25, 0.09)}[kind]
    assert [picture.pixel_size[a] for a in "ZYX"] == [*sizes, sizes[-1]]
    assert set(picture.units.values()) == {"µm"}
    assert len(picture.channels) == 2


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("czi", {"NA": 1.4, "n": 1.518, "em": (450, 603), "ex": (405, 578), "airy": (1.2, 1.0)}),
        ("nd2", {"NA": 1.2, "n": 1.333, "em": (450, 600), "ex": (405, 561)}),
        ("lif", {"NA": 1.3, "n": 1.46, "em": (525, 605), "ex": (488, 561), "airy": (1.5, 1.5)}),
    ],
)
def test_the_psf_is_made_of_the_files_own_optics(tmp_path, kind, expected):
    psfs = from_metadata(WRITERS[kind](tmp_path))
    assert [p.spec.name for p in psfs] == ["confocal", "confocal"]
    for psf, emission, excitation in zip(psfs, expected["em"], expected["ex"], strict=True):
        assert psf.spec.numerical_aperture == expected["NA"]
        assert psf.spec.refractive_index_immersion == expected["n"]
        assert (psf.spec.emission_nm, psf.spec.excitation_nm) == (emission, excitation)
    if "airy" in expected:
        assert tuple(p.spec.pinhole_airy for p in psfs) == expected["airy"]
    else:  # 40 µm behind 60x: 1.22 x 0.45 / 1.2 x 60 is an Airy unit
        assert psfs[0].spec.pinhole_airy == pytest.approx(40 / (1.22 * 0.45 / 1.2 * 60), abs=1e-4)
    stated = {f.field for f in psfs[0].facts if kind.upper() in f.source}
    assert {"kind", "numerical_aperture", "emission_nm", "pixel_size", "z_step"} <= stated


def test_an_index_below_the_aperture_is_noted_and_the_engraving_taken(tmp_path):
    optics = optics_of(read(_nd2(tmp_path)))
    assert optics.refractive_index_immersion == 1.333
    assert any("1 is not above the NA of 1.2" in note for note in optics.notes)


def test_a_lif_file_holds_several_images(tmp_path):
    path = _lif(tmp_path)
    assert position_count(path) == 2
    assert any("2 images; only the first" in note for note in read(path).notes)
    second = read(path, position=1)
    np.testing.assert_array_equal(second.data, STACK[0, :2] + 1)
    (psf,) = from_metadata(second)
    assert (psf.spec.name, psf.spec.emission_nm) == ("wide-field", 525)
    with pytest.raises(DeconvError, match=r"cells\.lif.*no position 2.*2 images"):
        read(path, position=2)


def test_the_scenes_of_a_czi_file_are_positions(tmp_path):
    path = tmp_path / "two.czi"
    files.czi(path, np.stack([STACK, STACK + 1]), "SCZYX", CZI.format(emission="450"))
    assert position_count(path) == 2
    np.testing.assert_array_equal(read(path, position=1).data, STACK + 1)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.97])
def test_a_truncated_file_is_named(tmp_path, kind, kept):
    path = WRITERS[kind](tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(DeconvError, match=rf"cells\.{kind}"):
        read(path, position=1 if kind == "lif" else None)  # the last image that it holds


@pytest.mark.parametrize("kind", WRITERS)
def test_a_missing_reader_names_file_and_extra(tmp_path, kind, monkeypatch):
    path = WRITERS[kind](tmp_path)
    package = {"czi": "czifile", "nd2": "nd2", "lif": "liffile"}[kind]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DeconvError, match=package) as error:
        read(path)
    assert path.name in error.value.what and "napari-deconv[vendors]" in error.value.remedy


def test_an_unknown_compression_is_named(tmp_path):
    import czifile

    if hasattr(czifile.CziFile, "scenes"):
        pytest.skip("this czifile reads Zstandard")
    path = tmp_path / "packed.czi"
    files.czi(path, STACK, "CZYX", CZI.format(emission="450"), compression=6)
    with pytest.raises(DeconvError, match=r"packed\.czi.*Zstandard"):
        read(path)


def test_absurd_metadata_are_noted_and_not_taken(tmp_path):
    (first, _) = from_metadata(_czi(tmp_path, emission="45000"))
    assert any("EmissionWavelength" in note and "45000" in note for note in first.notes)
    assert next(f for f in first.facts if f.field == "emission_nm").assumed


def test_results_of_a_folder_of_these_are_ome_tiff(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    _nd2(raw)
    (raw / "other.czi").write_bytes(b"ZISRAWFILE" + bytes(50))
    zarr.open_group(str(raw / "more.ome.zarr"), mode="w")
    jobs = plan([str(raw)], str(tmp_path / "out"), lambda path, many: [None])
    assert [j.target.name for j in jobs] == ["cells.ome.tif", "more.ome.tif", "other.ome.tif"]
    assert len(plan([str(raw)], str(tmp_path / "out"))) == 2  # a photo's commands read no Zarr


def test_a_layer_of_such_a_file_knows_axes_sizes_and_channels(tmp_path):
    from napari_deconv.panels.files import reader

    path = str(_nd2(tmp_path))
    read_layers = reader(path)
    assert read_layers is not None
    ((data, options, kind),) = read_layers(path)
    assert (data.shape, kind) == (STACK.shape, "image")
    assert options["axis_labels"] == ("c", "z", "y", "x")
    assert options["scale"] == pytest.approx((1, 0.4, 0.11, 0.11))
    assert options["metadata"]["channels"] == ["DAPI", "A568"]
