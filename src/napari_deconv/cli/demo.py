"""`napari-deconv demo`: a real photo, a really shaken one and a stack, deblurred and shown."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core.shell import command_line
from ..io import Guard, Picture, write
from .batch import make_folder
from .options import add_common
from .report import Reporter

if TYPE_CHECKING:
    from ..engine.streaming import Result
    from ..samples import Sample

METHODS: dict[str, dict[str, Any]] = {
    "photo": {"method": "hyper-laplacian"},
    # Its PSF is a guess, which fits worse than the camera's noise alone would let it.
    "clock": {"method": "hyper-laplacian", "noise": 2.0},
    "stack": {"method": "richardson-lucy", "iterations": 30},
}
"""Sample -> the method it is restored with, its fields, and the noise where it is given."""


def configure(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Where to, and whether to open a window."""
    parser.add_argument("--out", default="demo", metavar="FOLDER", help="[default demo]")
    parser.add_argument("--no-window", action="store_true", help="only write the files")
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda or mps")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Restore the samples, write them with their recipes, and show them."""
    from ..samples import SAMPLES

    folder = Path(args.out)
    make_folder(folder, "--out")
    report, guard = Reporter(args.quiet), Guard(overwrite=args.overwrite)
    for path, kind in _targets(folder):
        guard.check(path, kind)
    shown: list[tuple[Sample, Result]] = []
    for name, choice in METHODS.items():
        sample = SAMPLES[name]()
        result = _restore(sample, choice, folder, args.device, report, guard)
        shown.append((sample, result))
        if not args.quiet:
            print(f"{name}: {_judged(sample, result.data)} ({result.record.seconds:.1f} s)")
    if not args.quiet:
        print(f"Images and recipes are in {folder}/. Replay one:")
        words = ["deconvolve", f"{folder / 'photo-blurred.tif'}"]
        words += ["--recipe", f"{folder / 'photo-restored.tif'}", "-o", "again.tif"]
        print(f"  {command_line(['napari-deconv', *words])}")
    if not args.no_window:
        _show(shown, folder, report)
    return 0


def _restore(
    sample: Sample,
    choice: dict[str, Any],
    folder: Path,
    device: str,
    report: Reporter,
    guard: Guard,
) -> Result:
    from ..engine.streaming import drain, stream
    from ..restoration.base import Method, methods

    methods()
    fields = {k: v for k, v in choice.items() if k not in ("method", "noise")}
    method = Method.make(choice["method"], **fields)
    assert sample.psf is not None
    making = stream(
        method,
        sample.image,
        sample.psf,
        axes=sample.axes,
        noise=choice.get("noise"),
        device=device,
    )
    with report.progress(sample.name) as bar:
        result = drain(making, bar)
    like = _picture(sample, sample.image, sample.axes)
    start = folder / sample.name
    psf_path = Path(f"{start}-psf.tif")
    psf_axes = "ZYX"[-sample.psf.ndim :]
    record = {"sample": sample.name, "note": sample.note}
    kernel_like = _picture(sample, sample.psf, psf_axes)
    as_psf, as_truth = record | {"kind": "psf"}, record | {"kind": "truth"}
    write(psf_path, sample.psf, like=kernel_like, recipe=as_psf, guard=guard)
    write(f"{start}-blurred.tif", sample.image, like=like, recipe=record, guard=guard)
    if sample.truth is not None:
        write(f"{start}-truth.tif", sample.truth, like=like, recipe=as_truth, guard=guard)
    recipe = result.record.with_psf({"file": str(psf_path.resolve())}).to_dict()
    write(f"{start}-restored.tif", result.data, like=like, recipe=recipe, guard=guard)
    return result


def _targets(folder: Path) -> Iterator[tuple[Path, str]]:
    """What will be written, and of what kind it is."""
    for name in METHODS:
        for part in ("psf", "blurred", "truth"):
            yield folder / f"{name}-{part}.tif", "sample"
        yield folder / f"{name}-restored.tif", "result"


def _picture(sample: Sample, data: NDArray[Any], axes: str) -> Picture:
    spatial = axes.replace("S", "")
    sizes = dict(zip(spatial, sample.pixel_size_um or (), strict=False))
    return Picture(data=data, axes=axes, pixel_size=sizes, units=dict.fromkeys(sizes, "µm"))


def _judged(sample: Sample, restored: NDArray[Any]) -> str:
    """PSNR and SSIM before and after, away from the border, where the truth is known."""
    from ..metrics import psnr, ssim

    if sample.truth is None or sample.psf is None:
        return "restored (really blurred: there is no truth to score it against)"
    cut = tuple(slice(n // 2, -(n // 2) or None) for n in sample.psf.shape)
    truth = sample.truth[cut]
    peak = 255.0 if truth.dtype == np.uint8 else float(truth.max())
    # A stack has too few planes left for a window along z; it is judged plane by plane.
    channel = -1 if "S" in sample.axes else 0 if "Z" in sample.axes else None
    before, after = (
        (psnr(a[cut], truth, peak), ssim(a[cut], truth, peak, channel_axis=channel))
        for a in (sample.image, restored)
    )
    return f"PSNR {before[0]:.2f} -> {after[0]:.2f} dB, SSIM {before[1]:.3f} -> {after[1]:.3f}"


def _show(shown: list[tuple[Sample, Result]], folder: Path, report: Reporter) -> None:
    """Open napari where there is a screen; on a virtual one leave its picture."""
    if find_spec("napari") is None or find_spec("qtpy") is None:
        report.note('napari is not installed here: pip install "napari-deconv[all]" opens it.')
        return
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or platform
    ):
        report.note("There is no display; `xvfb-run napari-deconv demo` leaves a picture of one.")
        return
    # Only panels may know the window; by name, so that nothing here imports them.
    window = import_module("napari_deconv.panels.demo")
    virtual = platform in ("offscreen", "minimal") or "xvfb" in os.environ.get("XAUTHORITY", "")
    try:
        window.show(shown, folder, wait=not virtual)
    except Exception as error:  # a machine without OpenGL still has the files
        import logging

        logging.getLogger(__name__).debug("window", exc_info=True)
        report.note(f"napari could not be shown here: {error}")
