"""What CONTRIBUTING says of adding a thing: how many files it takes, and where it then stands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import napari_deconv

from .test_docs import blocks

ROOT = Path(__file__).parents[1]
SOURCE = Path(napari_deconv.__file__).parent
ROW = '    Preset("deconvolve", "small", "Small network"),\n'
LAST_ROW = '    Preset("deconvolve", "crcnet", "CRCNet"),\n'
MOFFAT = '''"""Moffat."""
from __future__ import annotations
from typing import Annotated
import numpy as np
from annotated_types import Interval
from .base import PSF
from .grid import Array, odd

class Moffat(PSF, title="Moffat"):
    """Light of a star through turbulent air: ``(1 + (r / a)^2)^-beta``.

    Parameters
    ----------
    width_px : float
        Full width at half maximum in pixels.
    beta : float
        How soon the wings fall.
    """

    width_px: Annotated[float, Interval(gt=0, le=64)] = 4.0
    beta: Annotated[float, Interval(ge=1.5, le=20)] = 3.0

    def support(self, steps: tuple[float, ...] | None) -> tuple[int, ...]:
        return tuple(odd(8 * self.width_px / s) for s in steps or (1.0, 1.0))

    def render(self, shape: tuple[int, ...], steps: tuple[float, ...]) -> Array:
        a = self.width_px / (2 * np.sqrt(2 ** (1 / self.beta) - 1))
        y, x = ((np.arange(n) - n // 2) * s / a for n, s in zip(shape, steps, strict=True))
        return np.asarray((1 + y[:, None] ** 2 + x**2) ** -self.beta)
'''
VIGNETTE = '''"""Vignetting."""
from __future__ import annotations
from typing import Annotated
import numpy as np
from annotated_types import Interval
from ..core.fields import Zero
from .arrays import Array
from .base import Degradation

class Vignetting(Degradation, title="Vignetting"):
    """Corners darker than the centre.

    Parameters
    ----------
    loss : float
        Share of the light that is lost in the corners.
    """

    loss: Annotated[float, Interval(ge=0, le=1), Zero("off")] = 0.0

    def apply(self, image: Array, rng: np.random.Generator, psf: Array | None = None) -> Array:
        y, x = (np.linspace(-1, 1, n) for n in image.shape[-2:])
        return image * (1 - self.loss * (y[:, None] ** 2 + x**2) / 2)
'''
NETWORK = '''"""A small network."""
from __future__ import annotations
from collections.abc import Iterator
from typing import Annotated
from annotated_types import Interval
from torch import Tensor
from ...core.fields import Zero
from ...engine.problem import Problem
from .base import LearnedMethod

class Small(LearnedMethod, title="Small network", name="small"):
    """One convolution.

    Parameters
    ----------
    layers : int
        So many.
    weights : str
        Id or file of the weights.
    """

    layers: Annotated[int, Interval(ge=1, le=4)] = 1
    weights: Annotated[str, Zero("untrained")] = ""

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        yield problem.y
'''
ADDED = {
    "method": ["restoration/landweber.py"],
    "PSF": ["psf/moffat.py"],
    "degradation step": ["degradation/vignetting.py"],
    "network": ["restoration/networks/small.py", "panels/presets.py"],
}
"""What is added -> the files that are written or edited for it, beneath the package."""
LOOK = """
import contextlib, io, json, runpy, sys
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari_deconv.__main__ import main
from napari_deconv.degradation import Degradation
from napari_deconv.panels.kit.form import Form
from napari_deconv.psf import PSF
from napari_deconv.restoration.base import Method
def help_of(*words):
    with contextlib.redirect_stdout(io.StringIO()) as text:
        assert main([*words, "--help"]) == 0
    return text.getvalue()
def form_of(root, name):
    return list(Form(root.lookup(name)).widgets)
from napari_deconv.panels import docks
import numpy as np
print(json.dumps({
    "method": [form_of(Method, "landweber"), help_of("deconvolve", "--method", "landweber")],
    "PSF": [form_of(PSF, "moffat"), help_of("psf", "moffat")],
    "degradation step": [form_of(Degradation, "vignetting"), ""],
    "network": [form_of(Method, "small"), help_of("deconvolve", "--method", "small")],
    "preset": docks.small.preset,
    "corner": float(Degradation.parse("vignetting:loss=0.5")(np.ones((5, 5)))[0][0, 0]),
    "psf": float(PSF.make("moffat")().sum()),
    "cards": runpy.run_path(sys.argv[1])["page"](),
}))
"""


def tree(folder: Path) -> dict[str, bytes]:
    """Every source file by its path."""
    found = (path for path in folder.rglob("*") if path.suffix in (".py", ".yaml"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with all four added and the manifest written."""
    package = tmp_path_factory.mktemp("added") / "napari_deconv"
    shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    texts = {
        "restoration/landweber.py": blocks("CONTRIBUTING.md")[0],
        "psf/moffat.py": MOFFAT,
        "degradation/vignetting.py": VIGNETTE,
        "restoration/networks/small.py": NETWORK,
        "panels/presets.py": (package / "panels/presets.py").read_text(),
    }
    texts["panels/presets.py"] = texts["panels/presets.py"].replace(LAST_ROW, LAST_ROW + ROW)
    for path, text in texts.items():
        (package / path).write_text(text)
    return package


def python(package: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter that imports the copy."""
    environment = os.environ | {"PYTHONPATH": str(package.parent), "QT_QPA_PLATFORM": "offscreen"}
    return subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
    )


def test_what_is_added_stands_everywhere(package: Path) -> None:
    looked = python(package, "-c", LOOK, str(ROOT / "scripts" / "method_cards.py"))
    assert looked.returncode == 0, looked.stderr
    seen = json.loads(looked.stdout.splitlines()[-1])
    assert seen["method"][0] == ["iterations", "step"]
    assert "--step" in seen["method"][1] and "below 2 it converges" in seen["method"][1]
    assert seen["PSF"][0] == ["width_px", "beta"]
    assert "--beta" in seen["PSF"][1] and "default 3.0" in seen["PSF"][1]
    assert seen["degradation step"][0] == ["loss"]
    assert seen["network"][0] == ["weights", "layers"]
    assert "default untrained" in " ".join(seen["network"][1].split())
    assert seen["preset"] == "small"
    assert seen["corner"] == pytest.approx(0.5) and seen["psf"] == pytest.approx(1, abs=1e-5)
    assert "## Landweber\n" in seen["cards"] and "## Small network\n" in seen["cards"]


def test_files_touched_are_those_that_contributing_names(package: Path) -> None:
    script = str(ROOT / "scripts" / "manifest.py")
    assert python(package, script, "--check").returncode == 1, "the row is not in the manifest yet"
    assert python(package, script).returncode == 0
    after, before = tree(package), tree(SOURCE)
    touched = {path for path in after if after[path] != before.get(path)}
    expected = {path for files in ADDED.values() for path in files}
    assert touched == expected | {"napari.yaml"}
    assert b"napari_deconv.panels.docks:open_small" in after["napari.yaml"]
    words = " ".join((ROOT / "CONTRIBUTING.md").read_text().split())
    for what, files in ADDED.items():
        number = {1: "one file", 2: "one file and one row"}[len(files)]
        assert f"A {what} is {number}" in words
