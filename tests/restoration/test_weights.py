"""Weight files: what is wrong with one is said by name, and nothing is unpickled."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from napari_deconv.core.errors import DeconvError
from napari_deconv.restoration.base import methods
from napari_deconv.restoration.networks.fcnn import FCNN
from napari_deconv.restoration.weights import (
    load_network,
    locate,
    packed,
    read_weights,
    shipped,
    use_of,
)

METHOD = FCNN(iterations=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(packed(METHOD, METHOD.network(), {"licence": "none"}))
    return path


def relabel(path: Path, **changes: str) -> None:
    """The same tensors with another table in front."""
    raw = path.read_bytes()
    meta = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
    path.write_bytes(save(load(raw), meta | changes))


def refused(path: Path) -> str:
    with pytest.raises(DeconvError, match=path.stem) as caught:
        read_weights(path, "fcnn")
    return str(caught.value)


def test_round_trip_in_half_precision(file: Path) -> None:
    tensors, header = read_weights(file, "fcnn")
    assert header["licence"] == "none" and header["fields"] == METHOD.to_dict()
    assert {t.dtype for t in load(file.read_bytes()).values()} == {torch.float16}
    assert {t.dtype for t in tensors.values()} == {torch.float32}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_files_in_any_float_format_load(
    file: Path, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, _ = read_weights(file, "fcnn")
    # As another program may have written it: `packed` itself writes float16.
    monkeypatch.setattr(torch.Tensor, "half", lambda tensor: tensor.to(dtype))
    network = METHOD.network()
    network.load_state_dict(known)
    file.write_bytes(packed(METHOD, network, {"licence": "none"}))
    assert {t.dtype for t in load(file.read_bytes()).values()} == {dtype}
    tensors, _ = read_weights(file, "fcnn")
    for key, tensor in tensors.items():
        assert tensor.dtype == torch.float32
        assert torch.allclose(tensor, known[key], rtol=1e-2)


def test_truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])
    assert "not a sound weight file" in refused(file)


def test_altered_values(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    raw[-50] ^= 1
    file.write_bytes(raw)
    assert "altered" in refused(file)


def test_altered_header(file: Path) -> None:
    relabel(file, header=json.dumps({"licence": "do as you like"}))
    assert "altered" in refused(file)


def test_of_another_method(file: Path) -> None:
    relabel(file, method="glra")
    assert "'glra'" in refused(file)


def test_of_a_newer_format(file: Path) -> None:
    relabel(file, format="99")
    assert "format 99" in refused(file)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "evil.safetensors"
    path.write_bytes(pickle.dumps({"gamma": [1, 2, 3]}))
    assert "not a sound weight file" in refused(path)


def test_foreign_and_missing(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(save({"a": torch.ones(2)}))
    assert "not a weight file of ours" in refused(path)
    assert "There is no weight file" in refused(tmp_path / "gone.safetensors")


def test_weights_of_another_size_do_not_load(file: Path) -> None:
    with pytest.raises(DeconvError, match="does not fit FCNN"):
        load_network(FCNN(iterations=3, weights=str(file)), torch.device("cpu"))


def test_shipped_weights_are_sound_and_say_what_they_are() -> None:
    rows = shipped()
    assert {"fcnn-1", "fcnn-3"} <= {row["id"] for row in rows}
    for row in rows:
        read_weights(locate(row["id"]), row["method"])
        assert row["licence"] and row["trained_on"] and row["recipe"] and row["scores"]


def test_a_card_says_which_weights_are_restricted_and_only_those() -> None:
    restricted = {row["method"] for row in shipped() if "Non-commercial" in row["licence"]}
    says_so = {name for name, kind in methods().items() if "non-commercial" in use_of(kind)}
    assert says_so == restricted
    assert not any("non-commercial" in kind.suits for kind in methods().values())
