from __future__ import annotations

from importlib import import_module
from importlib.resources import files

import pytest
from npe2 import PluginManifest

from napari_deconv.panels.deconvolve.panel import DeconvolvePanel
from napari_deconv.panels.psf.panel import PsfPanel
from napari_deconv.psf import PSF
from napari_deconv.restoration.base import methods

MANIFEST = PluginManifest.from_file(files("napari_deconv") / "napari.yaml")
COMMANDS = {command.id: command for command in MANIFEST.contributions.commands}


def target(command):
    module, name = command.python_name.split(":")
    return getattr(import_module(module), name)


def presets(panel):
    widgets = [target(COMMANDS[w.command]) for w in MANIFEST.contributions.widgets]
    return {w.preset for w in widgets if isinstance(w, type) and issubclass(w, panel)}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_command_is_there(command):
    assert callable(target(command))


def test_the_three_panels_are_in_the_menu():
    names = [widget.display_name for widget in MANIFEST.contributions.widgets]
    assert names[:3] == ["Deconvolve", "PSF", "Degrade"]


def test_every_generator_and_every_network_has_a_panel_of_its_own():
    assert set(PSF.registry) - presets(PsfPanel) == set(), "add these to napari.yaml"
    trained = {n for n, m in methods().items() if m.needs_weights and not m.untrained}
    assert trained - presets(DeconvolvePanel) == set(), "add these to napari.yaml"


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
