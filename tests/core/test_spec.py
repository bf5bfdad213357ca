"""`Spec`: registration, bounds, JSON, help."""

from __future__ import annotations

import dataclasses
import math
from typing import Annotated, Literal

import pytest
from annotated_types import Interval

from napari_deconv.core.errors import DeconvError
from napari_deconv.core.fields import Shown, Zero
from napari_deconv.core.spec import Spec, dumps

CHANGED = "sizes_mm=1,2,3,colour=green,count=2"


class Fruit(Spec):
    """Abstract: owns a registry."""

    seeds = 0


class Apple(Fruit, title="Golden Apple", seeds=5):
    """An apple,
    which keeps the doctor away.

    Parameters
    ----------
    weight_g : float
        Weight of the fruit,
        without its stalk.
    colour : str
        Outside.
    sizes_mm : float or tuple of float
        Along the axes.
    """

    weight_g: Annotated[float, Interval(gt=0, le=500), Shown("Mass (g)", unit="g")] = 100.0
    colour: Annotated[Literal["red", "green"], Shown(words=("R", "G"))] = "red"
    sizes_mm: float | tuple[float, ...] = 80.0
    ripe: bool = False
    count: Annotated[int, Interval(ge=0), Zero("auto")] = 0


def test_it_registers_by_name_and_title() -> None:
    assert Fruit.registry == {"golden-apple": Apple}
    assert Fruit.lookup("Golden Apple") is Apple
    assert Apple.seeds == 5


def test_it_is_frozen_hashable_and_round_trips() -> None:
    apple = Fruit.make("golden-apple", weight_g=7, sizes_mm=[70, 80])
    assert apple == Apple(weight_g=7.0, sizes_mm=(70.0, 80.0))
    assert hash(apple) == hash(Fruit.from_dict(apple.to_dict()))
    assert dumps(apple.to_dict()) == dumps(Fruit.from_dict(apple.to_dict()).to_dict())
    with pytest.raises(dataclasses.FrozenInstanceError):
        apple.weight_g = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"weight_g": 0}, r"weight_g = 0\.0 is out of bounds.*> 0"),
        ({"weight_g": 501}, "<= 500"),
        ({"weight_g": math.nan}, "not a finite number"),
        ({"weight_g": 10**400}, "not a finite number"),
        ({"weight_g": "heavy"}, "'heavy' is not of type float"),
        ({"weight_g": True}, "True is not of type float"),
        ({"colour": "blue"}, "'blue' is not a choice.*'green'"),
        ({"sizes_mm": (1, math.inf)}, "not a finite number"),
    ],
)
def test_bad_values_are_named_with_the_remedy(fields: dict[str, object], words: str) -> None:
    with pytest.raises(DeconvError, match=words):
        Fruit.make("golden-apple", **fields)


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(DeconvError, match="Did you mean 'golden-apple'"):
        Fruit.make("golden-aple")
    with pytest.raises(DeconvError, match="Did you mean 'weight_g'"):
        Fruit.make("golden-apple", weight=3)
    with pytest.raises(DeconvError, match="field of Golden Apple 'name'"):
        Fruit.make("golden-apple", name="pear")
    with pytest.raises(DeconvError, match="Did you mean 'weight_g'"):
        Fruit.from_dict({"name": "golden-apple", "weight": 3})


def test_a_duplicate_title_and_a_child_of_a_final_class_are_errors() -> None:
    with pytest.raises(TypeError, match="taken already"):

        class _Again(Fruit, title="Golden Apple"):
            pass

    with pytest.raises(TypeError, match="final"):

        class _Child(Apple, title="Child"):
            pass

    with pytest.raises(TypeError, match="no class variable 'stones'"):

        class _Stone(Fruit, title="Stone", stones=1):
            pass


def test_fields_say_what_annotations_and_help_say() -> None:
    weight, colour, sizes, ripe, count = Apple.fields().values()
    assert weight.text == "Weight of the fruit, without its stalk."
    assert (weight.kind, weight.low, weight.high, weight.limits) == ("number", 0, 500, "> 0, ≤ 500")
    assert (weight.title, weight.unit, weight.default) == ("Mass (g)", "g", 100)
    assert (colour.kind, colour.choices, colour.words) == ("choice", ("red", "green"), ("R", "G"))
    assert (colour.low, colour.text, colour.numeric) == (None, "Outside.", False)
    assert (sizes.kind, sizes.title, sizes.numeric) == ("list", "Sizes (mm)", True)
    assert (ripe.kind, ripe.numeric, ripe.text) == ("switch", False, "")
    assert (count.kind, count.whole, count.zero) == ("whole", True, "auto")
    assert Apple.summary() == "An apple, which keeps the doctor away."


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("weight_g", " 7.5 ", 7.5),
        ("weight_g", "heavy", "heavy"),
        ("sizes_mm", "(70, 80)", (70, 80)),
        ("sizes_mm", "70", 70),
        ("colour", "red", "red"),
        ("ripe", "yes", True),
        ("count", "auto", 0),
        ("count", "3", 3),
    ],
)
def test_fields_are_read_from_text(key: str, text: str, value: object) -> None:
    field = Apple.fields()[key]
    assert field.read(text) == value
    assert field.read(field.written(value)) == value


def test_a_line_of_text_configures_one() -> None:
    made = Fruit.parse("golden-apple:sizes-mm=1,2,3,colour=green,count=auto")
    assert made == Apple(sizes_mm=(1, 2, 3), colour="green")
    assert dataclasses.replace(made, count=2) == Fruit.parse(f"golden-apple:{CHANGED}")
    with pytest.raises(DeconvError, match="sets no field"):
        Fruit.parse("golden-apple:7")
