"""Other people's denoisers: their weight files checked, converted and fetched on request."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core.errors import DeconvError
from ..core.paths import check_readable, read_bytes
from ..core.words import shortened
from .networks.denoisers import DENOISERS
from .plug_and_play import PlugAndPlay
from .weights import packed

SUFFIXES = (".pth", ".pt")


@dataclass(frozen=True)
class Release:
    """A weight file that its authors give away.

    Parameters
    ----------
    url, source : str
        Where the file is, and the page that describes it.
    megabytes : float
        Size of the download.
    licence, trained_on : str
        As the authors state them.
    """

    url: str
    source: str
    megabytes: float
    licence: str
    trained_on: str

    def __str__(self) -> str:
        return f"{self.megabytes:g} MB from {self.url}; licence: {self.licence}; see {self.source}"


_KAIR = "https://github.com/cszn/KAIR"
_FILES = f"{_KAIR}/releases/download/v1.0"
_PHOTOS = "BSD400, Waterloo Exploration Database, DIV2K"
RELEASES: Mapping[str, Release] = {
    "drunet-gray": Release(
        f"{_FILES}/drunet_gray.pth", _KAIR, 130.6, "MIT", f"{_PHOTOS} and Flickr2K"
    ),
    "drunet-colour": Release(
        f"{_FILES}/drunet_color.pth", _KAIR, 130.6, "MIT", f"{_PHOTOS} and Flickr2K"
    ),
    "ffdnet-gray": Release(
        f"{_FILES}/ffdnet_gray.pth", _KAIR, 1.9, "MIT", "BSD400, Waterloo and ImageNet photos"
    ),
    "ffdnet-colour": Release(
        f"{_FILES}/ffdnet_color.pth", _KAIR, 3.4, "MIT", "BSD432, Waterloo and ImageNet photos"
    ),
}
"""By the denoiser's name. Sizes follow from the networks' numbers of weights."""


def converted(path: Path) -> bytes:
    """A released weight file of FFDNet or DRUNet as one of ours, for `PlugAndPlay`.

    Parameters
    ----------
    path : Path
        The file as its authors give it, written by ``torch.save``. Only tensors are read of it;
        nothing in it is run.

    Raises
    ------
    DeconvError
        If it holds anything but tensors, or is of another network or layout, or altered.
    """
    tensors = _tensors(path)
    name = _recognised(path, tensors)
    network = DENOISERS[name]()
    network.load_state_dict(tensors)
    digest = hashlib.sha256(read_bytes(path)).hexdigest()
    release = RELEASES[name]
    header = {
        "trained_on": release.trained_on,
        "licence": f"{release.licence}, as stated at {release.source}",
        "recipe": {"converted_from": path.name, "sha256": digest, "source": release.source},
        "scores": {},
    }
    return packed(PlugAndPlay(denoiser=name), network, header)  # type: ignore[arg-type]


def fetched(name: str) -> Path:
    """Download a released weight file, or find it where it was downloaded before.

    Parameters
    ----------
    name : str
        Of `RELEASES`, whose entry is to be shown to the person before.

    Raises
    ------
    DeconvError
        If the name is unknown, pooch is not installed, or the file cannot be had.
    """
    if name not in RELEASES:
        raise DeconvError(
            f"There is no release {shortened(name)}.", f"There are {', '.join(RELEASES)}."
        )
    release = RELEASES[name]
    by_hand = f"download {release.url} by hand and import the file"
    try:
        import pooch
    except ModuleNotFoundError as error:
        raise DeconvError(
            "Fetching weights needs pooch, which is not installed.",
            f'Install it with: pip install "napari-deconv[fetch]"; or {by_hand}.',
        ) from error
    try:
        # The authors publish no checksum: what comes is checked by its layout instead.
        return Path(pooch.retrieve(release.url, known_hash=None, progressbar=True))
    except (OSError, ValueError) as error:  # what requests raises is an OSError
        raise DeconvError(
            f"{release.url} could not be fetched: {shortened(str(error))}.",
            f"Look at the network, or {by_hand}.",
        ) from error


def _tensors(path: Path) -> dict[str, Tensor]:
    """Read a file of named tensors of finite numbers and nothing else."""
    check_readable(path)
    try:
        held: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds
        raise DeconvError(
            f"{path} is not a sound file of tensors alone: {shortened(str(error))}.",
            "Get it from the network's authors; files that would run code are not opened.",
        ) from error
    if not isinstance(held, Mapping) or not held:
        raise DeconvError(f"{path} holds {shortened(held)}, no named tensors.", _REMEDY)
    odd = next((key for key, value in held.items() if not isinstance(value, Tensor)), None)
    if odd is not None:
        raise DeconvError(f"{path} holds more than tensors: {shortened(odd)}.", _REMEDY)
    for key, value in held.items():
        if not value.is_floating_point() or not bool((value.abs() < _HALF_MOST).all()):
            raise DeconvError(f"{path}: the values of {key!r} are not weights.", "Get it again.")
    return {str(key): value for key, value in held.items()}


def _recognised(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """The denoiser whose tensors have just these names and shapes."""
    shapes = {key: tuple(value.shape) for key, value in tensors.items()}
    nearest, shared, differs = "", 0, ""
    for name in RELEASES:
        with torch.device("meta"):
            own = {k: tuple(v.shape) for k, v in DENOISERS[name]().state_dict().items()}
        if shapes == own:
            return name
        alike = sum(shapes.get(key) == shape for key, shape in own.items())
        if alike > shared:
            nearest, shared = name, alike
            first = next(key for key in {**own, **shapes} if own.get(key) != shapes.get(key))
            differs = (
                f"its {first} is {shapes.get(first, 'missing')}, not {own.get(first, 'there')}"
            )
    what = f"of another layout than {nearest}: {differs}" if nearest else "of another network"
    raise DeconvError(f"The weights in {path} are {what}.", _REMEDY)


_HALF_MOST = 65504.0
_REMEDY = f"Files of these networks are taken, as their authors give them: {', '.join(RELEASES)}."
