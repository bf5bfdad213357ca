from __future__ import annotations

from typing import Annotated, Literal

import pytest
from annotated_types import Interval
from qtpy.QtWidgets import QLabel

from napari_deconv.core.errors import DeconvError
from napari_deconv.core.fields import Shown, Zero
from napari_deconv.core.spec import Spec
from napari_deconv.panels.kit.form import Choice, Form, MethodChoice
from napari_deconv.panels.kit.inputs import Whole, guard_fields
from napari_deconv.restoration.base import methods


class Toy(Spec):
    pass


class Everything(Toy, title="Everything"):
    """All kinds of fields.

    Parameters
    ----------
    sigma_px : float or tuple of float
        One number, or one per axis.
    weight : float
        Strength of the prior.
    bits : int
        Bit depth.
    """

    sigma_px: (
        Annotated[float, Interval(gt=0, le=50)]
        | Annotated[tuple[Annotated[float, Interval(gt=0)], ...], Interval()]
    ) = 2.0
    angle_deg: Annotated[float, Interval(ge=-180, le=180)] = 0.0
    iterations: Annotated[int, Interval(ge=1, le=500)] = 30
    weight: Annotated[float, Interval(ge=0, le=1), Shown("Strength"), Zero("auto")] = 0.0
    bits: Annotated[int, Interval(ge=0, le=16), Zero("off")] = 0
    nsr: float = 0.0
    file: Annotated[str, Zero("shipped")] = ""
    mode: Literal["fast", "slow"] = "fast"
    robust: bool = True


class Other(Toy, title="Other"):
    level: float = 1.5


def test_untouched_form_gives_the_defaults(qtbot):
    form = Form(Everything)
    qtbot.addWidget(form)
    assert form.spec() == Everything()


def test_form_round_trips_every_kind_of_field(qtbot):
    spec = Everything(
        sigma_px=(3.0, 1.5, 1.5), angle_deg=-33.3, iterations=7, weight=1.5e-4, bits=8, mode="slow",
        robust=False,
    )  # fmt: skip
    form = Form(Everything, spec.to_dict())
    qtbot.addWidget(form)
    assert form.spec() == spec
    fresh = Form(Everything)
    qtbot.addWidget(fresh)
    fresh.set_values(spec.to_dict())
    assert fresh.spec() == spec


def test_bad_text_is_an_error_in_words(qtbot):
    form = Form(Everything)
    qtbot.addWidget(form)
    form.widgets["sigma_px"].value = "wide"
    with pytest.raises(DeconvError, match="Everything: sigma_px = 'wide'"):
        form.spec()


def test_labels_tooltips_and_what_zero_means(qtbot):
    form = Form(Everything)
    qtbot.addWidget(form)
    labels = [box.text() for box in form.findChildren(QLabel)]
    assert {"Sigma (px)", "Angle (°)", "Strength", "NSR"} <= set(labels)
    assert form.widgets["weight"].native.toolTip().startswith("Strength")
    assert form.widgets["weight"].native.text() == "auto"
    assert form.widgets["file"].native.placeholderText() == "shipped"
    bits = form.widgets["bits"]
    assert bits.native.text() == "off"
    qtbot.keyClicks(bits.native, "8")
    assert form.spec().bits == 8


def test_choice_rebuilds_the_form_and_remembers_values(qtbot):
    choice = Choice("Kind")
    qtbot.addWidget(choice)
    choice.fill(Toy.registry, {"file": "From a file"}, start="other")
    choice.form.widgets["level"].value = 4.25
    choice.choose("file")
    assert choice.form is None
    with pytest.raises(DeconvError):
        choice.spec()
    choice.choose("everything")
    assert choice.spec() == Everything()
    choice.choose("other")
    assert choice.spec() == Other(level=4.25)


def test_a_recommendation_that_comes_late_leaves_what_was_typed(qtbot):
    choice = MethodChoice("richardson-lucy")
    qtbot.addWidget(choice)
    qtbot.waitUntil(choice.isEnabled, timeout=30_000)
    best = methods()["richardson-lucy"]
    choice.form.set_values({"iterations": 7})  # as the strength does
    choice.recommend(best(), "for its own sake", {})
    assert choice.form.values()["iterations"] == 0
    choice.form.widgets["iterations"].value = 15
    choice.recommend(best(), "for its own sake", {})
    assert choice.form.values()["iterations"] == 15


def test_what_is_folded_away_stays_so_when_a_method_is_chosen_again(qtbot):
    choice = Choice("Method")
    qtbot.addWidget(choice)
    choice.fill({name: methods()[name] for name in ("richardson-lucy", "wiener")})
    for name in ("richardson-lucy", "wiener", "richardson-lucy"):
        choice.choose(name)
    (fold,) = choice.form.asides.values()
    assert not fold.button.isChecked(), "all is as usual"
    choice.form.widgets["read_noise_photons"].value = 3
    choice.choose("wiener")
    choice.choose("richardson-lucy")
    (fold,) = choice.form.asides.values()
    assert fold.button.isChecked(), "what is not usual stays in sight"


@pytest.mark.parametrize("key", ["angle_deg", "weight", "percent"])
@pytest.mark.parametrize("typed", ["0.5", "0,5"])
def test_a_number_is_typed_with_point_or_comma_whatever_the_locale(qtbot, key, typed):
    from qtpy.QtCore import QLocale, Qt
    from qtpy.QtWidgets import QDoubleSpinBox, QLineEdit

    usual = QLocale()
    QLocale.setDefault(QLocale("de_DE"))
    try:
        form = Form(Everything)
        qtbot.addWidget(form)
        field = form.widgets["angle_deg" if key == "percent" else key].native
        edit = field.findChildren(QLineEdit)[0]
        if key == "percent":  # keys reach a spin box before its line
            edit.clear()
            qtbot.keyClicks(field.findChildren(QDoubleSpinBox)[0], typed)
        else:
            edit.selectAll()
            qtbot.keyClicks(edit, typed)
        qtbot.keyClick(edit, Qt.Key.Key_Return)
        assert form.values()["angle_deg" if key == "percent" else key] == 0.5
    finally:
        QLocale.setDefault(usual)


def test_whole_numbers_have_no_separators_in_any_locale(qtbot):
    from qtpy.QtCore import QLocale
    from qtpy.QtWidgets import QAbstractSpinBox

    usual = QLocale()
    QLocale.setDefault(QLocale("de_DE"))
    try:
        form = Form(Everything)
        qtbot.addWidget(form)
        boxes = form.findChildren(QAbstractSpinBox)
        assert boxes and all(box.locale() == QLocale.c() for box in boxes)
    finally:
        QLocale.setDefault(usual)


@pytest.mark.parametrize("locale", ["C", "de_DE"])
@pytest.mark.parametrize("typed", ["2.5", "2,5"])
@pytest.mark.parametrize("where", ["field", "line", "paste"])
def test_a_fraction_in_a_whole_number_is_refused(qtbot, locale, typed, where):
    from qtpy.QtCore import QLocale, Qt
    from qtpy.QtWidgets import QSpinBox, QWidget
    from superqt import QLargeIntSpinBox

    usual = QLocale()
    QLocale.setDefault(QLocale(locale))
    try:
        parent = QWidget()
        qtbot.addWidget(parent)
        boxes = QSpinBox(parent), QLargeIntSpinBox(parent), Whole(9999, "off", parent)
        for box in boxes:
            box.setRange(0, 9999)
            box.setValue(7)
        guard_fields(parent)
        guard_fields(parent)
        for box in boxes:
            edit = box.lineEdit()
            edit.selectAll()
            if where == "paste":
                edit.insert(typed)
            else:
                qtbot.keyClicks(box if where == "field" else edit, typed)
            qtbot.keyClick(box, Qt.Key.Key_Return)
            assert box.value() == (7 if where == "paste" else 2)
            edit.selectAll()
            qtbot.keyClick(box, Qt.Key.Key_Backspace)
            qtbot.keyClicks(box, "31")
            assert box.value() == 31, "what comes after is typed as ever"
    finally:
        QLocale.setDefault(usual)
