"""Weight files: safetensors with a header that says what they are; never pickle."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Hashable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol, Self, TypeVar

import torch
from annotated_types import Interval
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from ..core.checks import as_object, field
from ..core.errors import DeconvError
from ..core.folders import data_folder
from ..core.json_text import parse_json
from ..core.paths import exists, is_file, open_file, read_bytes
from ..core.precision import FLOAT32, Precision, at_precision
from ..core.words import named as named_path
from ..core.words import shortened
from .base import Method

FORMAT = 1
_LONGEST_HEADER = 2**24
FOLDER = Path(__file__).parent.parent / "weights"
_FREE = "BSD-3-Clause"
"""Where the shipped ones lie."""


class Network(Hashable, Protocol):
    """A method that is a network."""

    title: ClassVar[str]
    name: ClassVar[str]
    for_training: ClassVar[tuple[str, ...]]

    @property
    def weights(self) -> str: ...
    @property
    def default_weights(self) -> str: ...
    def network(self) -> nn.Module: ...
    def to_dict(self) -> dict[str, Any]: ...
    def but(self, **fields: Any) -> Self: ...


_N = TypeVar("_N", bound=Network)


def packed(method: Any, network: nn.Module, header: Mapping[str, Any]) -> bytes:
    """A network's parameters in float16 as the bytes of a weight file.

    Parameters
    ----------
    method : Method
        Whose network it is.
    network : nn.Module
        Its state is written.
    header : mapping
        JSON-able: recipe, trained_on, licence, scores.
    """
    tensors = {k: v.detach().half().contiguous().cpu() for k, v in network.state_dict().items()}
    text = json.dumps({"fields": method.to_dict(), **header}, sort_keys=True)
    return save(
        tensors,
        {
            "format": str(FORMAT),
            "method": method.name,
            "sha256": _digest(tensors, text),
            "header": text,
        },
    )


def read_weights(path: Path, *methods: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors, in float32 whatever the file has them in, and header of a weight file.

    Parameters
    ----------
    path : Path
        ``NAME.safetensors``.
    *methods : str
        Names of the methods that they may be of.

    Raises
    ------
    DeconvError
        If the file is missing, truncated, altered, of another method or of a newer format.
    """
    _check_there(path)
    raw = read_bytes(path)
    try:
        tensors = load(raw)
    except (SafetensorError, ValueError, KeyError) as error:
        raise DeconvError(
            f"{path} is not a sound weight file: {error}.", "Get it again."
        ) from error
    except RecursionError as error:
        raise DeconvError(f"{path} is not a sound weight file.", "Get it again.") from error
    meta, header = _header(path, raw)
    if meta["method"] not in methods:
        wanted = " or ".join(map(repr, methods))
        raise DeconvError(
            f"{path} holds weights of {shortened(meta['method'])}, not of {wanted}.",
            "Choose others.",
        )
    if meta["sha256"] != _digest(tensors, meta["header"]):
        raise DeconvError(f"{path} was altered: its checksum does not fit.", "Get it again.")
    # As a file is smallest and as a network computes are two things.
    tensors = {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
    odd = next((k for k, t in tensors.items() if t.is_complex() or not t.isfinite().all()), None)
    if odd is not None:
        raise DeconvError(f"{path} holds values that are not finite, in {odd!r}.", "Get it again.")
    return tensors, header


def shipped() -> list[dict[str, Any]]:
    """Read the headers of all weight files in the package, as `read_header`.

    Raises
    ------
    DeconvError
        As `read_weights`.
    """
    return [dict(read_header(path)) for path in sorted(FOLDER.glob("*.safetensors"))]


def use_of(method: type[Method]) -> str:
    """Say what a method is for, and which of its built-in weights are restricted."""
    rows = [row for row in shipped() if row["method"] == method.name]
    bound = [str(row["id"]) for row in rows if row["licence"] != _FREE]
    if not bound:
        return method.suits
    which = "" if len(bound) == len(rows) else f" {', '.join(bound)}"
    return f"{method.suits} Its built-in weights{which} are for non-commercial use."


def read_header(path: Path) -> Mapping[str, Any]:
    """Read what a weight file says about itself, with its id, method and SHA-256.

    Raises
    ------
    DeconvError
        As `read_weights`, as far as can be told.
    """
    _check_there(path)
    return _header_at(path, path.stat().st_mtime_ns)


def named(weights: str) -> dict[str, object]:
    """Id and SHA-256 of weights, as a result's recipe names them.

    Raises
    ------
    DeconvError
        As `read_header`.
    """
    return {"weights": weights, "sha256": read_header(locate(weights))["sha256"]}


def changed_since(chosen: Mapping[str, object]) -> str:
    """Say that weights which a recipe names are other ones today; empty where they are the same.

    Parameters
    ----------
    chosen : mapping
        ``weights`` and ``sha256`` as `named` gave them, among others or none.
    """
    weights, then = str(chosen.get("weights", "")), str(chosen.get("sha256", ""))
    if not (weights and then):
        return ""
    try:
        now = str(read_header(locate(weights))["sha256"])
    except DeconvError:
        return f"The weights {weights!r} that made it are not here: the result will differ."
    if now == then:
        return ""
    return (
        f"The weights {weights!r} are not those that made it (SHA-256 {then[:12]}, now "
        f"{now[:12]}): the result will differ."
    )


@lru_cache(maxsize=64)
def _header_at(path: Path, _stamp: int) -> Mapping[str, Any]:
    with open_file(path) as file:
        size = file.read(8)
        raw = size + file.read(min(int.from_bytes(size, "little"), _LONGEST_HEADER))
    meta, header = _header(path, raw)
    return {**header, "id": path.stem, "method": meta["method"], "sha256": meta["sha256"]}


def _digest(tensors: Mapping[str, Tensor], header: str) -> str:
    """SHA-256 of header, names, shapes and values."""
    total = hashlib.sha256(header.encode())
    for key in sorted(tensors):
        total.update(f"{key}{tuple(tensors[key].shape)}".encode())
        # As bytes: numpy does not know every number format.
        total.update(tensors[key].contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def _header(path: Path, raw: bytes) -> tuple[dict[str, str], dict[str, Any]]:
    """The words in front of the tensors: safetensors' own table, and ours within it."""
    try:
        table = parse_json(raw[8 : 8 + int.from_bytes(raw[:8], "little")], f"The table of {path}")
        entries = as_object("its table", as_object("its table", table).get("__metadata__"))
        meta = {key: field("its table", entries, key, str) for key in _KEYS}
        header = as_object("its header", parse_json(meta["header"], "its header"))
        if not meta["format"].isdecimal():
            raise DeconvError(f"its format is {shortened(meta['format'])}.")
        _check_header(header)
    except DeconvError as error:
        raise DeconvError(
            f"{path} is not a weight file of ours: {error.what}",
            "Choose one that a training here has written.",
        ) from error
    if int(meta["format"][:9]) > FORMAT:
        raise DeconvError(
            f"{path} has the newer format {meta['format'][:9]}.", "Update napari-deconv."
        )
    return meta, header


_KEYS = ("format", "method", "sha256", "header")
_HEADER: Mapping[str, Any] = {
    "fields": dict,
    "recipe": dict,
    "scores": dict,
    "trained_on": str,
    "licence": str,
    "step": int,
    "seconds": float,
}
"""What is read of a header, each where it is there."""
_NOISE, _SIZE = Annotated[float, Interval(gt=0, le=1)], Annotated[float, Interval(gt=0, le=100)]
_RECIPE: Mapping[str, Any] = {
    "noise_low": _NOISE,
    "noise_high": _NOISE,
    "generated": float,
    "structures": dict,
    "pixel_um_low": _SIZE,
    "pixel_um_high": _SIZE,
    "sampler": dict,
}


def _check_header(header: Mapping[str, Any]) -> None:
    """Raise `DeconvError` if a header says something in a form that its readers do not expect."""
    values = {key: field("its header", header, key, hint, None) for key, hint in _HEADER.items()}
    recipe = values["recipe"] or {}
    for key, hint in _RECIPE.items():
        field("its recipe", recipe, key, hint, None)
    scores = field("its scores", values["scores"] or {}, "held_out_psnr", dict, {})
    for name, score in scores.items():
        if not isinstance(score, int | float):
            raise DeconvError(f"its score at {name} is {shortened(score)}.")
    families = field(
        "its sampler", recipe.get("sampler") or {}, "psfs", tuple[dict[str, Any], ...], ()
    )
    for family in families:
        rows = field("its PSF", family, "rows", tuple[tuple[float, ...], ...], ())
        if rows and (not rows[0] or len({len(row) for row in rows}) > 1):
            raise DeconvError("the rows of its PSF are not of one length.")
        if rows and not (min(map(min, rows)) >= 0 and 0 < sum(map(sum, rows)) < math.inf):
            raise DeconvError("its PSF is negative somewhere, or all 0.")


def _check_there(path: Path) -> None:
    """Raise `DeconvError` if there is no file, naming the shipped ones."""
    if not exists(path):
        names = ", ".join(sorted(each.stem for each in FOLDER.glob("*.safetensors")))
        raise DeconvError(
            f"There is no weight file {named_path(path)}.", f"Built-in ones: {names or 'none'}."
        )


def own_folder() -> Path:
    """Folder of a person's own weights; it need not exist."""
    return data_folder() / "weights"


def locate(weights: str) -> Path:
    """The file of a person's own weights or of shipped ones by name, or of a path.

    A path ends in ``.safetensors``.
    """
    if weights.endswith(".safetensors"):
        return Path(weights)
    shipped_one, own = FOLDER / f"{weights}.safetensors", own_folder() / f"{weights}.safetensors"
    try:
        return own if is_file(own) else shipped_one
    except DeconvError:
        # A folder of one's own that may not be entered takes nothing from what is shipped.
        if is_file(shipped_one):
            return shipped_one
        raise


def as_trained(method: _N) -> _N:
    """A method with the fields that its weights know better than who uses them.

    Files that are older than such a field are of its default.
    """
    path = locate(method.weights or method.default_weights)
    if not method.for_training or not exists(path):
        return method
    trained = read_header(path).get("fields", {})
    kind = type(method)
    return method.but(**{key: trained.get(key, getattr(kind, key)) for key in method.for_training})


def load_network(method: Network, device: torch.device, precision: Precision = FLOAT32) -> Any:
    """A method's network with its weights, on a device, ready to run; kept for the next call.

    Weights in any float format are taken; they are kept in float32, and the layers run in
    ``precision``.

    Raises
    ------
    DeconvError
        As `read_weights`, and if the weights are of another size.
    """
    path = locate(method.weights or method.default_weights)
    stamp = path.stat().st_mtime_ns if exists(path) else 0
    return _loaded(as_trained(method), path, stamp, device, precision)


@lru_cache(maxsize=4)
def _loaded(
    method: Network, path: Path, _stamp: int, device: torch.device, precision: Precision
) -> nn.Module:
    tensors, _ = read_weights(path, method.name)
    network = method.network()
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise DeconvError(
            f"{path} does not fit {method.title}: {error}.", "Choose others."
        ) from error
    at_precision(network, precision)
    return network.to(device).eval().requires_grad_(False)
