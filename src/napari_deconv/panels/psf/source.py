"""Where a PSF comes from: a generator and its fields, a layer or a file; looked over and shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Layer
from napari.viewer import Viewer
from npe2 import PluginManager
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ...psf import PSF, ImageFacts, PreparedPsf, PsfRequest
from ...psf.image_facts import Uncalibrated
from ...psf.microscope import Microscope
from ..kit.form import Choice
from ..kit.inputs import Combo, FileRow, guard_fields
from ..kit.job import Job, steps_of
from ..kit.layer_combo import LayerCombo
from ..kit.layers import (
    SizeWatch,
    axes_of,
    find,
    follow,
    image_of_psf,
    is_from_psf_panel,
    is_psf,
    planes,
    record,
)
from ..kit.parts import Delay, Notice, read_out, rows
from .calibrate import Calibration
from .image import FromImage
from .layer import image_facts, is_preset, psf_in, rendered, typed_size
from .line import LineTool
from .optics_box import OpticsBox
from .picture import Picture

if TYPE_CHECKING:
    from ...psf.motion import Motion

_EXTRAS = {"layer": "From a layer", "file": "From a file"}
_QUESTION = {
    "image": "Find it in the image",
    "unknown": "Not chosen yet",
    "layer": "A PSF layer",
    "file": "A PSF file",
    "beads": "Measure it on beads",
}
"""What can be answered besides the generators."""
_OPEN = {
    "image": ("The blur is not found yet.", "Press Run."),
    "unknown": (
        "How the image was blurred is not chosen.",
        "Choose it under “How was it blurred?”: the microscope, or what is known of the blur.",
    ),
    "beads": (
        "The PSF is not measured yet.",
        "Open the bead panel, and make its PSF layer.",
    ),
}
"""Answers that are no PSF yet."""
_CHOOSE = "Choose above: the microscope, or what is known of the blur."
_PRESET = "So far these are presets, neither found nor measured: set your own."
_OPTICS = ("numerical_aperture", "emission_nm")
_NOTICE_PX = 96
"""Where the PSF is one question of several, what is found of it must not push the others out of
sight."""
ESTIMATED = "found"
"""What a PSF layer says it was made by that was found on the way to a result."""


class PsfSource(QWidget):
    """Choice of a PSF with a live picture, its width, and what the preflight finds.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers can serve as PSF.
    preset : str
        Name of the generator to begin with.
    adopt : callable, optional
        Says which PSF layers to go over to when they are open or get made.
    optional : bool
        Whether "No blur" is a choice.
    apart : bool
        Whether the image itself is refused as its own PSF.
    page : FromImage, optional
        Where given, the PSF can be estimated from the image.
    question : bool
        Whether it asks how the image was blurred, without taking anything for known: answers in
        groups, from finding it in the image to beads. It needs the page. A preset is an answer.
    """

    changed = Signal()
    """What is asked for changed."""
    shown = Signal()
    """It was made, or could not be."""

    def __init__(
        self,
        viewer: Viewer,
        preset: str = "",
        adopt: Callable[[Any], bool] | None = None,
        optional: bool = False,
        apart: bool = False,
        page: FromImage | None = None,
        question: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._question = viewer, question
        self._by_file = ""
        self._image: Image | None = None
        self.estimated: Image | None = None
        """The layer with what was estimated from the image."""
        self._apart, self._mend, self.page = apart, False, page
        self._optional = optional
        self._start = preset or ("image" if question else "disk")
        self.prepared: PreparedPsf | None = None
        self.choice = Choice("" if question else "PSF")
        self.beads = QPushButton("Open the bead panel")
        self.layers = LayerCombo(viewer, is_psf, empty="No PSF layer is open", hidden=True)
        self.file = FileRow(
            "Open a PSF", "TIFF, NPY or PNG", "PSF (*.tif *.tiff *.npy *.png);;All files (*)"
        )
        self.dims = Combo()
        self.dims.addItems(["2-D (plane)", "3-D (volume)"])
        self.extent = QLineEdit()
        self.extent.setPlaceholderText("automatic")
        self.extent.setToolTip(
            "Pixels that the PSF is drawn on: empty for automatic, 31, or 21, 31, 31."
        )
        self.line = LineTool(viewer)
        self.picture = Picture()
        self.readout = read_out()
        self.notice = Notice(most_px=_NOTICE_PX if page is not None and page.brief else 0)
        self.calibration, self.optics = Calibration(viewer), OpticsBox(self.choice, viewer)
        self._sizes, self._own_sizes = SizeWatch(self, self._ask), SizeWatch(self, self._ask)
        self._job = Job(self)
        self._delay = Delay(self, 120, self._render)
        self._build()
        self._connect()
        self._own_sizes.watch(self.layers.layer)
        extras = _EXTRAS | ({"none": "No blur"} if optional else {})
        if question:
            self.choice.combo.setAccessibleName("How was it blurred?")
            self.choice.fill(PSF.registry, _QUESTION, start=self._start, groups=_answers())
        else:
            self.choice.fill(PSF.registry, extras, start=self._start)
        self._adoption = Adoption(self, viewer, adopt) if adopt is not None else None

    def set_image(self, layer: Image | None) -> None:
        """Tell which image the PSF is for: its pixel sizes, unit and dimensions."""
        other = layer is not self._image
        self._image = layer
        self._sizes.watch(layer)
        self.line.image = layer
        self.optics.set_image(layer)
        self.layers.apart_from = layer
        self.layers.refresh()
        if self._question and layer is not None and other:
            self._begin(layer)
        if self.page is not None:
            self.page.set_image(layer)
        if layer is not None:
            if self._adoption is not None:
                self._adoption.meet(layer)
            self.dims.setCurrentIndex(int(planes(layer) > 1 and not layer.rgb))
        self._ask()

    def _begin(self, layer: Image) -> None:
        """Answer with the microscope that the image's file names, if it names one.

        Else the question is left open for a stack: a blur found in a plane is none of a volume.
        """
        if self.choice.name in ("image", "unknown", self._by_file) and self._answered_by_default:
            stack = planes(layer) > 1 and not layer.rgb
            self._by_file = self.optics.kind
            self.choice.choose(self._by_file or ("unknown" if stack else "image"))

    def begin_anew(self) -> None:
        """Ask again: what was answered is gone."""
        self.choice.choose(self._start)
        self._answered_by_default = self._start == "image"
        if self._question and self._image is not None:
            self._begin(self._image)

    @property
    def presumed(self) -> bool:
        """Whether the PSF is a preset, which nobody typed, found or measured for this image."""
        prepared = self.prepared
        if prepared is None or self._optional:
            return False
        request = prepared.request
        layer = self.layers.layer if self.choice.name == "layer" else None
        known = "estimate" in request.history or record(layer).get("by") == "degrade"
        stated = any(not fact.assumed for fact in request.facts if fact.field in _OPTICS)
        spec = request.generator
        if known or stated or spec is None or not is_preset(spec):
            return False
        return bool(record(self._image).get("psf", {}).get("spec") != spec.to_dict())

    @property
    def needs_estimate(self) -> bool:
        """Whether the PSF is to be estimated from the image, and was not yet."""
        page = self.page
        return self.choice.name == "image" and page is not None and page.estimate is None

    @property
    def _estimate_is_open(self) -> bool:
        return self.estimated is not None and self.estimated in self._viewer.layers

    def take_estimate(self, layer: Image) -> None:
        """Go on with a layer that holds what the page found."""
        self.estimated = layer
        self._own_sizes.watch(layer)
        self.show_now()

    @property
    def title(self) -> str:
        """What is chosen, in a few words."""
        if self.choice.name == "layer" and self.layers.layer is not None:
            return str(self.layers.layer.name)
        of = f" of channel {self.optics.channel}" if self.optics.by_channel else ""
        return f"{self.choice.combo.currentText()}{of}"

    @property
    def none(self) -> bool:
        """Whether no blur is wanted."""
        return self.choice.name == "none"

    @property
    def image(self) -> ImageFacts | None:
        """What the PSF has to know of the image it is for."""
        return image_facts(self._image)

    def request(self) -> PsfRequest:
        """The PSF that the fields describe; a `DeconvError` if they do not fit."""
        if self.choice.name == "layer":
            layer = self.layers.layer
            if self._apart and layer is not None and layer is self._image:
                raise DeconvError(f"{layer.name!r} is the image itself.", "Choose its PSF.")
            request = psf_in(layer, self._image)
        elif self.choice.name == "file":
            if not self.file.path:
                raise DeconvError("No PSF file is chosen.", "Choose a TIFF, NPY or PNG file.")
            request = PsfRequest(file=self.file.path)
        elif self.choice.name in ("unknown", "beads") or (self._question and self.needs_estimate):
            raise DeconvError(*_OPEN[self.choice.name])
        elif self.choice.name == "image" and self._estimate_is_open:
            request = psf_in(self.estimated, self._image)
        elif self.choice.name == "image" and self.page is not None:
            request = self.page.request()
        else:
            spec: PSF = self.choice.spec()
            ndim = self.dims.currentIndex() + 2 if len(spec.ndim) > 1 else spec.ndim[0]
            request = rendered(spec, ndim, typed_size(self.extent.text(), ndim), self.image)
            request = replace(request, facts=self.optics.facts)
        return replace(request, repair=self._mend)

    def preparing(self) -> Callable[[], PreparedPsf]:
        """Return a function that makes the PSF in a worker; a `DeconvError` as `request`."""
        return partial(self.request().prepare, self.image)

    def show_now(self) -> None:
        """Make and show the PSF at once, without waiting for more changes."""
        self._delay.start(0)

    def restore(self, request: PsfRequest) -> None:
        """Set everything as an earlier request has it."""
        spec = request.generator
        if spec is not None:
            self.choice.choose(spec.name, {k: v for k, v in spec.to_dict().items() if k != "name"})
            self.dims.setCurrentIndex(len(request.pixel_size or (1, 1)) - 2)
            self.extent.setText(", ".join(map(str, request.size or ())))
        elif request.file:
            self.choice.choose("file")
            self.file.set_path(request.file)
        elif request.layer:
            self.choice.choose("layer")
            self.layers.pick(find(self._viewer, request.layer))
        else:
            raise DeconvError("The recipe does not say which PSF it used.", "Choose one here.")
        self._mend = request.repair

    def _build(self) -> None:
        self.details = QWidget()
        """Dimensions and size of the array; a panel may put them elsewhere."""
        form = rows()
        self.details.setLayout(form)
        form.addRow("Dimensions", self.dims)
        self._dims_label = form.labelForField(self.dims)
        form.addRow("Picture (px)", self.extent)
        self._opened = QWidget()
        opened = rows()
        self._opened.setLayout(opened)
        opened.addRow("PSF layer", self.layers)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (
            self.choice, self.optics, self._opened, self.file, self.beads,
            self.details, self.line,
            *([self.page] if self.page is not None else []), self.picture,
            self.readout, self.notice, self.calibration,
        ):  # fmt: skip
            layout.addWidget(part)
        guard_fields(self.dims)

    def _connect(self) -> None:
        self._answered_by_default = self._start == "image"
        self.choice.combo.activated.connect(self._on_answer)
        self.beads.clicked.connect(self._open_beads)
        self.choice.changed.connect(self._on_choice)
        self.layers.picked.connect(self._on_picked)
        self.file.changed.connect(self._ask)
        self.extent.textEdited.connect(self._ask)
        self.dims.currentIndexChanged.connect(self._ask)
        self.line.drawn.connect(self._on_line)
        if self.page is not None:
            self.page.changed.connect(self._ask)
        self.notice.button.clicked.connect(self._on_repair)
        self.calibration.remark.connect(lambda text: self.notice.say(text, "warning"))
        self._job.on_result, self._job.on_error = self._on_prepared, self._on_error

    def _on_choice(self) -> None:
        name, kind = self.choice.name, self.choice.kind
        self._opened.setVisible(name == "layer")
        self.file.setVisible(name == "file")
        self.details.setVisible(kind is not None)
        self.beads.setVisible(name == "beads")
        self.line.setVisible(name == "motion")
        if self.page is not None:
            self.page.setVisible(name == "image")
        both = kind is not None and len(kind.ndim) > 1
        for part in (self.dims, self._dims_label):
            part.setVisible(both)
        self._ask()

    def _on_answer(self, _: int) -> None:
        self._answered_by_default = False

    def _open_beads(self) -> None:
        if getattr(self._viewer, "window", None) is not None:
            commands = PluginManager.instance().commands
            commands.execute("napari-deconv.psf.beads", args=(self._viewer,))

    def _on_picked(self) -> None:
        self._own_sizes.watch(self.layers.layer)
        self._ask()

    def _on_line(self, motion: Motion) -> None:
        if self.choice.form is not None and self.choice.name == "motion":
            # A hand is no surer than this.
            drawn = {key: round(x, 1) for key, x in vars(motion).items() if isinstance(x, float)}
            self.choice.form.set_values(motion.to_dict() | drawn)

    def _on_repair(self) -> None:
        self._mend = True
        self._delay.start(0)
        self.changed.emit()

    def _ask(self, *_: object) -> None:
        self._mend, self.prepared = False, None
        self.optics.refresh()
        self._delay.start()
        self.changed.emit()

    def _render(self) -> None:
        self._delay.setInterval(120)
        self._job.stop()
        if (
            self.none
            or (self._question and self.needs_estimate)
            or self.choice.name in ("unknown", "beads")
        ):
            self._clear()
            self.readout.setText(_CHOOSE if self.choice.name == "unknown" else "")
            return self.shown.emit()
        try:
            self._job.start(steps_of(self.preparing()))
        except DeconvError as error:
            self._on_error(error)

    def _on_prepared(self, prepared: PreparedPsf) -> None:
        self.prepared = prepared
        self.calibration.offer(None)
        fatal = any(f.fatal for f in prepared.findings)
        self.picture.show_psf(None if fatal else prepared.array)
        self.readout.setText(self._words(prepared))
        lines = [f"{f.message} {f.remedy}" for f in prepared.findings]
        kind = "error" if fatal else "warning" if lines else "info"
        if prepared.mended:
            mended = ", ".join(finding.code.replace("-", " ") for finding in prepared.mended)
            lines.insert(0, f"Repaired: {mended}.")
        mendable = not fatal and any(f.repairable for f in prepared.findings)
        self.notice.say("\n".join(lines), kind, "Repair" if mendable else "")
        self.shown.emit()

    def _words(self, prepared: PreparedPsf) -> str:
        """Its widths, its picture, and what it means for a stack."""
        words = prepared.description
        if self.presumed:
            words += f"\n{_PRESET}"
        if prepared.request.history.get("colours"):
            words += "\nIt is in colour: their mean is taken."
        if not words or prepared.array.ndim == 3:
            return words and f"{words}\nShown: XY, ZY."
        stack = self._image is not None and "Z" in axes_of(self._image)
        return words + "\n2-D: each plane of the stack is taken by itself." * stack

    def _on_error(self, error: DeconvError) -> None:
        self._clear()
        self.notice.say(str(error), "warning")
        self.calibration.offer(self._image if isinstance(error, Uncalibrated) else None)
        self.shown.emit()

    def _clear(self) -> None:
        self.prepared = None
        self.calibration.offer(None)
        self.picture.show_psf(None)
        self.readout.setText("")
        self.notice.say("")


def _answers() -> dict[str, list[str]]:
    """Answers to how the image was blurred, by the heading that they stand under."""
    kinds = {"known": list[str](), "microscope": list[str]()}
    # A shake comes last: nobody knows one by its seed.
    order = sorted(
        PSF.registry.items(), key=lambda item: (item[0] == "camera-shake", item[1].title)
    )
    for name, kind in order:
        if all(field.default is not MISSING for field in kind.fields().values()):
            kinds["microscope" if issubclass(kind, Microscope) else "known"].append(name)
    return {
        "": ["image", "unknown"],
        "I know it": [*kinds["known"], "layer", "file"],
        "From the microscope": kinds["microscope"],
        "From beads": ["beads"],
    }


class Adoption:
    """Sets a `PsfSource` to PSF layers as they come.

    What a person set in the panel stays, unless the PSF comes along with its image.

    Parameters
    ----------
    source : PsfSource
        What to set.
    viewer : napari.Viewer
        Whose layers.
    takes : callable
        Says whether a layer is one to take over.
    """

    def __init__(self, source: PsfSource, viewer: Any, takes: Callable[[Layer], bool]) -> None:
        self._source, self._takes, self._settled = source, takes, False
        self._viewer = viewer
        self._taken: Layer | None = None
        follow(source, viewer.layers.events.inserted, self._on_layer)
        follow(source, viewer.layers.events.removed, self._on_removed)
        source.layers.activated.connect(self._on_hand)
        source.choice.combo.activated.connect(self._on_choice)
        source.choice.edited.connect(self._settle)
        source.file.changed.connect(self._settle)
        source.layers.activated.connect(self._settle)
        here = [source.layers.layer, *reversed(viewer.layers)]
        layer = next((x for x in here if x is not None and takes(x)), None)
        if layer is not None:
            self._take(layer)

    def meet(self, image: Layer) -> None:
        """Go over to the PSF that was made for an image, if the one chosen is another's.

        What was found in another image is not taken.
        """
        if self._source.choice.name != "layer":
            return
        if image_of_psf(self._source.layers.layer) in ("", image.name):
            return
        own = [x for x in self._viewer.layers if self._takes(x) and image_of_psf(x) == image.name]
        if own:
            self._take(own[-1])
        elif record(self._source.layers.layer).get("by") == ESTIMATED:
            self._source.begin_anew()

    def _take(self, layer: Layer) -> None:
        if self._source.layers.pick(layer):
            self._taken = layer
            self._source.choice.choose("layer")

    def _on_hand(self, _: int) -> None:
        self._taken = self._source.layers.layer

    def _on_removed(self, event: Any) -> None:
        """Go over to another PSF where the one that was taken is gone, or ask again."""
        if event.value is not self._taken or self._source.choice.name != "layer":
            return
        self._taken, self._settled = None, False
        others = [x for x in reversed(self._viewer.layers) if self._takes(x)]
        self._source.layers.refresh()
        if others:
            self._take(others[0])
        else:
            self._source.begin_anew()

    def _on_layer(self, event: Any) -> None:
        if record(event.value).get("by") == ESTIMATED:
            return
        if not self._takes(event.value) or (self._settled and is_from_psf_panel(event.value)):
            return
        self._source.layers.refresh()  # napari may tell the combo box later
        self._take(event.value)

    def _on_choice(self) -> None:
        # Whoever asks for a layer wants the one that is about to be made.
        self._settled = self._source.choice.name != "layer"

    def _settle(self, *_: Any) -> None:
        self._settled = True
