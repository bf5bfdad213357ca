"""`Spec`: registration, bounds, JSON, help."""

from __future__ import annotations

import dataclasses
import math
from typing import Annotated, Literal

import pytest
from annotated_types import Interval

from napari_deconv.core.checks import bounds
from napari_deconv.core.errors import DeconvError
from napari_deconv.core.spec import Spec, dumps, field_help, hints


class Fruit(Spec):
    """Abstract: owns a registry."""

    seeds = 0


class Apple(Fruit, title="Golden Apple", seeds=5):
    """An apple.

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

    weight_g: Annotated[float, Interval(gt=0, le=500)] = 100.0
    colour: Literal["red", "green"] = "red"
    sizes_mm: float | tuple[float, ...] = 80.0


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


def test_help_and_bounds_come_from_the_one_source() -> None:
    assert field_help(Apple) == {
        "weight_g": "Weight of the fruit, without its stalk.",
        "colour": "Outside.",
        "sizes_mm": "Along the axes.",
    }
    assert bounds(hints(Apple)["weight_g"]) == (0.0, 500.0)
    assert bounds(hints(Apple)["colour"]) == (None, None)
