"""A long message scrolls; a short one takes its own height."""

from __future__ import annotations

from napari_deconv.panels.kit.bounded import Bounded
from napari_deconv.panels.kit.run_bar import RunBar


def test_a_long_message_scrolls_and_a_short_one_is_seen_whole(qtbot):
    bar = RunBar("Run", "Deconvolve")
    qtbot.addWidget(bar)
    bar.resize(260, 400)
    bar.show()
    area = bar.message.findChild(Bounded)
    bar.message.say("Done in 1.2 s. Nothing else is to be said of it.")
    qtbot.waitExposed(bar)
    assert 20 < bar.message.heightForWidth(244) < 80
    assert area.verticalScrollBar().maximum() == 0
    bar.message.say("A network can invent structure. " * 60, "warning")
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 100)
    assert 100 < bar.message.heightForWidth(244) < 150
