"""A file that holds less than it says is refused, in words, before the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from napari_deconv.blocks import open_source
from napari_deconv.cli import main
from napari_deconv.core.errors import DeconvError
from napari_deconv.io import images_in, read

if TYPE_CHECKING:
    from pathlib import Path

STACK = np.random.default_rng(0).poisson(50, (6, 24, 20)).astype(np.uint16)
OME = (
    '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/'
    '2016-06" {root}><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
    'Type="uint16" SizeX="{x}" SizeY="24" SizeZ="{z}" SizeC="{c}" SizeT="{t}">{data}</Pixels>'
    "</Image></OME>"
)


def _ome(root: str = "", x: int = 20, z: int = 6, c: int = 1, t: int = 1, data: str = "") -> bytes:
    return OME.format(root=root, x=x, z=z, c=c, t=t, data=data or "<TiffData/>").encode()


def _refused(path: Path, match: str) -> None:
    for door in (read, open_source):
        with pytest.raises(DeconvError, match=match):
            door(path)


KINDS: dict[str, dict[str, Any]] = {
    "imagej": {"imagej": True, "metadata": {"axes": "ZYX"}},
    "imagej-packed": {"imagej": True, "metadata": {"axes": "ZYX"}, "compression": "zlib"},
    "ome": {"ome": True, "metadata": {"axes": "ZYX"}},
    "ome-packed": {"ome": True, "metadata": {"axes": "ZYX"}, "compression": "zlib"},
    "bigtiff": {"bigtiff": True, "metadata": {"axes": "ZYX"}},
    "shaped-tiled": {"tile": (16, 16), "metadata": {"axes": "ZYX"}},
    "plain": {"metadata": None, "photometric": "minisblack"},
    "plain-packed": {"metadata": None, "photometric": "minisblack", "compression": "zlib"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_stacks_that_were_cut_off(tmp_path: Path, kind: str) -> None:
    tifffile.imwrite(tmp_path / "whole.tif", STACK, **KINDS[kind])
    np.testing.assert_array_equal(read(tmp_path / "whole.tif").data, STACK)
    whole = (tmp_path / "whole.tif").read_bytes()
    for share in (0.2, 0.5, 0.8, 0.95, 0.98):
        (tmp_path / "cut.tif").write_bytes(whole[: int(len(whole) * share)])
        _refused(tmp_path / "cut.tif", r"cut\.tif")


def test_the_command_line_fails_and_writes_nothing(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK, imagej=True, metadata={"axes": "ZYX"})
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[: len(whole) // 2])
    psf = ["--psf", "gaussian:sigma_px=1", "--method", "wiener"]
    assert main(["deconvolve", str(tmp_path / "a.tif"), *psf, "-o", str(tmp_path / "b.tif")]) == 1
    assert not (tmp_path / "b.tif").exists()


def test_imagej_without_pages_of_their_own(tmp_path: Path) -> None:
    """Beyond 4 GB ImageJ writes one page for all planes, which follow it without a gap."""
    with tifffile.TiffWriter(tmp_path / "a.tif", imagej=True) as writer:
        writer.write(STACK, metadata={"axes": "ZYX"}, truncate=True)
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert len(tif.pages) == 1
    np.testing.assert_array_equal(read(tmp_path / "a.tif").data, STACK)
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[:-10])
    _refused(tmp_path / "a.tif", "6 planes, but holds 1|bytes before")


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"t": 1000}, "6000 planes .* holds 6"),
        ({"t": 10**12}, "planes"),
        ({"z": 7}, "7 planes"),
        ({"x": 10**9}, "holds"),
        ({"data": '<TiffData PlaneCount="1000000000000"/>'}, "no sense"),
        ({"data": '<TiffData IFD="-4"/>'}, "no sense"),
        ({"z": -6}, "no sense"),
        ({"data": "".join(f'<TiffData FirstZ="{z}" IFD="{z}"/>' for z in (0, 1, 2, 4))}, "missing"),
    ],
)
def test_sizes_that_lie(tmp_path: Path, said: dict[str, Any], match: str) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, description=_ome(**said), metadata=None)
    _refused(tmp_path / "a.ome.tif", match)


def test_planes_that_no_image_claims_are_spoken_of(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, description=_ome(z=4), metadata=None)
    picture = read(tmp_path / "a.ome.tif")
    assert picture.data.shape == (4, 24, 20)
    assert any("2 planes" in note for note in picture.notes)


@pytest.mark.parametrize("text", ["{bad", "[" * 100_000, '{"a": 1'])
def test_a_broken_recipe_hides_no_image(tmp_path: Path, text: str) -> None:
    note = f'<CommentAnnotation ID="Annotation:napari-deconv"><Value>{text}</Value>'
    xml = _ome().replace(
        b"</OME>",
        f"<StructuredAnnotations>{note}</CommentAnnotation></StructuredAnnotations></OME>".encode(),
    )
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, description=xml, metadata=None)
    tifffile.imwrite(
        tmp_path / "b.tif", STACK[0], description=f"napari_deconv: {text}", metadata=None
    )
    (tmp_path / "c.npy.json").write_text(text)
    np.save(tmp_path / "c.npy", STACK[0])
    for name in ("a.ome.tif", "b.tif", "c.npy"):
        assert read(tmp_path / name).recipe is None


# -- images that lie in several files -------------------------------------------------------


def _set(folder: Path, companion: bool = False) -> list[Path]:
    ids = [f"urn:uuid:{i}1111111-1111-1111-1111-111111111111" for i in range(2)]
    planes = "".join(
        f'<TiffData FirstC="{c}" FirstZ="{z}" IFD="{z}" PlaneCount="1">'
        f'<UUID FileName="f{c}.ome.tif">{ids[c]}</UUID></TiffData>'
        for c in range(2) for z in range(3)
    )  # fmt: skip
    channels = '<Channel ID="Channel:0:0"/><Channel ID="Channel:0:1"/>'
    for c in range(2):
        xml = _ome(f'UUID="{ids[c]}"', z=3, c=2, data=channels + planes)
        if companion:
            (folder / "f.companion.ome").write_bytes(
                _ome('UUID="urn:uuid:9"', z=3, c=2, data=channels + planes)
            )
            head, _, _ = xml.partition(b"<Image")
            xml = head + b'<BinaryOnly MetadataFile="f.companion.ome" UUID="urn:uuid:9"/></OME>'
        part = STACK[3 * c : 3 * c + 3]
        tifffile.imwrite(
            folder / f"f{c}.ome.tif", part, description=xml, metadata=None, photometric="minisblack"
        )
    return [folder / f"f{c}.ome.tif" for c in range(2)]


@pytest.mark.parametrize("companion", [False, True])
def test_a_set_of_files_is_one_image(tmp_path: Path, companion: bool) -> None:
    for path in _set(tmp_path, companion):
        picture = read(path)
        assert picture.axes == "CZYX"
        np.testing.assert_array_equal(picture.data.reshape(STACK.shape), STACK)
        assert "f0.ome.tif, f1.ome.tif" in " ".join(picture.notes)
        source = open_source(path)
        np.testing.assert_array_equal(np.asarray(source.array), picture.data)
        source.close()
    assert [path.name for path in images_in(tmp_path)] == ["f0.ome.tif"]
    psf = ["--psf", "gaussian:sigma_px=1", "--method", "wiener", "--quiet"]
    assert main(["deconvolve", str(tmp_path), *psf, "-o", str(tmp_path / "out")]) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["f0.ome.tif"]


@pytest.mark.parametrize("companion", [False, True])
def test_a_missing_file_is_named(tmp_path: Path, companion: bool) -> None:
    first, second = _set(tmp_path, companion)
    if companion:
        (tmp_path / "f.companion.ome").unlink()
        _refused(first, r"f\.companion\.ome.*missing")
        return
    second.unlink()
    _refused(first, r"f1\.ome\.tif is missing")


def test_files_elsewhere_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    first, second = _set(tmp_path / "a")
    second.rename(tmp_path / "f1.ome.tif")
    for name in ("../f1.ome.tif", str(tmp_path / "f1.ome.tif")):
        xml = tifffile.tiffcomment(first).replace("f1.ome.tif", name)
        tifffile.tiffcomment(first, xml.encode())
        _refused(first, "lies elsewhere")
        tifffile.tiffcomment(first, xml.replace(name, "f1.ome.tif").encode())


def test_one_file_under_another_name(tmp_path: Path) -> None:
    planes = '<TiffData><UUID FileName="old.ome.tif">urn:uuid:1</UUID></TiffData>'
    for root in ("", 'UUID="urn:uuid:1"'):
        xml = _ome(root, data=planes)
        tifffile.imwrite(tmp_path / "new.ome.tif", STACK, description=xml, metadata=None)
        np.testing.assert_array_equal(read(tmp_path / "new.ome.tif").data, STACK)
