"""Other people's denoisers: what is taken in restores, what is not theirs is refused."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_deconv import deconvolve, degrade
from napari_deconv.cli import main
from napari_deconv.core.errors import DeconvError
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import Disk
from napari_deconv.restoration.networks.denoisers import DENOISERS, DRUNet
from napari_deconv.restoration.plug_and_play import PlugAndPlay
from napari_deconv.restoration.released import RELEASES, converted
from napari_deconv.restoration.weights import locate, packed
from napari_deconv.train import library

PSF = Disk(radius_px=2)()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_DECONV_DATA", str(tmp_path / "data"))


def released(tmp_path: Path, name: str, **changes: torch.Tensor) -> Path:
    """A file as the authors write theirs, of random weights."""
    torch.manual_seed(0)
    file = tmp_path / f"{name}.pth"
    torch.save(DENOISERS[name]().state_dict() | changes, file)
    return file


def through(tensors: dict[str, torch.Tensor], x: torch.Tensor, sigma: float) -> torch.Tensor:
    """FFDNet as the paper has it, written down once more: phases, noise map, convolutions."""
    phases = torch.stack([x[0, c, i::2, j::2] for c in range(len(x[0])) for i in (0, 1)
                          for j in (0, 1)])  # fmt: skip
    maps = torch.cat([phases, torch.full_like(phases[:1], sigma)])[None]
    count = len(tensors) // 2
    for layer in range(count):
        weight, bias = tensors[f"model.{2 * layer}.weight"], tensors[f"model.{2 * layer}.bias"]
        maps = torch.nn.functional.conv2d(maps, weight, bias, padding=1)
        maps = maps if layer == count - 1 else maps.relu()
    clean = torch.empty_like(x)
    for index, plane in enumerate(maps[0]):
        colour, i, j = index // 4, index // 2 % 2, index % 2
        clean[0, colour, i::2, j::2] = plane
    return clean


@pytest.mark.parametrize("name", ["ffdnet-gray", "ffdnet-colour"])
def test_ffdnet_computes_what_the_paper_says(name: str) -> None:
    network = DENOISERS[name]().eval()
    x = torch.rand(1, network.channels, 12, 16)
    with torch.inference_mode():
        found = network.denoised(x, 0.1)
        assert torch.allclose(found, through(network.state_dict(), x, 0.1), atol=1e-5)


def test_drunet_has_the_weights_of_the_paper_and_any_size_goes_through() -> None:
    assert sum(p.numel() for p in DRUNet().parameters()) == 32_638_656
    small = type("Small", (DRUNet,), {"maps": (4, 4, 4, 4), "blocks": 1})().eval()
    with torch.inference_mode():
        assert small.denoised(torch.rand(2, 1, 13, 9), 0.05, turn=5).shape == (2, 1, 13, 9)


def test_a_released_file_becomes_weights_that_say_where_they_are_from(tmp_path: Path) -> None:
    file = released(tmp_path, "ffdnet-gray")
    assert main(["weights", "import", str(file), "--name", "theirs"]) == 0
    (entry,) = library.entries()
    assert (entry.name, entry.method) == ("theirs", "plug-and-play")
    assert entry.header["licence"].startswith("MIT") and len(entry.header["recipe"]["sha256"]) == 64
    image = degrade(np.random.default_rng(0).random((24, 26), np.float32), PSF, noise=0.02)[0]
    method = PlugAndPlay(weights="theirs", iterations=1)
    result = drain(stream(method, image, PSF, noise=0.02))
    assert result.recipe["chosen"]["denoiser"] == "ffdnet-gray"
    assert np.isfinite(result.data).all()


def test_three_colours_together_or_not_at_all(tmp_path: Path) -> None:
    library.add(released(tmp_path, "ffdnet-colour"), "colour")
    image = np.random.default_rng(0).random((24, 24, 3), np.float32)
    result = deconvolve(image, PSF, "plug-and-play", weights="colour", iterations=1, noise=0.02)
    assert result.shape == image.shape
    with pytest.raises(DeconvError, match=r"three colours.*Choose weights for gray"):
        deconvolve(image[..., 0], PSF, "plug-and-play", weights="colour", noise=0.02)


class Harm:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("harm",)


def test_what_is_not_theirs_is_refused_by_name(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    wide = released(tmp_path, "ffdnet-gray", **{"model.2.weight": torch.zeros(64, 64, 5, 5)})
    with pytest.raises(DeconvError, match=r"layout than ffdnet-gray.*model\.2\.weight"):
        converted(wide)
    broken = released(tmp_path, "ffdnet-gray", **{"model.0.bias": torch.full((64,), torch.nan)})
    with pytest.raises(DeconvError, match=r"model\.0\.bias"):
        converted(broken)
    for content, words in (
        ({"conv.weight": torch.zeros(3)}, "another network"),
        ({"params": {"model.0.weight": torch.zeros(3)}}, "more than tensors: 'params'"),
        ([torch.zeros(3)], "no named tensors"),
        (Harm(), "tensors alone"),
    ):
        torch.save(content, tmp_path / "odd.pth")
        with pytest.raises(DeconvError, match=words) as caught:
            library.add(tmp_path / "odd.pth", "odd")
        assert "odd.pth" in str(caught.value)
    (tmp_path / "odd.pth").write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(DeconvError, match="tensors alone"):
        library.add(tmp_path / "odd.pth", "odd")
    assert not (tmp_path / "harm").exists() and not library.entries()


def test_fetching_shows_what_it_is_and_asks(tmp_path: Path, monkeypatch, capsys) -> None:
    file = released(tmp_path, "ffdnet-gray")
    asked: list[str] = []

    def retrieve(url: str, **_: object) -> str:
        asked.append(url)
        return str(file)

    monkeypatch.setitem(sys.modules, "pooch", types.SimpleNamespace(retrieve=retrieve))
    assert main(["weights", "fetch", "ffdnet-gray"]) == 2
    shown = capsys.readouterr().err
    assert "1.9 MB" in shown and "MIT" in shown and "--yes" in shown and not asked
    assert main(["weights", "fetch", "ffdnet-gray", "--yes"]) == 0
    assert asked == [RELEASES["ffdnet-gray"].url]
    assert locate("ffdnet-gray").is_file()


def test_without_network_or_pooch_the_way_by_hand_is_said(monkeypatch, capsys) -> None:
    def unreachable(url: str, **_: object) -> str:
        raise ConnectionError("no route to host")

    for module, words in (
        (types.SimpleNamespace(retrieve=unreachable), "no route to host"),
        (None, "pip install"),
    ):
        monkeypatch.setitem(sys.modules, "pooch", module)
        assert main(["weights", "fetch", "drunet-gray", "--yes"]) == 2
        said = capsys.readouterr().err
        assert words in said and "by hand" in said
    assert main(["weights", "fetch", "swin", "--yes"]) == 2
    assert "drunet-gray" in capsys.readouterr().err


def test_weights_in_float16_restore_as_those_in_float32(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = DENOISERS["ffdnet-gray"]().eval()
    kept = DENOISERS["ffdnet-gray"]().eval()
    file = tmp_path / "half.safetensors"
    method = PlugAndPlay(denoiser="ffdnet-gray")
    file.write_bytes(packed(method, network, {"recipe": {}}))
    from napari_deconv.restoration.weights import read_weights

    kept.load_state_dict(read_weights(file, "plug-and-play")[0])
    x = torch.rand(1, 1, 32, 32)
    with torch.inference_mode():
        apart = (kept.denoised(x, 0.05) - network.denoised(x, 0.05)).abs().max()
    assert float(apart) < 1e-3
