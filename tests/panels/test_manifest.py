from __future__ import annotations

import runpy
import sys
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import pytest
from npe2 import PluginManifest

from napari_deconv.panels import docks, menus
from napari_deconv.panels.deconvolve.panel import DeconvolvePanel
from napari_deconv.panels.presets import PRESETS
from napari_deconv.panels.psf.beads import BeadsPanel
from napari_deconv.panels.psf.panel import PsfPanel
from napari_deconv.psf import PSF
from napari_deconv.restoration.base import methods

MANIFEST = PluginManifest.from_file(files("napari_deconv") / "napari.yaml")
KINDS = {"psf": PsfPanel, "beads": BeadsPanel, "deconvolve": DeconvolvePanel}
COMMANDS = {command.id: command for command in MANIFEST.contributions.commands}


def target(command):
    module, name = command.python_name.split(":")
    return getattr(import_module(module), name)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_command_is_there(command):
    assert callable(target(command))


def test_the_panels_are_first_in_the_menu_and_the_others_in_submenus():
    names = [widget.display_name for widget in MANIFEST.contributions.widgets]
    assert names == ["Deblur a photo", "Deconvolve", "PSF", "Degrade", "Compare", "Train"]
    menus = MANIFEST.contributions.menus
    below = [
        item.command for name in ("psf", "networks") for item in menus[f"napari-deconv/{name}"]
    ]
    assert sorted(below) == sorted(["napari-deconv.psf", *(row.command for row in PRESETS)])


def test_the_menu_of_a_layer_is_filled_with_commands_that_there_are():
    assert MANIFEST.on_activate == f"{menus.__name__}:{menus.add_to_menus.__name__}"
    assert {entry[0] for entry in menus._LAYER_ENTRIES} <= set(COMMANDS)


@pytest.mark.parametrize("word", ["deblur", "sharpen", "deconvol", "restore", "blur", "PSF"])
def test_the_palette_finds_a_command_under_the_words_people_type(word):
    # napari adds the plugin's name to every title.
    titles = [f"{command.title} ({MANIFEST.display_name})" for command in COMMANDS.values()]
    assert any(word.lower() in title.lower() for title in titles)


def test_the_manifest_is_what_the_table_of_presets_gives(monkeypatch):
    script = Path(__file__).parents[2] / "scripts" / "manifest.py"
    monkeypatch.setattr(sys, "argv", [str(script), "--check"])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(script), run_name="__main__")
    assert left.value.code == 0, "run python scripts/manifest.py"


def test_every_preset_opens_on_what_is_there_and_every_network_has_one():
    on = {kind: {row.opens_on for row in PRESETS if row.panel == kind} for kind in KINDS}
    assert on["psf"] <= {*PSF.registry, "image"}
    assert on["deconvolve"] <= set(methods())
    trained = {n for n, m in methods().items() if m.needs_weights and not m.untrained}
    assert trained <= on["deconvolve"], "add a row to panels/presets.py"
    for row in PRESETS:
        panel = getattr(docks, row.name)
        assert panel is getattr(docks, row.name)
        assert issubclass(panel, KINDS[row.panel])
        assert getattr(panel, "preset", "beads") == row.opens_on


def test_settings_page_matches_what_is_read(monkeypatch):
    import napari.settings

    from napari_deconv.panels.kit.settings import Settings, current

    keys = MANIFEST.contributions.configurations["computing"].properties
    page = type("Page", (), {key: field.default for key, field in keys.items()})
    plugin = type("Plugin", (), {"computing": page})
    monkeypatch.setattr(napari.settings, "get_plugin_settings", lambda name: plugin)
    assert current() == Settings()
    page.device, page.precision, page.memory_gb = "cpu", "float32", 2.0
    assert current() == Settings("cpu", "float32", 2 * 1024**3)


@pytest.mark.parametrize("name", ["photo", "clock", "cell", "stack"])
def test_opened_sample_fills_the_view(name):
    from napari_deconv.panels import samples

    found = getattr(samples, name)()
    visible = next(data for data, look, _ in found if look.get("visible", True))
    assert found[0][0].shape == visible.shape  # napari fits the view to the first layer
