"""Files as microscopes write them: what they say is read, what is wrong with them is named."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

import napari_deconv as nd
from napari_deconv.blocks import open_source
from napari_deconv.cli import main
from napari_deconv.io.micromanager import TAG
from napari_deconv.io.optics import objective_named

SHAPE = (2, 3, 24, 24)
"""C, Z, Y, X."""
CHANNELS = ('Name="EGFP" EmissionWavelength="507" ExcitationWavelength="488"',
            'Name="far red" EmissionWavelength="0.68" EmissionWavelengthUnit="µm"')  # fmt: skip
NANOMETRES = (
    'PhysicalSizeX="100" PhysicalSizeXUnit="nm" PhysicalSizeY="100" PhysicalSizeYUnit="nm" '
    'PhysicalSizeZ="0.3"'
)
WATER = 'LensNA="1.2" Immersion="Water" NominalMagnification="60"'


def xml(channels: tuple[str, ...] = CHANNELS, sizes: str = NANOMETRES, lens: str = WATER) -> str:
    said = "".join(f'<Channel ID="C:{i}" {one}/>' for i, one in enumerate(channels))
    return (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Instrument ID="I:0">'
        f'<Objective ID="O:0" {lens}/></Instrument><Image ID="Image:0"><ObjectiveSettings '
        'ID="O:0"/><Pixels ID="P:0" DimensionOrder="XYZCT" Type="uint16" SizeX="24" SizeY="24" '
        f'SizeZ="3" SizeC="2" SizeT="1" {sizes}>{said}<TiffData/></Pixels></Image></OME>'
    )


def pixels() -> np.ndarray:
    return (np.random.default_rng(0).poisson(50, SHAPE) + 100).astype(np.uint16)


def ome_tiff(path: Path, text: str = "") -> Path:
    tifffile.imwrite(path, pixels(), description=(text or xml()).encode(), metadata=None,
                     photometric="minisblack")  # fmt: skip
    return path


def ome_zarr(path: Path) -> Path:
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    group.create_array("0", data=pixels(), chunks=(1, 1, 12, 12))
    units = {"z": "micrometer", "y": "nanometer", "x": "nanometer"}
    axes = [{"name": "c", "type": "channel"}]
    axes += [{"name": a, "type": "space", "unit": units[a]} for a in "zyx"]
    scale = [{"type": "scale", "scale": [1, 0.3, 100, 100]}]
    data = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": data}]
    (path / "OME").mkdir()
    (path / "OME" / "METADATA.ome.xml").write_text(xml(), encoding="utf-8")
    return path


def imagej(path: Path) -> Path:
    info = (
        "Objective LensNA = 1.2\nImmersion: Water\nEmission wavelength #1 = 507 nm\n"
        "Emission wavelength #2 = 0.68 µm\nExcitation wavelength #1 = 488\n"
    )
    tifffile.imwrite(path, pixels().swapaxes(0, 1), imagej=True, resolution=(0.01, 0.01),
                     metadata={"axes": "ZCYX", "unit": "nm", "spacing": 300, "Info": info,
                               "mode": "composite"})  # fmt: skip
    return path


def micro_manager(path: Path) -> Path:
    """As Micro-Manager's stacks of images: a summary in the header, the devices in every plane."""
    summary = {"MicroManagerVersion": "2.0", "Frames": 1, "Slices": 3, "Channels": 2,
               "Positions": 1, "SlicesFirst": True, "TimeFirst": False,
               "ChNames": ["EGFP", "far red"],
               "z-step_um": 0.3, "PixelSize_um": 0.1}  # fmt: skip
    state = {"PixelSizeUm": 0.1, "TINosePiece-Label": {"PropVal": "3-Plan Apo VC 60x/1.20 WI"}}
    told, about = (json.dumps(one).encode() for one in (summary, state))
    body, places = b"", []
    for z, c in np.ndindex(3, 2):  # tags, pixels 162 bytes behind them, resolution, state
        ifd, plane = 40 + len(told) + len(body), pixels()[c, z].tobytes()
        behind = ifd + 162 + len(plane)
        tags = [(256, 4, 1, 24), (257, 4, 1, 24), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1),
                (273, 4, 1, ifd + 162), (277, 3, 1, 1), (278, 4, 1, 24), (279, 4, 1, len(plane)),
                (282, 5, 1, behind), (283, 5, 1, behind), (296, 3, 1, 1),
                (TAG, 2, len(about), behind + 8)]  # fmt: skip
        packed = b"".join(struct.pack("<HHII", *tag) for tag in tags)
        after = behind + 8 + len(about) if (z, c) != (2, 1) else 0
        body += struct.pack("<H", len(tags)) + packed + struct.pack("<I", after)
        body += plane + struct.pack("<II", 1, 1) + about
        places.append((c, z, 0, 0, ifd))
    index = 40 + len(told) + len(body)
    head = struct.pack("<2sHI", b"II", 42, places[0][4])
    head += struct.pack("<8I", 54773648, index, 483765892, 0, 99384722, 0, 2355492, len(told))
    table = struct.pack("<II", 3453623, len(places)) + b"".join(
        struct.pack("<5I", *place) for place in places
    )
    path.write_bytes(head + told + body + table)
    return path


def engraved(path: Path) -> Path:
    """An OME-TIFF that knows its objective by name only, as some converters write it."""
    lens = 'Model="CFI Plan Apo 60x/1.20 WI"'
    return ome_tiff(path, xml(lens=lens))


KINDS = {
    "a.ome.tif": ome_tiff, "a.ome.zarr": ome_zarr, "imagej.tif": imagej, "mm.tif": micro_manager,
    "engraved.ome.tif": engraved,
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_optics_and_sizes_are_all_read(tmp_path: Path, name: str) -> None:
    path = KINDS[name](tmp_path / name)
    source = open_source(path).picture if name.endswith(".zarr") else path
    green, red = nd.psf.from_metadata(source)
    for psf in (green, red):
        assert psf.spec.numerical_aperture == 1.2
        assert psf.spec.refractive_index_immersion == 1.333
        assert psf.pixel_size == pytest.approx((0.3, 0.1, 0.1))
        assert not any(fact.source == "typed" for fact in psf.facts)
        light = {"emission_nm"} if name == "mm.tif" and psf is red else set()
        assumed = {fact.field for fact in psf.assumptions}
        assert assumed == {"kind", "refractive_index_sample"} | light
    assert green.spec.emission_nm == 507
    if name != "mm.tif":  # which knows its channels by name alone
        assert red.spec.emission_nm == pytest.approx(680)


def test_micro_manager_says_where_it_was_read_and_nothing_of_its_own_gaps(tmp_path: Path) -> None:
    picture = nd.io.read(micro_manager(tmp_path / "mm.tif"))
    assert picture.axes == "ZCYX" and picture.channels == ("EGFP", "far red")
    np.testing.assert_array_equal(picture.data, pixels().swapaxes(0, 1))
    assert not picture.notes
    facts = {fact.field: fact.source for fact in nd.psf.from_metadata(picture)[0].facts}
    assert facts["numerical_aperture"] == "Micro-Manager, objective '3-Plan Apo VC 60x/1.20 WI'"
    assert "pixel_size" in facts and facts["pixel_size"] == "Micro-Manager"


def test_an_objective_is_known_by_its_engraving() -> None:
    for label, aperture, magnified, index in (
        ("3-Plan Apo VC 60x/1.20 WI", 1.2, 60, 1.333),
        ("Plan-Apochromat 63x/1.40 Oil DIC M27", 1.4, 63, 1.515),
        ("UPLSAPO 40X NA 0.95", 0.95, 40, None),
        ("10x", None, 10, None),
        ("HC PL APO CS2 63x/1,30 GLYC", 1.3, 63, 1.45),
        ("", None, None, None),
    ):
        found = objective_named(label, "here")
        assert found.numerical_aperture == aperture and found.magnification == magnified
        assert found.refractive_index_immersion == index


def test_a_trial_reads_no_chunk_that_it_does_not_need(tmp_path: Path) -> None:
    path = ome_zarr(tmp_path / "a.ome.zarr")
    chunks = [chunk for chunk in (path / "0").rglob("*") if chunk.name[:1].isdigit()]
    for chunk in chunks:
        numbers = chunk.relative_to(path / "0").as_posix().replace("/", ".")
        if chunk.is_file() and numbers != "1.2.0.1":
            chunk.write_bytes(b"broken")
    words = ["--c", "1", "--z", "2", "--rect", "0:12,12:24", "--device", "cpu", "--quiet"]
    words += ["--psf", "gaussian:sigma_px=1", "--method", "wiener"]
    out = tmp_path / "o.tif"
    assert main(["deconvolve", str(path), "-o", str(out), *words]) == 0
    assert nd.io.read(out).data.shape[-2:] == (12, 12)
    assert main(["deconvolve", str(path), "-o", str(tmp_path / "p.tif"), *words[8:]]) == 1


BAD = {
    "truncated.ome.tif": ("", "truncated.ome.tif"),
    "no-lens.ome.tif": (xml(lens='Immersion="Water"'), "does not say the numerical aperture"),
    "no-step.ome.tif": (xml(sizes='PhysicalSizeX="0.1" PhysicalSizeY="0.1"'), "z-step"),
    "no-length.ome.tif": (
        xml(sizes=NANOMETRES.replace('"nm"', '"reference frame"', 1)),
        "along X in 'reference frame', which is no length",
    ),
    "mixed.ome.tif": (
        xml(sizes='PhysicalSizeX="0.1" PhysicalSizeY="100" PhysicalSizeZ="0.3"'),
        "0.1 x 100 µm, of which one must be in another unit",
    ),
}
ODD = {
    "contradiction.ome.tif": (
        xml(lens=WATER.replace("Water", "Air")), "index of 1 is not above the NA of 1.2",
    ),
    "swapped.ome.tif": (
        xml(channels=('Name="EGFP" EmissionWavelength="488" ExcitationWavelength="507"',
                      CHANNELS[1])),
        "Channel 0: emission 488 nm is not above excitation 507 nm; neither was taken",
    ),
    "nameless.ome.tif": (
        xml(channels=('Name="a"', 'Name="b"')),
        "channel 1 (b): wide-field PSF from",
    ),
    "fine.ome.tif": ("", "sample index 1.333 (ASSUMED"),
}  # fmt: skip


def test_each_bad_file_is_named_with_its_field_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, (text, _) in {**BAD, **ODD}.items():
        ome_tiff(folder / name, text)
    whole = (folder / "truncated.ome.tif").read_bytes()
    (folder / "truncated.ome.tif").write_bytes(whole[: len(whole) // 2])
    words = ["--method", "richardson-lucy", "--iterations", "1", "--device", "cpu"]
    out = tmp_path / "out"
    assert main(["deconvolve", str(folder), "-o", str(out), *words]) == 1
    said = capsys.readouterr().err
    assert {path.name for path in out.iterdir()} == set(ODD)
    for name, (_, words_) in {**BAD, **ODD}.items():
        lines = [line for line in said.splitlines() if name in line or words_ in line]
        assert any(name in line for line in lines) and words_ in said, (name, said)
    assert "emission 520 nm (ASSUMED: no wavelength and no dye is named)" in said
    assert f"{len(ODD)} of {len(ODD) + len(BAD)} done." in said
