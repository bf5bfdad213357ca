"""The wheel: what it holds, and that it works away from the checkout."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
_LARGEST_MB = 60


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return Path(built)


def test_wheel_holds_the_package_with_manifest_types_and_licence_and_nothing_else(
    wheel: Path,
) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"napari_deconv/napari.yaml", "napari_deconv/py.typed"} <= names
    assert "napari_deconv/weights/LICENSES.md" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"napari_deconv"}
    assert wheel.stat().st_size < _LARGEST_MB * 1e6


def test_wheel_says_what_an_index_shows(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode()
    assert "Classifier: Framework :: napari" in metadata
    assert "Requires-Python: >=3.11" in metadata
    for extra in ("all", "figure"):
        assert f"Provides-Extra: {extra}\n" in metadata


def test_weights_are_listed_with_their_licences() -> None:
    listed = _script("weights_licences")
    assert listed.PAGE.read_text(encoding="utf-8") == listed.table(), (
        "run scripts/weights_licences.py"
    )


def test_readme_on_the_index_leads_somewhere_with_a_home_and_nowhere_without() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    index = _script("readme_for_index")
    home = "https://example.org/team/napari-deconv"
    for text in (index.index_readme(readme, ""), index.index_readme(readme, home)):
        targets = re.findall(r"\]\(([^)]+)\)", text)
        assert targets and all(target.startswith("https://") for target in targets)
    assert f"]({home}/raw/main/docs/images/" in text and f"]({home}/blob/main/docs/" in text
    assert len(targets) == len(re.findall(r"\]\([^)]+\)", readme)), "a link is lost"
    assert set(index.addresses(home)) >= {"Source", "Documentation", "Issues"}


def _script(name: str) -> ModuleType:
    """A module of scripts/, which is not a package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process in which the wheel is installed, and this checkout is not."""
    place = tmp_path_factory.mktemp("site")
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*install, "--target", str(place), str(wheel)], check=True)
    (place / "sitecustomize.py").write_text(_WITHOUT)
    path = os.pathsep.join((str(place / "bin"), str(place / "Scripts"), os.environ["PATH"]))
    return {**os.environ, "PYTHONPATH": str(place), "PATH": path, "PLACE": str(place)}


_WITHOUT = """
import os, sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in os.environ.get("WITHOUT", "").split():
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Without())
"""
"""Hides what the wheel's own dependencies would not bring."""


def test_readme_runs_from_the_wheel_without_napari(
    installed: dict[str, str], tmp_path: Path
) -> None:
    without = "napari npe2 PyQt6 PySide6 matplotlib dask distributed pooch"
    done = _run(
        [str(ROOT / "scripts" / "run_readme.py")], installed | {"WITHOUT": without}, tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("$ napari-deconv") == 4


def test_wheel_has_weights_and_is_found_by_napari(
    installed: dict[str, str], tmp_path: Path
) -> None:
    script = """
import os
import numpy as np
import napari_deconv as nd
assert nd.__file__.startswith(os.environ["PLACE"]), nd.__file__
image = np.random.default_rng(0).random((40, 41), dtype=np.float32)
assert nd.deconvolve(image, nd.psf.Disk(radius_px=2)(), "fcnn").shape == image.shape
"""
    done = _run(["-c", script], installed, tmp_path)
    assert done.returncode == 0, done.stderr
    done = _run(["-m", "npe2", "validate", "napari-deconv", "--imports"], installed, tmp_path)
    assert done.returncode == 0 and "valid" in done.stdout, done.stdout + done.stderr


def _run(
    arguments: list[str], environment: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        capture_output=True, text=True, check=False, cwd=folder, env=environment,
    )  # fmt: skip
