"""Weight files: safetensors with a header that says what they are; never pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from ..core.errors import DeconvError
from ..core.folders import data_folder

FORMAT = 1
_LONGEST_HEADER = 2**24
FOLDER = Path(__file__).parent.parent / "weights"
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
    """Tensors and header of a weight file.

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
    try:
        raw = path.read_bytes()
        tensors = load(raw)
    except FileNotFoundError as error:
        known = ", ".join(sorted(each.stem for each in FOLDER.glob("*.safetensors")))
        raise DeconvError(
            f"There is no weight file {path}.", f"Shipped ones: {known or 'none'}."
        ) from error
    except (SafetensorError, OSError) as error:
        raise DeconvError(f"{path} is no sound weight file: {error}.", "Get it again.") from error
    meta, header = _header(path, raw)
    if meta.get("method") not in methods:
        wanted = " or ".join(map(repr, methods))
        raise DeconvError(
            f"{path} holds weights of {meta.get('method')!r}, not of {wanted}.", "Choose others."
        )
    if meta.get("sha256") != _digest(tensors, meta["header"]):
        raise DeconvError(f"{path} was altered: its checksum does not fit.", "Get it again.")
    return tensors, header


def shipped() -> list[dict[str, Any]]:
    """What every weight file in the package says about itself, with its id, method and SHA-256.

    Raises
    ------
    DeconvError
        As `read_weights`.
    """
    return [dict(about(path)) for path in sorted(FOLDER.glob("*.safetensors"))]


def about(path: Path) -> Mapping[str, Any]:
    """What a weight file says about itself, with its id, method and SHA-256; tensors are not read.

    Raises
    ------
    DeconvError
        As `read_weights`, as far as can be told.
    """
    try:
        return _about(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise DeconvError(f"There is no weight file {path}.", "Give another.") from error


def named(weights: str) -> dict[str, object]:
    """Id and SHA-256 of weights, as a result's recipe names them.

    Raises
    ------
    DeconvError
        As `about`.
    """
    return {"weights": weights, "sha256": about(locate(weights))["sha256"]}


@lru_cache(maxsize=64)
def _about(path: Path, _stamp: int) -> Mapping[str, Any]:
    with path.open("rb") as file:
        size = file.read(8)
        raw = size + file.read(min(int.from_bytes(size, "little"), _LONGEST_HEADER))
    meta, header = _header(path, raw)
    return {**header, "id": path.stem, "method": meta["method"], "sha256": meta["sha256"]}


def _digest(tensors: Mapping[str, Tensor], header: str) -> str:
    """SHA-256 of header, names, shapes and values."""
    total = hashlib.sha256(header.encode())
    for key in sorted(tensors):
        total.update(f"{key}{tuple(tensors[key].shape)}".encode())
        total.update(tensors[key].contiguous().numpy().tobytes())
    return total.hexdigest()


def _header(path: Path, raw: bytes) -> tuple[dict[str, str], dict[str, Any]]:
    """The words in front of the tensors: safetensors' own table, and ours within it."""
    try:
        meta = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
        version, header = int(meta["format"]), json.loads(meta["header"])
    except (ValueError, KeyError, TypeError) as error:
        raise DeconvError(
            f"{path} is no weight file of ours.", "Choose one that a training here has written."
        ) from error
    if version > FORMAT:
        raise DeconvError(f"{path} has the newer format {version}.", "Update napari-deconv.")
    return meta, header


def own_folder() -> Path:
    """Where a person's own weights lie; it need not exist."""
    return data_folder() / "weights"


def locate(weights: str) -> Path:
    """The file of a person's own weights or of shipped ones by name, or of a path.

    A path ends in ``.safetensors``.
    """
    if weights.endswith(".safetensors"):
        return Path(weights)
    own = own_folder() / f"{weights}.safetensors"
    return own if own.is_file() else FOLDER / f"{weights}.safetensors"


def as_trained(method: _N) -> _N:
    """A method with the fields that its weights know better than who uses them.

    Files that are older than such a field are of its default.
    """
    path = locate(method.weights or method.default_weights)
    if not method.for_training or not path.exists():
        return method
    known = about(path).get("fields", {})
    kind = type(method)
    return method.but(**{key: known.get(key, getattr(kind, key)) for key in method.for_training})


def load_network(method: Network, device: torch.device) -> Any:
    """A method's network with its weights, on a device, ready to run; kept for the next call.

    Raises
    ------
    DeconvError
        As `read_weights`, and if the weights are of another size.
    """
    path = locate(method.weights or method.default_weights)
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    return _loaded(as_trained(method), path, stamp, device)


@lru_cache(maxsize=4)
def _loaded(method: Network, path: Path, _stamp: int, device: torch.device) -> nn.Module:
    tensors, _ = read_weights(path, method.name)
    network = method.network()
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise DeconvError(
            f"{path} does not fit {method.title}: {error}.", "Choose others."
        ) from error
    return network.to(device).eval().requires_grad_(False)
