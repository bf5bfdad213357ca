"""What every test gets: few threads, steady examples, and no window left behind."""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qtpy.QtWidgets import QWidget

os.environ.setdefault("QT_API", "pyqt6")
if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
    # Without any screen Qt would abort the whole run; `make test` brings a virtual one.
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Read by torch when it is first imported, which has not happened yet.
os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")
# No test reads or writes what this computer's own runs took, or what its person keeps.
for _variable in ("NAPARI_DECONV_CACHE", "NAPARI_DECONV_DATA"):
    os.environ[_variable] = _folder = tempfile.mkdtemp(prefix="napari-deconv-tests-")
    atexit.register(shutil.rmtree, _folder, ignore_errors=True)

settings.register_profile(
    "quick",
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("quick")


@pytest.fixture(autouse=True)
def _no_window_left() -> Iterator[None]:
    """Fail a test that leaks a top-level widget; tests that never load Qt pay nothing."""
    before = set(map(id, _windows()))
    yield
    leaked = [widget for widget in _windows() if id(widget) not in before]
    shown = [f"{type(widget).__name__} {widget.windowTitle()!r}" for widget in leaked]
    for widget in leaked:
        widget.deleteLater()  # or every later test would find it
    assert not leaked, f"left behind: {', '.join(shown)}"


@pytest.fixture
def private() -> Iterator[Path]:
    """A folder with ``shut`` (not to be entered), ``fixed`` (not to be written in) and files.

    ``open.png`` may be read, ``unreadable`` may not. Root passes by permissions: for the length
    of the test this thread then acts on files as somebody else.
    """
    folder = Path(tempfile.mkdtemp())
    for name in ("shut", "fixed"):
        (folder / name).mkdir()
        (folder / name / "file").write_text("{}")
    (folder / "unreadable").write_text("{}")
    Image.fromarray((np.arange(400) % 251).astype("u1").reshape(20, 20)).save(folder / "open.png")
    modes = {"shut": 0, "fixed": 0o555, "unreadable": 0}
    for name, mode in modes.items():
        (folder / name).chmod(mode)
    folder.chmod(0o777)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    try:
        if root and sys.platform != "linux":
            pytest.skip("root may do everything here")
        if root:
            ctypes.CDLL(None).setfsuid(65534)
        yield folder
    finally:
        if root:
            ctypes.CDLL(None).setfsuid(0)
        for name in modes:
            (folder / name).chmod(0o755)
        shutil.rmtree(folder)


def _windows() -> list[QWidget]:
    """Top-level widgets alive now; those given to deleteLater() are gone in all but name."""
    if "qtpy.QtWidgets" not in sys.modules:
        return []
    from qtpy.QtCore import QCoreApplication, QEvent
    from qtpy.QtWidgets import QApplication

    if QApplication.instance() is None:
        return []
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return list(QApplication.topLevelWidgets())
