"""Whatever shape, type, value or setting comes: a finite result of its kind, or words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_deconv import methods
from napari_deconv.core.errors import DeconvError
from napari_deconv.core.spec import Spec
from napari_deconv.degradation.base import Degradation
from napari_deconv.degradation.chain import Chain
from napari_deconv.engine.restore import restore
from napari_deconv.engine.streaming import drain
from napari_deconv.psf import PSF, inspect, repair

DTYPES = ("?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", ">u2", ">f4")
SIDES = (1, 2, 3, 4, 7, 8)
ROUNDS = ("iterations", "stages", "outer", "inner", "rounds")
CLASSICAL = sorted(name for name, kind in methods().items() if not kind.needs_weights)
SPECS = [methods()[name] for name in CLASSICAL]
SPECS += [PSF.registry[name] for name in sorted(PSF.registry)]
SPECS += [Degradation.registry[name] for name in sorted(Degradation.registry)]
CRASHES = (KeyError, IndexError, AttributeError, TypeError, AssertionError, NameError)
Image = np.ndarray[Any, Any]


@st.composite
def images(draw: st.DrawFn, sides: tuple[int, ...] = (2, 2, 2, 3)) -> Image:
    """Of few pixels: noise over the type's whole range or little of it, or one value."""
    shape = tuple(draw(st.sampled_from(SIDES)) for _ in range(draw(st.sampled_from(sides))))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    unit = np.random.default_rng(draw(st.integers(0, 9))).random(shape)
    if dtype.kind == "b":
        return np.asarray(unit > 0.5)
    limits: Any = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    top, bottom = limits.max, limits.min
    least = limits.tiny if dtype.kind == "f" else dtype.type(1)
    sort = draw(st.sampled_from(("few", "ends", "top", "bottom", "nothing", "tiny", "one")))
    if sort == "few":
        return np.asarray(unit * 100).astype(dtype)
    if sort == "one":
        return np.where(unit == unit.max(), dtype.type(100), dtype.type(0)).astype(dtype)
    if sort == "ends":
        return np.where(unit > 0.5, top, bottom).astype(dtype)
    return np.full(shape, {"top": top, "bottom": bottom, "nothing": 0, "tiny": least}[sort], dtype)


def axes_for(ndim: int) -> st.SearchStrategy[str | None]:
    """Axes that fit, in any order, or none, or that do not."""
    letters = "TZYX"[-ndim:]
    wrong = ("", "YY", "XY1", letters + "Q", letters[1:], letters.lower(), "é" * ndim)
    return st.sampled_from((None, letters, letters[::-1]) * 6 + wrong)


def in_words(call: Any) -> Any:
    """What ``call`` returns, or None where it was refused in words of ours."""
    try:
        return call()
    except DeconvError as error:
        refusal = error
    assert not isinstance(refusal.__cause__, CRASHES), f"{refusal} <- {refusal.__cause__!r}"
    return None


@st.composite
def fields(draw: st.DrawFn, kind: type[Spec], odd: int) -> dict[str, Any]:
    """Up to ``odd`` fields at an end of their range, the others as usual."""
    known = [key for key in kind.fields() if key != "weights"]
    if not known:
        return {}
    keys = draw(st.lists(st.sampled_from(sorted(known)), max_size=odd, unique=True))
    return {key: draw(st.sampled_from(ends(kind, key))) for key in keys if ends(kind, key)}


def ends(kind: type[Spec], key: str) -> list[Any]:
    """The ends of a field's range, or its choices."""
    field = kind.fields()[key]
    if field.choices or field.kind == "switch":
        return list(field.choices) or [False, True]
    if field.kind not in ("whole", "number"):
        return []
    bare = int if field.whole else float
    found = [bare(end) for end in (field.low, field.high) if end is not None]
    return [min(end, 2) if key in ROUNDS else end for end in found]


@settings(max_examples=60)
@given(st.data())
def test_any_image_through_any_method(data: st.DataObject) -> None:
    kind = methods()[data.draw(st.sampled_from(CLASSICAL))]
    short = {key: 2 for key in ROUNDS if key in kind.fields()}
    chosen = short | data.draw(fields(kind, 2))
    image = data.draw(images())
    usual = np.array([[0.0, 0.1, 0.0], [0.1, 0.6, 0.1], [0.0, 0.1, 0.0]])
    odd = data.draw(images((2, 3))).astype(float)
    psf = data.draw(st.sampled_from((usual, usual, usual, np.abs(odd))))
    axes = data.draw(axes_for(image.ndim))
    before = image.copy()
    result = in_words(lambda: drain(restore(kind(**chosen), image, psf, axes=axes, device="cpu")))
    np.testing.assert_array_equal(image, before)
    if result is not None:
        assert result.data.shape == image.shape
        assert result.data.dtype.newbyteorder("=") == image.dtype.newbyteorder("=")
        assert np.isfinite(result.data.astype(float)).all()


@given(st.data())
def test_any_image_through_the_camera(data: st.DataObject) -> None:
    chain = in_words(lambda: Chain(**data.draw(fields(Chain, 3))))
    image = data.draw(images())
    axes = data.draw(axes_for(image.ndim))
    pair = chain and in_words(lambda: chain(image, np.ones((3, 3)) / 9, axes=axes))
    for each in pair or ():
        assert each.dtype == image.dtype and each.shape == pair[0].shape
        assert np.isfinite(each.astype(float)).all()


@settings(max_examples=60)
@given(st.data())
def test_any_generator_at_the_ends_of_its_fields(data: st.DataObject) -> None:
    kind = PSF.registry[data.draw(st.sampled_from(sorted(PSF.registry)))]
    chosen = data.draw(fields(kind, 2))
    shape = data.draw(st.sampled_from(((9, 9), (5, 9, 9), (1, 1), (4, 7), (0, 3), (9,))))
    size = data.draw(st.sampled_from((None, (0.1, 0.1), (0.3, 0.1, 0.1))))
    array = in_words(lambda: kind(**chosen)(shape, size))
    if array is not None:
        assert np.isfinite(array).all() and (array >= 0).all()
        assert array.sum(dtype=np.float64) == pytest.approx(1, abs=1e-3)


@settings(max_examples=60)
@given(images((2, 3)))
def test_any_array_as_a_psf(array: Image) -> None:
    found = inspect(array)
    mended = in_words(lambda: repair(array))
    if mended is None:
        return
    assert not any(finding.fatal for finding in found)
    assert np.isfinite(mended).all() and mended.min() >= 0
    assert mended.sum(dtype=np.float64) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind", SPECS, ids=lambda kind: kind.name)
def test_every_field_takes_its_ends_and_nothing_else(kind: type[Spec]) -> None:
    for key in kind.fields():
        for end in ends(kind, key):
            in_words(lambda key=key, end=end: kind(**{key: end}))
        for wrong in (float("nan"), float("inf"), 10**400, object(), b"x"):
            with pytest.raises(DeconvError, match=key):
                kind(**{key: wrong})
