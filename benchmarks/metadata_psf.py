"""PSFs made from files' metadata against other people's models: MicroscPSF-Py and psf-generator.

Run ``python benchmarks/metadata_psf.py``; it writes ``docs/benchmarks/metadata_psf.md``. Both are
in the extra ``test``.
"""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_deconv import psf
from napari_deconv.psf.fluorescence import WideField
from napari_deconv.psf.microscope import focus_um

OUT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "metadata_psf.md"
PLANES, SIDE = 9, 33


@dataclass(frozen=True)
class Case:
    """Optics as a file states them; its second channel has a dye's name and no wavelength."""

    aperture: float
    medium: str
    index: float
    pixel_nm: float
    step_nm: float


CASES = (Case(0.75, "Air", 1.0, 160, 800), Case(1.2, "Water", 1.333, 80, 250),
         Case(1.4, "Oil", 1.515, 65, 200))  # fmt: skip


def from_file(case: Case, folder: Path) -> tuple[psf.ChannelPSF, ...]:
    """Write an OME-TIFF of two channels, sizes in nm, and read its PSFs back."""
    path = folder / "a.ome.tif"
    about = {"axes": "CZYX", "Channel": {"Name": ["Cy5", "EGFP"]}}
    for axis, size in (("X", case.pixel_nm), ("Y", case.pixel_nm), ("Z", case.step_nm)):
        about |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "nm"}
    image = np.zeros((2, PLANES, SIDE, SIDE), np.uint16)
    tifffile.imwrite(path, image, metadata=about, photometric="minisblack")
    with tifffile.TiffFile(path) as tif:
        xml = str(tif.ome_metadata)
    optics = (
        "<Instrument ID='Instrument:0'><Objective ID='Objective:0' "
        f"LensNA='{case.aperture}' Immersion='{case.medium}'/></Instrument><Image "
    )
    xml = xml.replace("<Image ", optics, 1)
    stated = 'Name="Cy5" EmissionWavelength="0.68" EmissionWavelengthUnit="µm"'
    tifffile.tiffcomment(path, xml.replace('Name="Cy5"', stated).encode())
    # In the sample's own medium both models are exact; elsewhere each has its own focus.
    return psf.from_metadata(path, refractive_index_sample=case.index)


def radial(spec: WideField, case: Case) -> tuple[NDArray, NDArray, NDArray]:
    """Intensity at the distances of the pixels' middles, ``(R, Z)``, and both axes."""
    r = np.linspace(0, SIDE // 2 * case.pixel_nm / 1000, 12)
    z = (np.arange(PLANES) - PLANES // 2) * case.step_nm / 1000
    return spec.section(r, focus_um(spec) + z), r, z


def of_microscpsf(spec: WideField, r: NDArray, z: NDArray) -> NDArray:
    import microscPSF.microscPSF as reference  # noqa: N813

    index, wavelength = spec.refractive_index_immersion, spec.emission_nm / 1000
    stated = {**reference.m_params, "NA": spec.numerical_aperture, "ni": index, "ni0": index,
              "ns": spec.refractive_index_sample}  # fmt: skip
    return reference.gLZRFocalScanSlow(stated, r, -z, pz=0.0, wvl=wavelength).T


def of_psf_generator(spec: WideField, case: Case) -> tuple[NDArray, NDArray, NDArray]:
    """A stack on pixels, with the distances and heights that it is at."""
    from psf_generator.propagators import VectorialSphericalPropagator

    total: NDArray | float = 0.0
    for x, y in ((1.0, 0.0), (0.0, 1.0)):
        model = VectorialSphericalPropagator(
            n_pix_pupil=257, n_pix_psf=SIDE, wavelength=spec.emission_nm,
            na=spec.numerical_aperture, pix_size=case.pixel_nm, n_i=case.index, n_i0=case.index,
            defocus_step=case.step_nm, n_defocus=PLANES, apod_factor=True, e0x=x, e0y=y,
        )  # fmt: skip
        total = total + (abs(model.compute_focus_field().numpy()) ** 2).sum(axis=1)
    at = np.linspace(-1, 1, SIDE) * SIDE * case.pixel_nm / 2000
    heights = np.linspace(model.defocus_min, model.defocus_max, PLANES) / 1000
    return np.asarray(total), np.hypot(at[:, None], at), heights


def apart(ours: NDArray, theirs: NDArray) -> float:
    """Largest difference, in percent of the peak."""
    return 100 * float(np.abs(ours / ours.max() - theirs / theirs.max()).max())


def main() -> None:
    warnings.simplefilter("ignore")  # of the peers' own
    lines = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            channels = from_file(case, Path(folder))
        for channel in channels:
            spec = channel.spec
            assert isinstance(spec, WideField)
            scalar = spec.but(model="scalar")
            mine, r, z = radial(scalar, case)
            against_scalar = apart(mine, of_microscpsf(scalar, r, z))
            theirs, distance, heights = of_psf_generator(spec, case)
            near, place = np.unique(distance, return_inverse=True)
            vector = spec.but(model="vectorial")
            own = vector.section(near, focus_um(vector) + heights)[place.ravel()]
            against_vector = apart(own.T.reshape(theirs.shape), theirs)
            source = next(f.source for f in channel.facts if f.field == "emission_nm")
            lines.append(
                f"| {spec.numerical_aperture:g} {case.medium} | {spec.emission_nm:g} nm ({source}) "
                f"| {against_scalar:.2f} % | {against_vector:.2f} % |"
            )
            print(lines[-1], flush=True)
    text = """# PSFs from metadata, against other models

Written by `python benchmarks/metadata_psf.py`: OME-TIFF files of two channels with sizes in nm,
one wavelength in µm and one dye by name; the PSF that `psf.from_metadata` makes of each (with the
sample in the immersion medium) against MicroscPSF-Py (scalar, Gibson-Lanni, integrated without its
fast series, which is off by up to 5 % of the peak at NA 1.4) and psf-generator (vectorial,
Richards-Wolf). Figures are the largest difference anywhere in nine planes, in percent of the peak.

| NA | emission | MicroscPSF-Py | psf-generator |
|---|---|---:|---:|
"""
    OUT.write_text(text + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
