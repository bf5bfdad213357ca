"""The person's own weights: nothing is lost, nothing foreign gets in, and the PSF is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_deconv import deconvolve
from napari_deconv.core.errors import DeconvError
from napari_deconv.degradation.sampling import Sampler
from napari_deconv.psf import Disk, Gaussian, psf_hash
from napari_deconv.psf.given import GivenPSF
from napari_deconv.restoration.networks.dcnn import DCNN
from napari_deconv.restoration.weights import locate, packed
from napari_deconv.train import library
from napari_deconv.train.recipe import Recipe

DISK = Disk(radius_px=3.0)()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_DECONV_DATA", str(tmp_path / "data"))


def trained(tmp_path: Path, psf: np.ndarray = DISK) -> Path:
    recipe = Recipe(method=DCNN(), sampler=Sampler(psfs=(GivenPSF.of(psf),)))
    network = DCNN().network()
    network.prepare(iter([psf]))
    header = {"recipe": recipe.to_dict(), "scores": {"held_out_psnr": {"0.01": 28.0, "0.03": 26.0}}}
    file = tmp_path / "best.safetensors"
    file.write_bytes(packed(DCNN(), network, header))
    return file


def test_kept_listed_used_renamed_exported_deleted_imported(tmp_path: Path) -> None:
    assert library.entries() == []
    library.add(trained(tmp_path), "DCNN my lens")
    (entry,) = library.entries()
    assert (entry.name, entry.method, entry.score) == ("DCNN my lens", "dcnn", 27.0)
    assert entry.psf_hash == psf_hash(DISK)
    image = np.random.default_rng(0).random((40, 40), np.float32)
    deconvolve(image, DISK, "dcnn", weights="DCNN my lens", noise=0.01)
    library.rename("DCNN my lens", "lens (old)")
    out = library.export("lens (old)", tmp_path / "given away")
    assert out.name == "given away.safetensors"
    library.delete("lens (old)")
    assert library.entries() == []
    library.add(out, "back")
    assert locate("back") == library.get("back").path


def test_found_by_its_psf_the_nearest_first(tmp_path: Path) -> None:
    library.add(trained(tmp_path), "three")
    library.add(trained(tmp_path, Disk(radius_px=3.2)()), "a bit more")
    library.add(trained(tmp_path, Gaussian(sigma_px=2.0)()), "other")
    found = [m for m in library.matches("dcnn", DISK) if not m.entry.shipped]
    assert [m.entry.name for m in found] == ["three", "a bit more", "other"]
    assert found[0].distance == 0 and 0 < found[1].distance < found[2].distance
    assert library.matches("fcnn", DISK) == []


def test_what_comes_with_the_package_is_found_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = trained(tmp_path)
    monkeypatch.setattr(library, "FOLDER", file.parent)
    (match,) = library.matches("dcnn", DISK)
    assert match.entry.shipped and match.distance == 0
    assert library.entries() == []


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x.safetensors", "fcnn-1"])
def test_names_that_do_not_do(name: str, tmp_path: Path) -> None:
    with pytest.raises(DeconvError, match=r"does not do as a name|already"):
        library.add(trained(tmp_path), name)


def test_what_exists_is_not_overwritten(tmp_path: Path) -> None:
    file = trained(tmp_path)
    library.add(file, "mine")
    library.add(file, "other")
    before = library.get("mine").path.read_bytes()
    for call in (
        lambda: library.add(file, "mine"),
        lambda: library.rename("other", "mine"),
        lambda: library.export("mine", file),
    ):
        with pytest.raises(DeconvError, match=r"already|exists"):
            call()
    assert library.get("mine").path.read_bytes() == before
    assert library.unused("mine") == "mine 2" and library.unused("a/b: ü") == "ab ü"


def test_export_replaces_what_was_agreed_to_and_nothing_of_the_library(tmp_path: Path) -> None:
    library.add(trained(tmp_path), "mine")
    library.add(trained(tmp_path, Disk(radius_px=2.0)()), "other")
    mine, other = (library.get(name).path for name in ("mine", "other"))
    before = other.read_bytes()
    given = tmp_path / "given.safetensors"
    given.write_bytes(b"older")
    assert library.export("mine", given, overwrite=True).read_bytes() == mine.read_bytes()
    given.write_bytes(b"older")
    with pytest.raises(DeconvError, match="exists"):  # the dialog asked about another name
        library.export("mine", tmp_path / "given", overwrite=True)
    assert given.read_bytes() == b"older"
    link = tmp_path / "link.safetensors"
    link.symlink_to(other)
    for inside in (mine, other, link, next(library.FOLDER.glob("*.safetensors"))):
        with pytest.raises(DeconvError, match="is an input"):
            library.export("mine", inside, overwrite=True)
    assert other.read_bytes() == before


def test_foreign_and_damaged_files_are_refused_and_passed_over(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(2)}, foreign)
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(trained(tmp_path).read_bytes()[:-9])
    for file in (foreign, damaged, tmp_path / "none.safetensors"):
        with pytest.raises(DeconvError, match=file.name):
            library.add(file, "new")
    library.add(trained(tmp_path), "good")
    (library.get("good").path.parent / "odd.safetensors").write_bytes(b"odd")
    assert [entry.name for entry in library.entries()] == ["good"]
    with pytest.raises(DeconvError, match="no weights 'gone'"):
        library.delete("gone")
