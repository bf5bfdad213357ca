"""Does the window keep up while Richardson-Lucy works on a stack?

Opens napari with the Deconvolve panel, runs Richardson-Lucy on a 64 x 512 x 512 stack and measures

- the longest gap between the ticks of a 5 ms timer in the window's event loop, while it runs;
- the same for a short run up to the result's layer;
- the time from pressing Cancel until Run can be pressed again, and until the worker has let go.

A gap holds what the window itself did, what it waited for the interpreter, and, on a machine that
is busy with other things, what it waited for a core; where Linux tells, the last is given apart.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/window_stall.py

With ``--train`` it is the Train panel instead, while a DCNN is trained with its curves in sight.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np


class Ticker:
    """Times between the ticks of a timer in the event loop, in ms."""

    def __init__(self) -> None:
        from qtpy.QtCore import Qt, QTimer

        self.gaps: list[float] = []
        self.queued: list[float] = []
        self._last, self._queued = time.perf_counter(), waited_for_core()
        self.timer = QTimer()
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.setInterval(5)
        self.timer.timeout.connect(self._tick)

    def _tick(self) -> None:
        now = time.perf_counter()
        queued = waited_for_core()
        self.gaps.append(1e3 * (now - self._last))
        self.queued.append(queued - self._queued)
        self._last, self._queued = now, queued

    def start(self) -> None:
        """Begin anew."""
        self.gaps.clear()
        self.queued.clear()
        self._last, self._queued = time.perf_counter(), waited_for_core()
        self.timer.start()

    def stop(self) -> dict[str, float]:
        """Longest gap and 99th percentile."""
        self.timer.stop()
        gaps = np.array(self.gaps or [0.0])
        worst = int(gaps.argmax())
        return {
            "ticks": len(gaps),
            "longest_ms": round(float(gaps[worst]), 1),
            "of_it_waiting_for_a_core_ms": round(self.queued[worst], 1) if self.queued else 0.0,
            "p99_ms": round(float(np.percentile(gaps, 99)), 1),
        }


def waited_for_core() -> float:
    """Milliseconds this thread was ready to run but had no core; 0 where it cannot be told."""
    try:
        said = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text()
    except OSError:
        return 0.0
    return int(said.split()[1]) / 1e6


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", type=int, nargs=3, default=(64, 512, 512))
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to watch the run")
    parser.add_argument("--train", action="store_true", help="watch a training instead")
    parser.add_argument("--live", action="store_true", help="turn the layer's slider meanwhile")
    args = parser.parse_args()

    import napari
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    if args.train:
        print(json.dumps(training(napari.Viewer(), args.seconds), indent=2))
        return

    from napari_deconv.panels.deconvolve.panel import DeconvolvePanel

    rng = np.random.default_rng(0)
    viewer = napari.Viewer()
    viewer.add_image(rng.poisson(50, tuple(args.shape)).astype(np.float32), name="stack")
    panel = DeconvolvePanel(viewer)
    viewer.window.add_dock_widget(panel, name="Deconvolve")
    wait(lambda: panel.method.isEnabled())
    panel.method.choose("richardson-lucy", {"iterations": 500})
    panel.psf.choice.choose("gaussian", {"sigma_px": (2.6, 4.0, 4.0)})
    panel.psf.extent.setText("21, 31, 31")
    wait(lambda: panel.psf.prepared is not None)
    QTest.qWait(1000)

    ticker = Ticker()
    ticker.start()
    QTest.qWait(2000)
    idle = ticker.stop()
    ticker.start()
    QTest.mouseClick(panel.run_bar.button, Qt.MouseButton.LeftButton)
    until = time.perf_counter() + args.seconds
    while time.perf_counter() < until:
        QTest.qWait(200)
        if args.live:
            viewer.dims.set_current_step(0, int(rng.integers(args.shape[0])))
    busy = ticker.stop()
    done = panel.run_bar.bar.value()
    cancel = cancelled(panel)
    whole = finished(panel, ticker)
    report = {
        "idle": idle,
        "running": busy,
        "iterations_seen": done,
        "whole_short_run": whole,
        **cancel,
        "load_average": os.getloadavg()[0],
    }
    print(json.dumps(report, indent=2))
    viewer.close()


def training(viewer: Any, seconds: float) -> dict[str, object]:
    """A DCNN in the Train panel, watched from its first validation on."""
    from qtpy.QtTest import QTest

    os.environ["NAPARI_DECONV_DATA"] = tempfile.mkdtemp()
    _, panel = viewer.window.add_plugin_dock_widget("napari-deconv", "Train")
    wait(lambda: panel.network.kinds, 300)
    panel.psf.choice.choose("disk", {"radius_px": 4.0})
    wait(lambda: panel.psf.prepared is not None, 300)
    ticker = Ticker()
    ticker.start()
    QTest.qWait(2000)
    idle = ticker.stop()
    panel.run()
    wait(lambda: panel.sitting.scores or not panel.run_bar.running, 300)
    ticker.start()
    QTest.qWait(round(1000 * seconds))
    running, steps = ticker.stop(), len(panel.sitting.losses)
    panel.run_bar.button.click()
    load = os.getloadavg()[0]
    viewer.close()
    return {"idle": idle, "training": running, "steps": steps, "load_average": load}


def finished(panel: object, ticker: Ticker) -> dict[str, float]:
    """Two iterations from Run to the result on screen."""
    from qtpy.QtTest import QTest

    panel.method.choose("richardson-lucy", {"iterations": 2})  # type: ignore[attr-defined]
    QTest.qWait(500)
    ticker.start()
    panel.run()  # type: ignore[attr-defined]
    wait(lambda: not panel.run_bar.running)  # type: ignore[attr-defined]
    QTest.qWait(1000)
    return ticker.stop()


def cancelled(panel: object) -> dict[str, float]:
    """Press Cancel; seconds until Run is back and until the worker is gone."""
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    began = time.perf_counter()
    QTest.mouseClick(panel.run_bar.button, Qt.MouseButton.LeftButton)  # type: ignore[attr-defined]
    wait(lambda: panel.run_bar.button.text() == "Run")  # type: ignore[attr-defined]
    back = time.perf_counter() - began
    wait(lambda: not any(t.name == "napari-deconv" for t in threading.enumerate()))
    return {
        "cancel_to_run_s": round(back, 3),
        "cancel_to_worker_gone_s": round(time.perf_counter() - began, 3),
    }


def wait(ready: object, seconds: float = 60.0) -> None:
    """Let the window work until something is ready."""
    from qtpy.QtTest import QTest

    until = time.perf_counter() + seconds
    while not ready():  # type: ignore[operator]
        if time.perf_counter() > until:
            raise TimeoutError
        QTest.qWait(5)


if __name__ == "__main__":
    main()
