"""The package as a whole: cheap to import, the public names, the manifest."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from importlib import import_module, resources
from pathlib import Path

import pytest

import napari_deconv

ROOT = Path(__file__).parents[1]
WINDOW = {"napari", "qtpy", "superqt", "magicgui", "PyQt6", "napari_deconv.panels"}


def loaded_by(code: str) -> set[str]:
    """Names of all modules that a fresh interpreter holds after ``code``."""
    report = "import sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def submodules() -> list[str]:
    """Every module of the package, bar the one that runs when imported as a script."""
    found = pkgutil.walk_packages(napari_deconv.__path__, "napari_deconv.")
    return [module.name for module in found if not module.name.endswith("__main__")]


def test_importing_the_package_loads_neither_torch_nor_a_window() -> None:
    heavy = {"torch", "scipy", "skimage", "numpy"} | WINDOW
    assert not loaded_by("import napari_deconv; dir(napari_deconv)") & heavy


def test_rendering_a_psf_loads_neither_torch_nor_a_window() -> None:
    loaded = loaded_by("import napari_deconv as nd; nd.psf.Disk(radius_px=3)(); nd.metrics")
    assert not loaded & ({"torch"} | WINDOW)


def test_deconvolving_and_degrading_load_no_window() -> None:
    loaded = loaded_by("import napari_deconv as nd; nd.methods(); nd.deconvolve; nd.degrade")
    assert "torch" in loaded
    assert not loaded & WINDOW


def test_finding_our_manifest_loads_neither_torch_nor_our_code() -> None:
    loaded = loaded_by(
        "from npe2 import PluginManager\n"
        "manager = PluginManager.instance()\n"
        "manager.discover()\n"
        "assert manager.get_manifest('napari-deconv').display_name == 'Deconvolution'\n"
        "list(manager.iter_widgets())"
    )
    assert not {name for name in loaded if name.startswith("napari_deconv.")}
    assert not loaded & {"torch", "PyQt6"}


def test_manifest_at_the_root_is_the_one_in_the_package() -> None:
    packaged = Path(str(resources.files("napari_deconv") / "napari.yaml"))
    assert (ROOT / "napari.yaml").samefile(packaged)


def test_manifest_points_only_at_what_exists(qapp: object) -> None:
    from npe2 import PluginManifest

    manifest = PluginManifest.from_file(ROOT / "src/napari_deconv/napari.yaml")
    for command in manifest.contributions.commands or []:
        assert command.python_name is not None
        module, _, name = command.python_name.partition(":")
        assert callable(getattr(import_module(module), name)), command.id


def test_public_functions_survive_the_import_of_every_submodule(qapp: object) -> None:
    for name in submodules():
        import_module(name)
    for name in ("deconvolve", "degrade", "methods"):
        assert callable(getattr(napari_deconv, name)), name
    assert issubclass(napari_deconv.DeconvError, Exception)
    assert set(napari_deconv.__all__) <= set(dir(napari_deconv))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = napari_deconv.no_such_thing


def test_version_stands_in_one_place_and_in_the_changelog() -> None:
    release = napari_deconv.__version__.partition(".dev")[0]
    assert f"\n## {release} " in (ROOT / "CHANGELOG.md").read_text()
    for file in ("pyproject.toml", "CITATION.cff"):
        assert "\nversion" not in (ROOT / file).read_text(), file
