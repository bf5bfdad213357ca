"""What every test gets: few threads, steady examples, and no window left behind."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

os.environ.setdefault("QT_API", "pyqt6")
os.environ.setdefault("OMP_NUM_THREADS", "2")

settings.register_profile(
    "quick",
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("quick")


@pytest.fixture(autouse=True, scope="session")
def _two_threads() -> None:
    import torch

    torch.set_num_threads(2)


@pytest.fixture(autouse=True)
def _no_window_left() -> Iterator[None]:
    """Fail a test that leaks a top-level widget; tests that never load Qt pay nothing."""
    before = {id(widget) for widget in _windows()}
    yield
    leaked = [widget for widget in _windows() if id(widget) not in before]
    assert not leaked, f"top-level widgets left behind: {leaked}"


def _windows() -> list[object]:
    if "qtpy.QtWidgets" not in sys.modules:
        return []
    from qtpy.QtCore import QCoreApplication, QEvent
    from qtpy.QtWidgets import QApplication

    if QApplication.instance() is None:
        return []
    # Widgets given to deleteLater() are gone in all but name.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return list(QApplication.topLevelWidgets())
