"""Entries that a manifest has no place for: panels of their own, the menu of a layer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

from napari.viewer import Viewer
from npe2 import PluginManager
from qtpy.QtWidgets import QDockWidget, QWidget

from ..core.errors import DeconvError

_PLUGIN = "napari-deconv"
_LAYER_ENTRIES = (
    ("napari-deconv.sharpen", "Deblur this photo", "not active_layer_is_image_3d"),
    ("napari-deconv.restore", "Deconvolve this image", "True"),
)
"""Command, title and condition of what the menu of one image layer offers."""
_OF_LAYERS = "napari/layers/context"
"""The menu behind the right button, which a manifest may not add to."""
_OF_PLUGIN = f"napari/plugins/{_PLUGIN}"
"""Plugins > Deconvolution, where napari puts panels in one long row, and a manifest no submenu."""
_SUBMENUS = {f"{_PLUGIN}/psf": "PSF", f"{_PLUGIN}/networks": "Networks"}


def open_deblur(viewer: Viewer) -> None:
    """Deblur the photo that is selected in its panel; without one, only open the panel."""
    panel = open_on_layer(viewer, "Deblur a photo")
    chosen, active = panel.image.layer, plain(viewer).layers.selection.active
    if chosen is not None and chosen is active and not panel.run_bar.running:
        panel.run()


def open_deconvolve(viewer: Viewer) -> None:
    """Open the panel that restores images, on the layer that is selected."""
    open_on_layer(viewer, "Deconvolve")


def open_on_layer(viewer: Viewer, title: str) -> Any:
    """Open a panel of the manifest on the layer that is selected; the panel."""
    viewer = plain(viewer)
    panel = open_panel(viewer, title)
    active = viewer.layers.selection.active
    if active is not None:
        panel.image.pick(active)
    return panel


def plain(viewer: Viewer) -> Any:
    """The viewer itself: commands are given one whose layers are no layer that a panel knows."""
    return getattr(viewer, "__wrapped__", viewer)


def open_panel(viewer: Viewer, title: str) -> Any:
    """Open a panel of the manifest, or bring it to the front; the panel.

    Raises
    ------
    DeconvError
        If there is no window to open it in.
    """

    def make(viewer: Viewer) -> Any:
        panels = PluginManager.instance().iter_widgets()
        own = (x for x in panels if (x.plugin_name, x.display_name) == (_PLUGIN, title))
        return next(own).get_callable()(viewer)

    return show_panel(viewer, title, make)


def show_panel(viewer: Viewer, title: str, make: Callable[[Viewer], Any]) -> Any:
    """Open what ``make`` makes, or bring it to the front; the panel.

    The title of its dock is the one that napari gives a panel out of its menu.

    Raises
    ------
    DeconvError
        If there is no window to open it in.
    """
    viewer = plain(viewer)
    window = getattr(viewer, "window", None)
    if window is None:
        raise DeconvError("There is no window.", f"Open Plugins > Deconvolution > {title}.")
    name = f"{title} (Deconvolution)"
    panel = window.dock_widgets.get(name)
    if panel is None:
        panel = make(viewer)
        window.add_dock_widget(panel, name=name)
    dock = dock_of(panel)
    if dock is not None:
        dock.show()
        dock.raise_()
    return panel


def dock_of(widget: QWidget) -> QDockWidget | None:
    """The dock that a widget is in."""
    dock = widget.parentWidget()
    while dock is not None and not isinstance(dock, QDockWidget):
        dock = dock.parentWidget()
    return dock


@cache
def add_to_menus(context: object = None) -> None:
    """Fill the menu of a layer and that of the plugin; napari calls it once the plugin is in use.

    Parameters
    ----------
    context : PluginContext
        What napari hands over.
    """
    with suppress(ImportError, AttributeError):  # napari does not promise this registry
        from app_model.expressions import parse_expression
        from app_model.types import CommandRule, MenuItem, SubmenuItem
        from napari._app_model import get_app_model

        menus = get_app_model().menus
        menus.append_menu_items(
            [
                (
                    _OF_LAYERS,
                    MenuItem(
                        command=CommandRule(id=key, title=title),
                        when=parse_expression(f"num_selected_image_layers == 1 and {fits}"),
                    ),
                )
                for key, title, fits in _LAYER_ENTRIES
            ]
        )
        menus.append_menu_items(
            [
                (_OF_PLUGIN, SubmenuItem(submenu=key, title=name, group="9_more"))
                for key, name in _SUBMENUS.items()
            ]
        )
