"""The optics of an image: what its file says, presets, and where each value comes from."""

from __future__ import annotations

from collections.abc import Callable

from napari.layers import Image
from napari.viewer import Viewer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ...core.errors import DeconvError
from ...io.optics import Optics
from ...psf.metadata import ChannelPSF, Fact, kind_of
from ...psf.microscope import Microscope
from ...psf.preset import OpticsPreset
from ..kit.form import Choice
from ..kit.inputs import Fold
from ..kit.layers import follow
from ..kit.parts import Notice
from ..kit.stated import stated
from .fact_table import FactTable
from .layer import image_facts
from .layer_optics import alike, channel_in_view, channel_of, facts_held, optics_of, stated_psf
from .preset_row import PresetRow, offered


class OpticsBox(QWidget):
    """Fills the microscope PSFs' fields once for each image and kind, and says from where.

    What a person types wins and stays. Presets stand with the choice of PSF.

    Parameters
    ----------
    choice : Choice
        The choice of PSF with its form.
    viewer : napari.Viewer
        The channel in view is the one that the fields are for.
    """

    def __init__(self, choice: Choice, viewer: Viewer) -> None:
        super().__init__()
        self._choice, self._viewer = choice, viewer
        self.follows: Callable[[], bool] = lambda: True
        """Whether the fields change with the channel in view."""
        self._layer: Image | None = None
        self._filled: set[str] = set()
        self._optics, self._whence, self.channel = Optics(), "", 0
        self.facts: tuple[Fact, ...] = ()
        """What the list shows."""
        self.presets = PresetRow()
        choice.top.addRow("Preset", self.presets)
        self.note, self.table = Notice(), FactTable()
        self.fold = Fold("Sources of the values", self.table)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.note)
        layout.addWidget(self.fold)
        choice.changed.connect(self._on_change)
        follow(self, viewer.dims.events.current_step, lambda _: self.look())
        self.presets.chosen.connect(self._on_preset)
        self.presets.save_asked.connect(self._save)
        self.presets.failed.connect(lambda text: self.note.say(text, "warning"))
        self.note.button.clicked.connect(self._take_offer)
        self._on_change()

    def set_image(self, layer: Image | None) -> None:
        """Read another image's metadata; what a person typed for the last is kept."""
        if layer is self._layer:
            return
        self._layer, self._filled = layer, set()
        self._optics, self._whence = optics_of(layer) if layer is not None else (Optics(), "")
        self.channel = channel_of(layer, self._optics) if layer is not None else 0
        self.presets.set_microscope(self._optics.microscope)
        self._on_change()
        self.look()

    def look(self) -> None:
        """Go over to the channel in view; what a person typed stays."""
        layer, form = self._layer, self._choice.form
        channel = channel_in_view(self._viewer, layer) if layer is not None else None
        if channel is None or channel == self.channel or not self.follows():
            return
        before, self.channel = self._stated(), channel
        now = self._stated()
        if before is not None and now is not None and form is not None:
            held, old = form.values(), {fact.field: fact.value for fact in before.facts}
            untouched = [f for f in now.facts if alike(held.get(f.field), old.get(f.field))]
            form.set_values({f.field: f.value for f in untouched})
        self._show(now)

    def refresh(self) -> None:
        """Take over that the voxel size may have changed."""
        self._show(self._stated())

    @property
    def text(self) -> str:
        """The text above the list."""
        return self.note.text

    @property
    def kind(self) -> str:
        """The file's microscope, or the usual one, where it states the aperture; else empty."""
        fact = kind_of(self._optics, self.channel)
        return str(fact.value) if self._optics.numerical_aperture else ""

    @property
    def _several(self) -> bool:
        """Whether the optics of several channels are stated."""
        per_channel = (self._optics.names, self._optics.emission_nm)
        return self._layer is not None and max(map(len, per_channel)) > 1

    @property
    def by_channel(self) -> bool:
        """Whether the fields are those of one channel of several."""
        kind = self._choice.kind
        return self._several and kind is not None and issubclass(kind, Microscope)

    @property
    def _states_something(self) -> bool:
        return bool(self._optics.fields() or self._optics.names)

    def _stated(self) -> ChannelPSF | None:
        """The PSF that the file and usual values give; None where it is not a microscope's."""
        kind, optics = self._choice.kind, self._optics
        if kind is None or not issubclass(kind, Microscope):
            return None
        try:
            return stated_psf(optics, self.channel, kind.name, preset=self.presets.preset)
        except DeconvError:  # a preset that does not go with this kind
            return stated_psf(optics, self.channel, kind.name)

    def _on_change(self) -> None:
        kind, form = self._choice.kind, self._choice.form
        for part in (self.presets, self._choice.top.labelForField(self.presets)):
            part.setVisible(offered(kind))
        psf = self._stated()
        if psf is not None and form is not None and kind is not None:
            worth = self._states_something or self.presets.preset is not None
            if worth and kind.name not in self._filled:
                self._filled.add(kind.name)
                form.set_values({f.field: f.value for f in psf.facts if f.field in form.widgets})
        self._show(psf)

    def _show(self, psf: ChannelPSF | None) -> None:
        self.fold.setVisible(psf is not None)
        self.note.say("")
        self.facts = ()
        form = self._choice.form
        if psf is None or form is None:
            return
        held = facts_held(psf, form.kind, form.values())
        facts = self.facts = (self._kind(psf.facts[0]), *held, *self._sizes())
        self.table.show_facts(facts)
        fit = self._offer
        words = list(psf.notes)
        if self._states_something:
            which = f", channel {self.channel}" * self._several
            assumed = ", ".join(fact.text for fact in facts if fact.assumed)
            assumed = assumed and f"; assumed: {assumed}"
            words.insert(0, f"From {self._whence}{which}{assumed}. Change what is wrong.")
        if fit is not None:
            words.append(f"The preset “{fit.name}” is for this microscope.")
        self.note.say(" ".join(words), "warning" if psf.notes else "info", "Use it" if fit else "")

    @property
    def _offer(self) -> OpticsPreset | None:
        """The preset for the image's microscope, unless one is chosen."""
        fit = self.presets.fitting
        return fit if self.presets.preset is None else None

    def _kind(self, chosen: Fact) -> Fact:
        """Who says which microscope it is."""
        by_file = kind_of(self._optics, self.channel)
        return by_file if by_file.value == chosen.value else chosen.but(chosen.value, "chosen")

    def _sizes(self) -> list[Fact]:
        """The voxel size and who states it."""
        image = image_facts(self._layer)
        if self._layer is None or image is None or not {"Y", "X"} <= set(image.microns):
            return []
        header, own = stated(self._layer), image.microns
        by_file = header is not None and all(
            alike(header.pixel_size.get(axis), size) for axis, size in own.items()
        )
        source = self._optics.sources.get("pixel_size", "the file") if by_file else "the layer"
        across = own["X"] if alike(own["X"], own["Y"]) else f"{own['X']:.4g} x {own['Y']:.4g}"
        facts = [Fact("pixel_size", across, "µm", source)]
        return facts + ([Fact("z_step", own["Z"], "µm", source)] if "Z" in own else [])

    def _on_preset(self, preset: OpticsPreset | None) -> None:
        self._filled.discard(self._choice.name)
        if preset is not None and preset.kind not in ("auto", self._choice.name):
            self._filled.discard(preset.kind)
            if self._choice.choose(preset.kind):
                return  # which fills the form
        self._on_change()

    def _take_offer(self) -> None:
        if (fit := self._offer) is not None:
            self.presets.choose(fit)

    def _save(self) -> None:
        form = self._choice.form
        if form is not None:
            self.presets.save(form.kind.name, form.values())
