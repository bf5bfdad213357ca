"""The package as a whole: cheap to import, its names, its manifest."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "qtpy", "napari", "superqt", "magicgui", "scipy", "skimage")


def loaded_by(code: str) -> set[str]:
    """Top-level packages that a fresh interpreter holds after ``code``."""
    report = f"{code}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("name", HEAVY)
def test_importing_the_package_loads_nothing_heavy(name: str) -> None:
    assert name not in loaded_by("import napari_deconv")
