from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import pytest
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_deconv.core.errors import DeconvError
from napari_deconv.panels.kit.job import Job, remaining, steps_of
from napari_deconv.panels.kit.run_bar import RunBar, far


@dataclass
class Tick:
    done: int
    total: int = 5
    label: str = "ticking"
    left_s: float | None = None

    def preview(self):
        return self.done


class Heard:
    """A job, and everything it said."""

    def __init__(self, owner):
        self.said = []
        self.job = Job(owner)
        for what in ("result", "error", "cancel", "end", "preview"):
            setattr(self.job, f"on_{what}", self._note(what))

    def _note(self, what):
        return lambda *args: self.said.append((what, *args))

    def names(self):
        return [name for name, *_ in self.said]


@pytest.fixture
def owner(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def ticking(pause=0.0, count=5, end="done"):
    def make(cancel):
        for i in range(1, count + 1):
            time.sleep(pause)
            yield Tick(i, count)
        return end

    return make


def test_result_comes_back_in_the_main_thread(qtbot, owner):
    heard = Heard(owner)
    threads = []
    heard.job.on_step = lambda step, left: threads.append(threading.current_thread())
    heard.job.start(ticking(0.05))
    qtbot.waitUntil(lambda: not heard.job.running, timeout=3000)
    assert heard.said == [("result", "done"), ("end",)]
    assert set(threads) == {threading.main_thread()}


def test_previews_are_at_most_two_a_second(qtbot, owner):
    heard = Heard(owner)
    heard.job.start(ticking(0.02, 60), previews=True)
    qtbot.waitUntil(lambda: not heard.job.running, timeout=5000)
    assert 1 <= heard.names().count("preview") <= 3


@pytest.mark.parametrize("kind", [DeconvError, RuntimeError])
def test_every_error_arrives_as_words(qtbot, owner, kind):
    def fail():
        raise kind("no luck")

    heard = Heard(owner)
    heard.job.start(steps_of(fail))
    qtbot.waitUntil(lambda: not heard.job.running, timeout=3000)
    assert heard.names() == ["error", "end"]
    assert isinstance(heard.said[0][1], DeconvError)
    assert "no luck" in str(heard.said[0][1])


def test_cancel_is_immediate_and_closes_the_generator(qtbot, owner):
    closed = threading.Event()

    def make(cancel):
        try:
            while True:
                time.sleep(0.3)  # deaf, like a long transform
                yield Tick(1)
        finally:
            closed.set()

    heard = Heard(owner)
    heard.job.start(make)
    qtbot.wait(100)
    heard.job.cancel()
    assert heard.names() == ["cancel", "end"]
    assert not heard.job.running
    assert closed.wait(2)


def test_a_newer_run_replaces_an_older_one(qtbot, owner):
    heard = Heard(owner)
    heard.job.start(ticking(0.05, end="stale"))
    heard.job.start(ticking(0.01, end="fresh"))
    qtbot.waitUntil(lambda: not heard.job.running, timeout=3000)
    qtbot.wait(300)
    assert heard.said == [("result", "fresh"), ("end",)]


def test_widget_gone_mid_run_stops_the_worker_without_a_word(qtbot):
    owner = QWidget()
    heard = Heard(owner)
    stopped = threading.Event()

    def make(cancel):
        try:
            while not cancel.is_set():
                time.sleep(0.01)
                yield Tick(1)
        finally:
            stopped.set()

    heard.job.start(make)
    qtbot.wait(50)
    owner.deleteLater()
    del owner
    qtbot.wait(50)
    assert stopped.wait(2)
    assert heard.said == []


def test_time_left_in_words():
    assert remaining(10, 1, 11) == "about 2 min left"
    assert remaining(10, 5, 10) == "about 10 s left"
    assert remaining(0.1, 1, 10) == remaining(5, 0, 10) == ""


def test_how_far_in_words():
    assert far(3, 30) == "3 of 30"
    assert far(33, 2000) == "2%", "shares of several runs are no steps to count"


def test_a_double_click_runs_and_does_not_cancel(qtbot):
    bar = RunBar("Run", "Test")
    qtbot.addWidget(bar)
    bar.show()
    bar.pressed.connect(lambda: bar.start(ticking(0.02, 500)))
    left = Qt.MouseButton.LeftButton
    qtbot.mouseClick(bar.button, left)
    place = QPointF(5, 5)
    twice = QMouseEvent(
        QEvent.Type.MouseButtonDblClick, place, bar.button.mapToGlobal(place), left, left,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(bar.button, twice)
    qtbot.mouseRelease(bar.button, left)
    assert bar.running and bar.button.text() == "&Cancel"
    qtbot.mouseClick(bar.button, left)
    assert not bar.running


def test_what_does_not_fit_a_line_is_whole_in_its_tooltip(qtbot):
    bar = RunBar("Run", "Test")
    qtbot.addWidget(bar)
    words = "finds the blur in the whole photo first, then takes about 20 minutes and a half"
    bar.expect(words)
    assert bar.left.toolTip() == words
