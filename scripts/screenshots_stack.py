"""Make the pictures of stacks in ``docs/images`` by driving a real window.

    xvfb-run -a -s "-screen 0 1600x1000x24" .venv/bin/python scripts/screenshots_stack.py [FLOW ...]

Flows: beads (psf-beads), stack (stack-psf, stack-preview, stack-deblurred), sections
(stack-orthogonal), network (stack-network), series (stack-channels), large (stack-large),
microscope (from-my-file-list, from-my-file-result, from-my-file). Everything shown is generated;
``file PATH [ITERATIONS [ARRAY]]`` drives a stack of your own from open to deblurred, with a PSF of
that many pixels, and leaves its pictures in the working folder.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import screenshots
import tifffile
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import fourier_shift, gaussian_filter
from screenshots import Window, save

from napari_deconv import metrics
from napari_deconv.degradation.volumes import VOLUME_KINDS
from napari_deconv.panels.kit.parts import reveal
from napari_deconv.psf import WideField

screenshots.PATIENCE_S = 900  # a stack on a busy machine
VOXEL_UM = (0.4, 0.12, 0.12)
UM = ("um", "um", "um")
OME = (
    '<OME><Instrument ID="I:0"><Objective ID="O:1" LensNA="0.8" Immersion="Water"/></Instrument>'
    '<Image ID="Image:0"><ObjectiveSettings ID="O:1"/><Pixels ID="P:0">'
    '<Channel ID="C:0" EmissionWavelength="460" AcquisitionMode="WideField"/>'
    '<Channel ID="C:1" EmissionWavelength="610"/></Pixels></Image></OME>'
)


def beads(window: Window) -> None:
    """A stack of beads, some of which cannot be used, against the theory of its optics."""
    psf = WideField(numerical_aperture=0.8, emission_nm=520)((25, 41, 41), VOXEL_UM)
    rng = np.random.default_rng(3)
    places = np.array([(20, y, x) for y in (30, 84, 138) for x in (30, 84, 138, 192)], float)
    places += rng.uniform(-0.5, 0.5, places.shape)
    places = np.vstack([places, places[5] + (0, 2, 7), (20, 84, 2.0)])
    heights = rng.uniform(600, 1200, len(places))
    heights[[3, 8]] = 60000, 45
    image = np.full((40, 168, 222), 20.0)
    spectrum = np.fft.rfftn(psf, image.shape)
    for place, height in zip(places, heights, strict=True):
        shift = place - np.array(psf.shape) // 2
        moved = np.fft.irfftn(
            fourier_shift(spectrum, shift, image.shape[-1]), image.shape, axes=(0, 1, 2)
        )
        image += moved.clip(0) / psf.max() * height
    counts = rng.poisson(image).clip(0, 4095).astype(np.uint16)
    window.viewer.add_image(
        counts, name="beads", scale=VOXEL_UM, units=UM, metadata={"ome": OME},
        contrast_limits=(0, 1200),
    )  # fmt: skip
    window.viewer.dims.set_current_step(0, 20)
    panel = window.dock("PSF: from beads")
    panel.fold.unfold(True)
    window.pause()
    window.type(panel.theory.choice.form.widgets["emission_nm"], "520")
    panel.fold.unfold(False)
    window.run(panel.bar)
    window.viewer.dims.set_current_step(0, 20)
    window.home()
    reveal(panel.table)
    window.shot("psf-beads")
    print(panel.readout.text())


def stack(window: Window) -> None:
    """The sample stack with a confocal PSF made from its optics."""
    window.sample("Deconvolution", "Stack")
    window.viewer.dims.set_current_step(0, 14)
    window.viewer.layers.remove("stack PSF")
    window.home()
    panel = window.dock("PSF: confocal microscope")
    fields = panel.source.choice.form.widgets
    for name, text in {"numerical_aperture": "0.7", "emission_nm": "520", "excitation_nm": "520",
                       "pinhole_airy": "0.2"}.items():  # fmt: skip
        window.type(fields[name], text)
    window.wait(lambda: panel.source.prepared is not None)
    window.shot("stack-psf")
    window.press(panel.button)
    window.wait(lambda: len(window.viewer.layers) == 3)
    panel = window.dock("Deconvolve")
    window.wait(lambda: panel.method.isEnabled() and panel.psf.prepared is not None)
    window.choose(panel.method.combo, "Richardson-Lucy")
    window.preview(panel)
    window.shot("stack-preview")
    window.run(panel.run_bar)
    window.compare("stack", "stack Richardson-Lucy")
    window.shot("stack-deblurred")


def sections(window: Window) -> None:
    """The sample stack with its own PSF and 15 iterations, seen from above and from the side."""
    window.sample("Deconvolution", "Stack")
    panel = window.dock("Deconvolve")
    window.wait(lambda: panel.method.isEnabled() and panel.psf.prepared is not None)
    window.choose(panel.method.combo, "Richardson-Lucy")
    window.unfold(panel.more)
    window.type(panel.method.form.widgets["iterations"], "15")
    window.run(panel.run_bar)
    orthogonal(
        window,
        {"before": "stack", "after": "stack Richardson-Lucy"},
        "stack-orthogonal",
        (14, 70, 60),
    )


def network(window: Window) -> None:
    """The sample stack with its own PSF, restored by Richardson-Lucy and by the network."""
    window.sample("Deconvolution", "Stack")
    panel = window.dock("Deconvolve")
    window.wait(lambda: panel.method.isEnabled() and panel.psf.prepared is not None)
    shown = {"raw": "stack"}
    for method in ("Richardson-Lucy", "U-Net for stacks"):
        window.choose(panel.method.combo, method)
        window.choose(panel.image, "stack")
        window.wait(lambda: panel.psf.prepared is not None)
        window.run(panel.run_bar)
        print(panel.run_bar.message.text, window.names())
        shown[method] = f"stack {method}"
    shown["truth"] = "stack truth"
    layers = window.viewer.layers
    layers["stack truth"].contrast_limits = layers["stack"].contrast_limits
    orthogonal(window, shown, "stack-network", (14, 70, 60))
    truth = np.asarray(layers["stack truth"].data)
    for name in shown.values():
        print(name, layers[name].contrast_limits, metrics.psnr(layers[name].data, truth))


def series(window: Window) -> None:
    """Two channels over time with units, each with the PSF of its own light."""
    rng = np.random.default_rng(5)
    found = np.zeros((2, 2, 20, 96, 120))
    for channel, light in enumerate((460, 610)):
        kernel = WideField(numerical_aperture=0.8, emission_nm=light)((19, 41, 41), VOXEL_UM)
        spots = rng.uniform((4, 8, 8), (16, 88, 112), (40, 3))
        for time in range(2):
            scene = np.zeros(found.shape[2:])
            where = np.rint(spots + rng.normal(0, 0.7, spots.shape) * time).astype(int)
            scene[tuple(np.clip(where, 0, np.array(scene.shape) - 1).T)] = 3000
            scene = gaussian_filter(scene, (0.8, 2.2, 2.2) if channel else (0.6, 1.2, 1.2))
            spectrum = np.fft.rfftn(scene) * np.fft.rfftn(np.fft.ifftshift(_onto(kernel, scene)))
            found[time, channel] = np.fft.irfftn(spectrum, scene.shape, axes=(0, 1, 2)).clip(0) + 5
    image = rng.poisson(found * 20).astype(np.uint16)
    window.viewer.add_image(
        image, name="cells", metadata={"ome": OME}, scale=(5, 1, *VOXEL_UM),
        units=("s", "um", *UM), axis_labels=("t", "c", "z", "y", "x"),
        contrast_limits=(0, float(np.quantile(image, 0.9995))),
    )  # fmt: skip
    window.viewer.dims.set_current_step(2, 10)
    window.home()
    panel = window.dock("Deconvolve")
    window.choose(panel.psf.choice.combo, "Wide-field")
    window.type(panel.psf.choice.form.widgets["numerical_aperture"], "0.8")
    window.unfold(panel.more)
    window.type(panel.psf.extent, "19, 41, 41")
    window.wait(lambda: panel.psf.prepared is not None)
    window.wait(panel.method.isEnabled)
    window.choose(panel.method.combo, "Richardson-Lucy")
    window.type(panel.method.form.widgets["iterations"], "15")
    window.press(panel.run_bar.button)
    window.wait(lambda: "channel" in panel.run_bar.left.text() or not panel.run_bar.running)
    reveal(panel.variety.table)
    window.shot("stack-channels")
    window.wait(lambda: not panel.run_bar.running)
    window.viewer.dims.set_current_step(2, 10)
    print(panel.run_bar.message.text, window.names())


def large(window: Window) -> None:
    """A pyramid on disk, restored into an OME-Zarr on disk."""
    from napari_deconv import samples

    sample = samples.stack()
    folder = Path(tempfile.mkdtemp())
    image = np.tile(sample.image, (1, 3, 3))
    tifffile.imwrite(folder / "large.tif", image, metadata={"axes": "ZYX"}, imagej=True)
    import dask.array as da
    from napari.layers import Image as Layer
    from napari.layers._source import layer_source

    lazy = da.from_array(image, chunks=(16, 128, 128))
    with layer_source(path=str(folder / "large.tif")):
        layer = Layer(
            [lazy, lazy[:, ::2, ::2]], multiscale=True, name="large", scale=sample.pixel_size_um,
            units=UM, contrast_limits=(0, 400),
        )  # fmt: skip
    window.viewer.add_layer(layer)
    window.viewer.add_image(
        sample.psf, name="stack PSF", visible=False, scale=sample.pixel_size_um, units=UM,
        metadata={"napari_deconv": {"kind": "psf"}},
    )  # fmt: skip
    window.home()
    panel = window.dock("Deconvolve")
    window.choose(panel.method.combo, "Wiener")
    window.type(panel.to_disk.folder.edit, str(folder))
    window.run(panel.run_bar)
    window.shot("stack-large")
    print(panel.run_bar.message.text, window.names(), type(window.viewer.layers[-1].data))


def microscope(window: Window) -> None:
    """A file with optics, opened, its values with their sources, and the result."""
    path = Path(tempfile.mkdtemp()) / "cells.ome.tif"
    tifffile.imwrite(path, _cells(), description=CELLS.encode(), metadata=None)
    window.viewer.open(path, plugin="napari-deconv")
    (cells,) = window.viewer.layers
    cells.contrast_limits = (100, float(np.quantile(cells.data, 0.999)))
    window.viewer.dims.set_current_step((0, 1), (1, 12))
    window.home()
    panel = window.dock("Deconvolve")
    window.wait(lambda: panel.method.isEnabled() and panel.psf.prepared is not None)
    window.press(panel.psf.optics.fold.button)
    window.shot("from-my-file-list")
    window.press(panel.psf.optics.fold.button)
    window.choose(panel.method.combo, "Richardson-Lucy")
    window.unfold(panel.more)
    for name, text in {"iterations": "30", "offset_counts": "auto"}.items():
        window.type(panel.method.form.widgets[name], text)
    window.unfold(panel.more)
    window.run(panel.run_bar)
    window.viewer.dims.set_current_step((0, 1), (1, 12))
    made = window.viewer.layers[-1]
    made.contrast_limits = (0, float(np.quantile(made.data[1], 0.998)))
    window.shot("from-my-file-result")
    print(panel.run_bar.message.text)
    shown = {"before": cells.name, "after": window.names()[-1]}
    orthogonal(window, shown, "from-my-file", (12, 60, 60))


CELLS = (
    '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/'
    '2016-06"><Instrument ID="I:0"><Objective ID="O:0" LensNA="1.2" Immersion="Water"/>'
    '</Instrument><Image ID="Image:0"><ObjectiveSettings ID="O:0"/><Pixels ID="P:0" '
    'DimensionOrder="XYZCT" Type="uint16" SizeX="128" SizeY="128" SizeZ="24" SizeC="2" SizeT="1" '
    'PhysicalSizeX="100" PhysicalSizeXUnit="nm" PhysicalSizeY="100" PhysicalSizeYUnit="nm" '
    'PhysicalSizeZ="0.3"><Channel ID="C:0" Name="DAPI"/><Channel ID="C:1" Name="AF568"/><TiffData/>'
    "</Pixels></Image></OME>"
)


def _cells() -> np.ndarray:
    """Nuclei and vesicles in a wide-field microscope, with a camera's offset and photon noise."""
    shape, voxel = (24, 128, 128), (0.3, 0.1, 0.1)
    channels = []
    for kind, light, size, seed in (("nuclei", 461, 24.0, 2), ("shells", 603, 20.0, 1)):
        rng = np.random.default_rng(seed)
        scene = VOLUME_KINDS[kind](shape, (3.0, 1.0, 1.0), 1.0, size, rng)
        kernel = WideField(emission_nm=light)((23, 61, 61), voxel)
        spectrum = np.fft.rfftn(scene) * np.fft.rfftn(np.fft.ifftshift(_onto(kernel, scene)))
        light_ = np.fft.irfftn(spectrum, shape, axes=(0, 1, 2)).clip(0)
        channels.append(rng.poisson(300 * light_ / light_.max() + 5) + 100)
    return np.stack(channels).astype(np.uint16)


def file(window: Window, path: str, iterations: str = "50", size: str = "") -> None:
    """A stack of your own, wide-field, voxels of 0.3 x 0.1 x 0.1 um: not a picture of the docs."""
    window.viewer.open(path, plugin="napari")
    name = window.names()[0]
    layer = window.viewer.layers[0]
    panel = window.dock("PSF: wide-field microscope")
    window.wait(panel.source.calibration.isVisible)
    shot(window, "file-uncalibrated")
    window.type(panel.source.calibration.sizes, "0.3, 0.1, 0.1")
    window.press(panel.source.calibration.button)
    window.type(panel.source.extent, size)
    window.home()
    window.wait(lambda: panel.source.prepared is not None)
    window.viewer.dims.set_current_step(0, len(layer.data) // 2)
    shot(window, "file-psf")
    window.press(panel.button)
    window.wait(lambda: len(window.viewer.layers) == 2)
    panel = window.dock("Deconvolve")
    window.wait(panel.method.isEnabled)
    window.choose(panel.psf.choice.combo, "A PSF layer")
    window.choose(panel.psf.layers, window.names()[-1])
    window.wait(lambda: panel.psf.prepared is not None)
    window.choose(panel.method.combo, "Richardson-Lucy")
    window.unfold(panel.more)
    window.type(panel.method.form.widgets["iterations"], iterations)
    window.run(panel.run_bar)
    panel.curve.unfold(True)
    shot(window, "file-deblurred")
    made = window.viewer.layers[-1]
    print(panel.run_bar.message.text, made.data.dtype, made.scale, made.units)
    middle = tuple(n // 2 for n in layer.data.shape)
    screenshots.OUT = Path.cwd()
    shown = {"before": name, "after": window.names()[-1]}
    orthogonal(window, shown, "file-orthogonal", middle)


def shot(window: Window, name: str) -> None:
    """The whole window, into the working folder."""
    window.pause()
    array = window.viewer.screenshot(canvas_only=False, flash=False)
    save(Image.fromarray(array).convert("RGB"), Path.cwd() / f"{name}.png")


def orthogonal(
    window: Window, layers: dict[str, str], name: str, place: tuple[int, int, int]
) -> None:
    """XY and XZ of layers by their labels, side by side as the canvas shows them."""
    viewer, rows = window.viewer, []
    shown = {layer.name: layer.visible for layer in viewer.layers}
    lead = viewer.dims.ndim - 3
    for turned, axis in (((0, 1, 2), 0), ((1, 0, 2), 1)):
        order = (*range(lead), *(lead + a for a in turned))
        row: list[Image.Image] = []
        box = (0, 0, 0, 0)
        for layer_name in layers.values():
            for layer in viewer.layers:
                layer.visible = layer.name == layer_name
            viewer.dims.order = order
            viewer.dims.set_current_step(lead + axis, place[axis])
            viewer.reset_view(margin=0)
            window.pause()
            picture = Image.fromarray(viewer.screenshot(flash=False)).convert("RGB")
            box = box if row else _inside(picture)  # a result may be black where the image ends
            row.append(picture.crop(box))
        rows.append(row)
    viewer.dims.order = tuple(range(viewer.dims.ndim))
    for layer in viewer.layers:
        layer.visible = shown[layer.name]
    _page(rows, layers, ("XY", "XZ"), screenshots.OUT / f"{name}.png")


def _onto(kernel: np.ndarray, scene: np.ndarray) -> np.ndarray:
    """A kernel in the middle of an array of the scene's shape."""
    out = np.zeros(scene.shape)
    low = [n // 2 - k // 2 for n, k in zip(scene.shape, kernel.shape, strict=True)]
    out[tuple(slice(a, a + k) for a, k in zip(low, kernel.shape, strict=True))] = kernel
    return out


def _inside(picture: Image.Image) -> tuple[int, int, int, int]:
    """Where the image is on the empty canvas."""
    array = np.asarray(picture).astype(int)
    canvas = array[0, 0]
    inside = np.abs(array - canvas).sum(axis=2) > 0
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def _page(
    rows: list[list[Image.Image]], above: Iterable[str], beside: tuple[str, ...], path: Path
) -> None:
    """Pictures in rows of equal width with what they are."""
    side, label, gap = 420, 24, 6
    scaled = [[p.resize((side, max(1, p.height * side // p.width))) for p in row] for row in rows]
    height = label + sum(row[0].height + gap for row in scaled)
    page = Image.new("RGB", (label + len(rows[0]) * (side + gap), height), "white")
    draw, font, y = ImageDraw.Draw(page), ImageFont.load_default(13), label
    for i, text in enumerate(above):
        draw.text((label + i * (side + gap) + side / 2, label / 2), text, "black", font, "mm")
    for row, text in zip(scaled, beside, strict=True):
        draw.text((label / 2, y + row[0].height / 2), text, "black", font, "mm")
        for i, picture in enumerate(row):
            page.paste(picture, (label + i * (side + gap), y))
        y += row[0].height + gap
    save(page, path)


FLOWS: dict[str, Any] = {
    "beads": beads,
    "stack": stack,
    "sections": sections,
    "network": network,
    "series": series,
    "large": large,
    "microscope": microscope,
}


def main() -> None:
    """Run the flows named on the command line, or all."""
    names = sys.argv[1:] or list(FLOWS)
    if names[0] == "file":
        file(Window(), *names[1:])
        return
    for name in names:
        window = Window()
        FLOWS[name](window)
        window.viewer.close()


if __name__ == "__main__":
    main()
