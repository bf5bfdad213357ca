"""The optics of an OME-Zarr are those of the OME-XML that its converter left in the collection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr

import napari_deconv as nd
from napari_deconv.blocks import open_source

XML = """<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
<Instrument ID="Instrument:0"><Objective ID="Objective:0" LensNA="1.4" Immersion="Oil"/>
</Instrument>
{images}</OME>"""
IMAGE = """<Image ID="Image:{n}"><Pixels ID="Pixels:{n}" SizeX="16" SizeY="16" SizeZ="4" SizeC="2"
 SizeT="1" DimensionOrder="XYZCT" Type="uint16">
<Channel ID="Channel:{n}:0" EmissionWavelength="{first}" EmissionWavelengthUnit="nm"/>
<Channel ID="Channel:{n}:1" EmissionWavelength="0.68" EmissionWavelengthUnit="µm"/>
</Pixels></Image>"""


@pytest.mark.parametrize(("number", "first"), [("0", 461.0), ("1", 509.0)])
def test_optics_stand_in_the_collection(tmp_path: Path, number: str, first: float) -> None:
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=2)
    for name in ("0", "1"):
        image = group.create_group(name)
        image.create_array("0", data=np.zeros((2, 4, 16, 16), np.uint16))
        units = {"z": "micrometer", "y": "nanometer", "x": "nanometer"}
        axes = [{"name": "c", "type": "channel"}]
        axes += [{"name": a, "type": "space", "unit": units[a]} for a in "zyx"]
        scale = [{"type": "scale", "scale": [1, 0.3, 100, 100]}]
        data = [{"path": "0", "coordinateTransformations": scale}]
        image.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": data}]
    (tmp_path / "a.zarr" / "OME").mkdir()
    images = IMAGE.format(n=0, first=461) + IMAGE.format(n=1, first=509)
    (tmp_path / "a.zarr" / "OME" / "METADATA.ome.xml").write_text(
        XML.format(images=images), encoding="utf-8"
    )
    source = open_source(tmp_path / "a.zarr" / number)
    one, two = nd.psf.from_metadata(source.picture)
    assert one.spec.numerical_aperture == 1.4 and one.spec.refractive_index_immersion == 1.515
    assert (one.spec.emission_nm, two.spec.emission_nm) == (first, 680.0)
    assert one.pixel_size == pytest.approx((0.3, 0.1, 0.1))
