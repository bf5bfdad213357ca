"""`napari-deconv psf optics`: optics with a name, for all images of a microscope."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..core.errors import DeconvError
from ..io import Guard
from ..psf import OpticsPreset
from ..psf.fluorescence import Confocal
from ..psf.preset import saved


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `optics`."""
    parser.description = (
        "Save a microscope's optics under a name, or list those that are saved. They are used by "
        "deconvolve --optics NAME."
    )
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME", help="what to call it; without one, they are listed")
    add("optics", nargs="?", metavar="KIND:FIELD=X,...",
        help="confocal:numerical_aperture=1.4,refractive_index_immersion=1.515; auto takes the "
        "kind from each image")  # fmt: skip
    add("--from", dest="source", metavar="FILE.json", help="take one that was shared")
    add("--microscope", default="", metavar="WORDS", help="as images name it, to be offered then")
    add("-o", "--output", metavar="FILE.json", help="write it to a file to share instead")
    add("--overwrite", action="store_true", help="replace one of the same name")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Save a preset, or list all; the exit status."""
    if args.name is None:
        for preset in saved():
            fields = ", ".join(f"{key} {value}" for key, value in preset.fields.items())
            whose = f" ({preset.microscope})" if preset.microscope else ""
            print(f"{preset.name}{whose}: {preset.kind}, {fields}")
        return 0
    path = None if args.output is None else Path(args.output)
    if path is not None and path.suffix.lower() != ".json":
        raise DeconvError(f"{path} does not end in .json.", "Rename it.")
    preset = _preset(args)
    target = path or preset.path
    if target.exists() and not args.overwrite:
        raise DeconvError(f"{target} exists.", "Give another name, or --overwrite.")
    Guard.of([args.source]).check_inputs(target)
    print(f"{preset.save(path)}: {preset.name}")
    return 0


def _preset(args: argparse.Namespace) -> OpticsPreset:
    if args.source is not None:
        shared = OpticsPreset.load(args.source)
        whose = args.microscope or shared.microscope
        return OpticsPreset(args.name, shared.kind, shared.fields, whose)
    if args.optics is None:
        return OpticsPreset.load(args.name)  # to be written to a file
    kind, _, rest = args.optics.partition(":")
    return OpticsPreset(args.name, kind.strip(), Confocal.parse_fields(rest), args.microscope)
