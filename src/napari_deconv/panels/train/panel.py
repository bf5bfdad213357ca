"""The Train panel: a network for the person's own PSF, camera and images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from napari.viewer import Viewer
from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ..kit.inputs import Combo, Fold, Number
from ..kit.job import Job, steps_of
from ..kit.layer_combo import LayerCombo
from ..kit.layers import is_ours, pixels
from ..kit.misfit import Misfit
from ..kit.parts import Delay, Notice, Panel, heading, read_out, reveal, rows
from ..kit.run_bar import RunBar
from ..kit.settings import current
from ..kit.sharp_row import SharpRow
from ..psf.source import PsfSource
from .live import LiveTraining
from .order import SOURCES, StackOrder, TrainingOrder, is_stack, sharp_images
from .parts import CameraFields, NetworkChoice
from .sitting import Sitting
from .weights import WeightsBox

if TYPE_CHECKING:
    from ...train.library import Entry
    from ...train.project import Project

_FIRST = "unrolled"
"""Shipped weights that fine-tuning begins with are ahead of what minutes make of any other."""
_NOTHING = "Nothing better than the start was learned, so no weights were kept."
_LONGER = "Train longer, or with images that are more like yours."
_HARDLY_DB = 0.05
"""What a picture does not show."""
_SHOW_MS = 400
_AWAIT_MS = 300


class TrainPanel(Panel):
    """Train or fine-tune a network; its weights go into the person's library.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it is docked in.
    """

    def __init__(self, napari_viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = napari_viewer
        self._seen: Any = None  # the stack that the PSF is for
        self.sitting: Sitting | None = None
        self.entry: Any = None
        self._cancelled = False
        self.offer = Notice()
        self.network = NetworkChoice()
        self.misfit = Misfit(self.network, ("unrolled-3d", "unrolled"), greys=False)
        self._loaded = False
        self.psf = PsfSource(napari_viewer, adopt=is_ours)
        self.camera = CameraFields(napari_viewer)
        self.stack = LayerCombo(napari_viewer, is_stack, empty="No stack is open")
        self.on_planes, self.on_stacks = QWidget(), QWidget()
        self.source = Combo()
        self.folder = SharpRow("choose a folder")
        self.minutes = Number(0, 10_000)
        self.name = QLineEdit()
        self.weights = WeightsBox()
        self.live = LiveTraining()
        self.pause, self.finish = QPushButton("Pause"), QPushButton("Finish early")
        self.run_bar = RunBar("Train", "Train")
        self._loader = Job(self)
        self._show = Delay(self, _SHOW_MS, self._refresh)
        self._await = Delay(self, _AWAIT_MS, self._on_over)
        self._top = Delay(self, 50, lambda: reveal(self.live))
        self._build()
        self._connect()
        self._load()

    def order(self) -> TrainingOrder | StackOrder:
        """What the panel is set to; a `DeconvError` if a field does not fit."""
        if self.network.form is None:
            raise DeconvError("The networks are still being loaded.", "Wait a moment.")
        if self._for_stacks:
            return self._stack_order()
        images = sharp_images(str(self.source.currentData()), self._viewer, self.folder.path)
        return TrainingOrder(
            self.network.spec(),
            self.psf.preparing(),
            self.camera.form.spec(),
            str(self.network.start.currentData() or ""),
            images,
            self.name.text().strip(),
            float(self.minutes.value()),
        )

    def _stack_order(self) -> StackOrder:
        layer, facts = self.stack.layer, self.psf.image
        if layer is None or facts is None:
            raise DeconvError(
                "No stack is open whose noise, background and brightness could be taken.",
                "Open one of this microscope, as it was recorded.",
            )
        return StackOrder(
            self.network.spec(),
            self.psf.preparing(),
            str(self.network.start.currentData() or ""),
            pixels(layer),
            layer.name,
            facts.sizes(3) or (1.0, 1.0, 1.0),
            self.name.text().strip(),
            float(self.minutes.value()),
        )

    @property
    def _for_stacks(self) -> bool:
        """Whether the network is one for stacks."""
        return self.network.kind is not None and 2 not in self.network.kind.ndim

    def run(self) -> None:
        """Train what the panel is set to."""
        try:
            order = self.order()
        except DeconvError as error:
            self.run_bar.fail(error)
            return
        self._begin(Sitting(order.make, current()))

    def resume(self, project: Project) -> None:
        """Go on with a training that was broken off."""
        self._begin(Sitting(lambda: project, current()))

    def _begin(self, sitting: Sitting) -> None:
        self.sitting, self.entry, self._cancelled = sitting, None, False
        self.offer.say("")
        self.live.clear()
        self.pause.setText("Pause")
        for button in (self.pause, self.finish):
            button.show()
            button.setEnabled(True)
        self.run_bar.start(sitting.run)
        self._show.start()

    def _build(self) -> None:
        images, budget, stack = rows(), rows(), rows()
        for key, text in SOURCES.items():
            self.source.addItem(text, key)
        images.addRow("Images", self.source)
        stack.addRow("Stack", self.stack)
        note = read_out(
            "Noise, background and brightness are taken from it. What is trained on are generated "
            "stacks, as this microscope and camera would record them."
        )
        for whole, parts in (
            (self.on_planes, (heading("Camera"), self.camera, heading("Sharp images"), images,
                              self.folder)),
            (self.on_stacks, (heading("A stack of your microscope"), stack, note)),
        ):  # fmt: skip
            inside = QVBoxLayout(whole)
            inside.setContentsMargins(0, 0, 0, 0)
            for piece in parts:
                inside.addWidget(piece) if isinstance(piece, QWidget) else inside.addLayout(piece)
        budget.addRow("Minutes", self.minutes)
        budget.addRow("Name", self.name)
        self.name.setPlaceholderText("made up from network and PSF")
        self.minutes.setValue(5)
        for part in (
            self.live, heading("Network"), self.network, heading("Blur"), self.psf, self.misfit,
            self.on_planes, self.on_stacks, budget,
            Fold("Your weights", self.weights),
        ):  # fmt: skip
            self.body.addWidget(part) if isinstance(part, QWidget) else self.body.addLayout(part)
        self.body.addStretch(1)
        buttons = QHBoxLayout()
        for button in (self.pause, self.finish):
            buttons.addWidget(button)
            button.hide()
        self.finish.setToolTip("Stop now, as if the time were up, and keep the best.")
        self.footer.addWidget(self.offer)
        self.footer.addLayout(buttons)
        self.footer.addWidget(self.run_bar)
        self.folder.hide()
        self.on_stacks.hide()

    def _connect(self) -> None:
        self.source.currentIndexChanged.connect(self._on_source)
        self.network.changed.connect(self._on_network)
        self.stack.picked.connect(self._on_network)
        self.psf.shown.connect(self._check)
        self.pause.clicked.connect(self._on_pause)
        self.finish.clicked.connect(self._on_finish)
        self.weights.use.connect(self.use)
        self.offer.button.clicked.connect(self._take_offer)
        self.run_bar.message.button.clicked.connect(self._use_new)
        self.run_bar.pressed.connect(self.run)
        self.run_bar.done.connect(self._on_done)
        self.run_bar.job.on_cancel = self._on_cancel
        self.run_bar.ended.connect(self._on_ended)
        # A method of its own would not be called any more when the panel is destroyed.
        self.on_close(lambda: self._go_away())

    def _load(self) -> None:
        """Fill the lists; importing torch takes seconds and must not hold the window."""
        self.run_bar.set_ready(False)
        self._loader.on_result, self._loader.on_error = self._on_loaded, self.run_bar.fail
        self._loader.start(steps_of(_loaded))

    def _on_loaded(self, loaded: Any) -> None:
        kinds, broken_off = loaded
        one = [name for name, kind in kinds.items() if kind.one_psf]
        stacks = [name for name, kind in kinds.items() if 2 not in kind.ndim]
        groups = {
            "Built-in weights: minutes": sorted(set(kinds) - {*one, *stacks}),
            "For stacks": sorted(stacks),
            "Made for one PSF: hours": sorted(set(one) - set(stacks)),
        }
        self.network.fill(kinds, start=_FIRST, groups=groups)
        self.network.refresh()
        self.weights.refresh()
        self._loaded = True
        self._check()
        if broken_off:
            self._offer(broken_off[0])

    def _offer(self, project: Project) -> None:
        steps = project.recipe.steps
        self.offer.say(
            f"The training of “{project.name}” was broken off after {project.spent:.1f} of "
            f"{project.minutes:g} minutes; {steps} steps are planned.", "info", "Go on with it"
        )  # fmt: skip
        self._offered = project

    def _take_offer(self) -> None:
        self.resume(self._offered)

    def _on_network(self) -> None:
        self.on_planes.setVisible(not self._for_stacks)
        self.on_stacks.setVisible(self._for_stacks)
        layer = self.stack.layer if self._for_stacks else None
        if layer is not self._seen:
            self._seen = layer
            self.psf.set_image(layer)
        self._check()

    def _check(self) -> None:
        """Say before a training that a network does not work with the PSF."""
        prepared = self.psf.prepared
        fits = self.misfit.look(None if prepared is None else int(prepared.array.ndim))
        self.run_bar.set_ready(self._loaded and fits)

    def _on_source(self) -> None:
        self.folder.setVisible(self.source.currentData() == "folder")
        self.network.set_images(str(self.source.currentData()))

    def _on_pause(self) -> None:
        sitting = self.sitting
        if sitting is None:
            return
        paused = not sitting.paused.is_set()
        (sitting.paused.set if paused else sitting.paused.clear)()
        self.pause.setText("Go on" if paused else "Pause")

    def _on_finish(self) -> None:
        if self.sitting is not None:
            self.sitting.stop.set()
            for button in (self.pause, self.finish):
                button.setEnabled(False)

    def _refresh(self) -> None:
        hidden = self.live.isHidden()
        if self.sitting is not None:
            self.live.show_sitting(self.sitting)
        if hidden and not self.live.isHidden():
            self._top.start()
        if self.run_bar.running:
            self._show.start()

    def _on_done(self, entry: Entry | None) -> None:
        if entry is None:
            self.run_bar.message.say(f"Done. {_NOTHING} {_LONGER}", "warning")
            return
        self.entry = entry
        text, kind = _gain(self.sitting)
        self.run_bar.message.say(
            f"Done: “{entry.name}” is among your weights{text}", kind, "Use it"
        )

    def _use_new(self) -> None:
        if self.entry is not None:
            self.use(self.entry.name)

    def use(self, name: str) -> None:
        """Open the network's own panel on these weights."""
        from .use import use_weights

        try:
            use_weights(self._viewer, name, self.psf)
        except DeconvError as error:
            self.run_bar.fail(error)

    def _on_cancel(self) -> None:
        self._cancelled = True
        self.run_bar.message.say("Cancelled.")

    def _on_ended(self) -> None:
        for button in (self.pause, self.finish):
            button.hide()
        self._refresh()
        self._on_over()

    def _on_over(self) -> None:
        """List what a cancelled training left, which its worker puts away a moment later."""
        if self.sitting is not None and self.sitting.busy.is_set():
            self._await.start()
            return
        if self._cancelled and self.sitting is not None:
            self._cancelled = False
            kept = getattr(self.sitting.project, "kept", None)
            words = _NOTHING if kept is None else f"The best so far is kept: “{kept.name}”."
            self.run_bar.message.say(f"Cancelled. {words}")
        self.weights.refresh(self.entry.name if self.entry is not None else "")
        self.network.refresh()

    def _go_away(self) -> None:
        if self.sitting is not None:
            self.sitting.go_away()
        self.run_bar.job.stop()


def _gain(sitting: Sitting | None) -> tuple[str, str]:
    """Describe the gain, whether it is worth it, and the kind of message."""
    if sitting is None or not sitting.scores:
        return ".", "info"
    before, now, without = sitting.reached
    text = f", {before:.2f} dB before and {now:.2f} dB now on test images"
    if now < without:  # false of NaN
        return (
            f"{text}. That is less than the {without:.2f} dB that Hyper-Laplacian reaches without "
            "a training: take that, train longer, or fine-tune a network that begins with built-in "
            "weights.", "warning",
        )  # fmt: skip
    if now - before < _HARDLY_DB:
        return (
            f"{text}. That is hardly a gain: train longer, or with images that are more like "
            "yours.", "info",
        )  # fmt: skip
    baseline = f"; Hyper-Laplacian has {without:.2f} dB" if without == without else ""
    return f"{text}{baseline}.", "info"


def _loaded() -> tuple[Mapping[str, Any], list[Any]]:
    from ...train.personal import trainable
    from ...train.project import unfinished

    return trainable(), unfinished()
