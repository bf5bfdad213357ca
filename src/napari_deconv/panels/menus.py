"""Entries that a manifest has no place for: other words for a panel, the menu of a layer."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

from napari.viewer import Viewer

_PLUGIN, _PANEL, _OPEN = "napari-deconv", "Deblur a photo", "napari-deconv.sharpen"
_OF_LAYERS = "napari/layers/context"
"""The menu behind the right button, which a manifest may not add to."""


def open_deblur(viewer: Viewer) -> None:
    """Open the panel that deblurs a photo, on the layer that is selected."""
    _, panel = viewer.window.add_plugin_dock_widget(_PLUGIN, _PANEL)
    active = viewer.layers.selection.active
    if active is not None:
        panel.image.pick(active)


@cache
def add_to_menu_of_layers() -> None:
    """Put the panel into the menu of a layer, once the plugin is in use."""
    with suppress(ImportError, AttributeError):  # napari does not promise this registry
        from app_model.types import CommandRule, MenuItem
        from napari._app_model import get_app_model

        command = CommandRule(id=_OPEN, title="Deblur this photo")
        get_app_model().menus.append_menu_items([(_OF_LAYERS, MenuItem(command=command))])
