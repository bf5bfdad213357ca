"""What to do with the recipe that a result carries: run it again, or copy it as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from ...core.shell import command_line
from ..kit.layers import follow, record
from ..kit.parts import read_out, small

_IMAGE, _PSF = "IMAGE.tif", "PSF.tif"
"""Names in a copied command for layers that came from no file."""


class RecipeBox(QWidget):
    """Buttons for the result layer that is selected; hidden while none is.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose selection it follows.
    """

    again = Signal(dict)
    """Run this recipe again."""

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.kinds: Mapping[str, Any] = {}
        self.told = read_out("Selected result")
        self.rerun = small("Re-run", "Load these settings into the panel and run them again.")
        self.python = small("Copy Python", "Copy a script that makes this result.")
        self.shell = small("Copy command", "Copy the command line that makes this result.")
        buttons = QHBoxLayout()
        buttons.setSpacing(3)
        for button in (self.rerun, self.python, self.shell):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self.told)
        layout.addLayout(buttons)
        self.rerun.clicked.connect(lambda: self.again.emit(self.recipe))
        self.python.clicked.connect(lambda: self._copy(as_python(self.recipe), "script"))
        self.shell.clicked.connect(lambda: self._copy(as_command(self.recipe), "command line"))
        follow(self, viewer.layers.selection.events.active, self._on_active)
        self._on_active()

    @property
    def recipe(self) -> dict[str, Any]:
        """The selected result's recipe; empty if none is selected."""
        found = record(self._viewer.layers.selection.active)
        return found if found.get("kind") == "result" else {}

    def _on_active(self, event: Any = None) -> None:
        recipe = self.recipe
        self.setVisible(bool(recipe))
        psf = recipe.get("psf", {})
        # Of these the command line knows nothing, or needs the PSFs as files.
        self.shell.setEnabled(not ({"channels", "depths"} & set(psf) or "written" in recipe))
        if recipe:
            self.told.setText(f"Selected: {summary(recipe, self.kinds)}")

    def _copy(self, text: str, what: str) -> None:
        QApplication.clipboard().setText(text)
        missing = [name for name in (_IMAGE, _PSF) if name in text]
        remedy = f" Save the layers as {' and '.join(missing)} first." if missing else ""
        here = " It is for napari's console: it takes the layers." if "viewer." in text else ""
        self.told.setText(f"Copied the {what}.{remedy}{here}")


def summary(recipe: Mapping[str, Any], kinds: Mapping[str, Any]) -> str:
    """One line about a result; of ``kinds``, the methods by name, it leaves out the defaults."""
    fields = dict(recipe.get("method", {}))
    name = fields.pop("name", "?")
    usual = kinds.get(name)
    said = ", ".join(f"{k} {v}" for k, v in fields.items() if v and v != getattr(usual, k, None))
    seconds = recipe.get("seconds")
    where = f"{seconds:.1f} s on {recipe.get('device', '?')}" if seconds is not None else ""
    return "; ".join(filter(None, [f"{name}" + (f" ({said})" if said else ""), where]))


def as_python(recipe: Mapping[str, Any]) -> str:
    """A script for the recipe, to be pasted into napari's console or a notebook."""
    fields = dict(recipe["method"])
    name = fields.pop("name")
    source = str(recipe.get("source", "image"))
    path = recipe.get("path")
    image = f"read({path!r}).data" if path else f"viewer.layers[{source!r}].data"
    options = [f"axes={recipe.get('axes')!r}"]
    noise = _noise(recipe)
    options += [] if noise is None else [f"noise={noise!r}"]
    options += [f"spacing={_tuple(recipe['spacing'])!r}"] if recipe.get("spacing") else []
    options += [f"refine_psf={recipe['refine_psf']}"] if recipe.get("refine_psf") else []
    options += [f"nan={recipe['nan']!r}"] if recipe.get("nan") else []
    values = [f"{key}={_tuple(value)!r}" for key, value in fields.items()]
    lines = ["from napari_deconv.io import read"] if path else []
    lines += ["", f"image = {image}", *_psf_lines(recipe.get("psf", {}))]
    options += ["linear=True"] if recipe.get("light") == "linear" else []
    head = ["from napari_deconv import deconvolve, psf"]
    lines += [f"result = deconvolve(image, kernel, {name!r}, {', '.join(options + values)})"]
    return "\n".join(head + lines) + "\n"


def as_command(recipe: Mapping[str, Any]) -> str:
    """The command line for the recipe; two in a row where the PSF has to be made first."""
    fields = dict(recipe["method"])
    source = str(recipe.get("path") or _IMAGE)
    psf = recipe.get("psf", {})
    first, kernel = _psf_command(psf)
    parts = ["napari-deconv", "deconvolve", source, "-o", "RESULT.tif", "--psf", kernel]
    parts += ["--repair-psf"] if psf.get("repaired") else []
    parts += ["--axes", recipe["axes"]] if recipe.get("axes") else []
    parts += ["--method", fields.pop("name")]
    noise = _noise(recipe)
    parts += [] if noise is None else ["--noise", repr(noise)]
    parts += ["--spacing", _text(recipe["spacing"])] if recipe.get("spacing") else []
    parts += ["--linear"] if recipe.get("light") == "linear" else []
    parts += ["--refine-psf", str(recipe["refine_psf"])] if recipe.get("refine_psf") else []
    parts += ["--nan", recipe["nan"]] if recipe.get("nan") else []
    for key, value in fields.items():
        parts += ["--set", f"{key}={_text(value)}"]
    return command_line(*filter(None, (first, parts)))


def _psf_command(psf: Mapping[str, Any]) -> tuple[list[str], str]:
    """The command that makes the PSF, if it takes one, and how the next one names it."""
    if "spec" not in psf:
        return [], str(psf.get("file") or _PSF)
    spec = dict(psf["spec"])
    name = spec.pop("name")
    size, voxel = psf.get("size"), psf.get("pixel_size") or ()
    if not size and len(voxel) < 3 and len(set(voxel)) < 2:
        values = ",".join(f"{k}={_text(v)}" for k, v in spec.items())
        return [], f"{name}:{values}" if values else name
    # An .npy states no voxel size that could disagree with the image file's.
    parts = ["napari-deconv", "psf", name, "-o", "PSF.npy"]
    parts += [f"--{k.replace('_', '-')}={_text(v)}" for k, v in spec.items()]
    parts += [f"--shape={_text(size)}"] if size else []
    parts += [f"--pixel-size={_text(voxel)}"] if voxel else []
    return parts, "PSF.npy"


def _noise(recipe: Mapping[str, Any]) -> float | None:
    """The level to write down; one that was estimated in linear light is on that light's scale."""
    in_light = recipe.get("light") == "linear" and recipe.get("noise_estimated")
    return None if in_light else recipe.get("noise")


def _psf_lines(psf: Mapping[str, Any]) -> list[str]:
    if not psf.get("channels"):
        return _one_psf(psf)
    lines = ["kernels = {}"]
    for one in psf["channels"]:
        lines += [*_one_psf(one), f"kernels[{one['channel']}] = kernel"]
    return [*lines, "kernel = kernels"]


def _one_psf(psf: Mapping[str, Any]) -> list[str]:
    if "spec" in psf:
        spec = dict(psf["spec"])
        size, voxel = _tuple(psf.get("size")), _tuple(psf.get("pixel_size"))
        lines = [f"kernel = {_made(spec)}({size!r}, {voxel!r})"]
        if psf.get("depths"):
            planes, count = psf["planes"], psf["depths"]
            lines = [f"kernel = psf.through({_made(spec)}, {planes}, {voxel!r}, {count}, {size!r})"]
    elif psf.get("file"):
        lines = [f"kernel = psf.load({str(psf['file'])!r})"]
    else:
        lines = [f"kernel = psf.from_array(viewer.layers[{str(psf.get('layer'))!r}].data)"]
    if not psf.get("repaired"):
        return lines
    sizes = "".join(f", {k}={_tuple(v)!r}" for k, v in psf.get("repair", {}).items())
    lines.append(f"found = psf.inspect(kernel{sizes})")
    if "spec" in psf:  # what is in its nature stays
        lines.append(f"found = psf.of_generator(found, {_made(psf['spec'])}, None)")
    return [*lines, f"kernel = psf.repair(kernel, found{sizes})"]


def _made(spec: Mapping[str, Any]) -> str:
    name = spec["name"]
    fields = "".join(f", {k}={_tuple(v)!r}" for k, v in spec.items() if k != "name")
    return f"psf.PSF.make({name!r}{fields})"


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(_text(v) for v in value)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
