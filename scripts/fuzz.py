"""Try odd inputs for as long as told, and print each failure as a line that runs it again.

A case is a number: it decides everything, so the line that is printed makes the same case. What a
person may see is a result of the right shape and type without NaN, or a `DeconvError` in words;
anything else is a failure.

    python scripts/fuzz.py --minutes 60
    python scripts/fuzz.py --only 12345
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from napari_deconv import methods
from napari_deconv.cli import main as command
from napari_deconv.core.errors import DeconvError
from napari_deconv.core.fields import Field
from napari_deconv.degradation.chain import Chain
from napari_deconv.engine.restore import restore
from napari_deconv.engine.streaming import drain
from napari_deconv.io import read, write
from napari_deconv.psf import PSF, inspect, load, repair

Rng = np.random.Generator
DTYPES = ("u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8", ">u2", ">f4", "u8", "i8", "?")
MOST_PIXELS = 6000
CRASHES = (KeyError, IndexError, AttributeError, TypeError, AssertionError, UnboundLocalError)
_RAW = ("Error:", "Traceback", "object has no attribute", "NoneType", "unexpected keyword")


class Fault(Exception):
    """Something that nobody should see."""


def pick(rng: Rng, choices: Any) -> Any:
    """One of several."""
    return choices[int(rng.integers(len(choices)))]


def pixels(rng: Rng, shape: tuple[int, ...], kind: str) -> np.ndarray:
    """Values of every sort that a type can hold: its ends, nothing, noise, one bright pixel."""
    dtype = np.dtype(kind)
    if dtype.kind == "b":
        return rng.random(shape) > 0.5
    limits: Any = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    low, high = float(limits.min), float(limits.max)
    with np.errstate(all="ignore"):
        values = _values(rng, shape, dtype, low, high)
        top = np.nextafter(high, 0) if dtype.kind in "iu" else high
        return np.asarray(np.clip(values, low, top)).astype(dtype)


def _values(
    rng: Rng, shape: tuple[int, ...], dtype: np.dtype[Any], low: float, high: float
) -> np.ndarray:
    unit, sort = rng.random(shape), int(rng.integers(8))
    if sort == 0:
        return unit * min(high, 200.0)
    if sort == 1:
        return low + unit * (high / 2 - low / 2) * 2
    if sort == 2:
        return np.full(shape, pick(rng, (0.0, low, high, 1.0)))
    if sort == 3:
        return np.where(unit > 0.97, high, 0.0)
    if sort == 4:
        return np.where(unit > 0.5, high, low)
    if sort == 5:
        return np.asarray(rng.poisson(3 * unit), dtype=float)
    if sort == 6:
        return unit * (float(np.finfo(dtype).tiny) * 8 if dtype.kind == "f" else 2)
    values = np.asarray(unit * 100)
    if dtype.kind == "f" and values.size:
        values.flat[int(rng.integers(values.size))] = pick(rng, (np.nan, np.inf, -np.inf))
    return values


def shaped(rng: Rng) -> tuple[tuple[int, ...], str | None]:
    """A shape, and axes that fit it or not."""
    ndim = int(pick(rng, (2, 2, 2, 3, 3, 4, 5, 1, 0)))
    shape = tuple(int(pick(rng, (1, 2, 3, 4, 5, 7, 16, 33, 48))) for _ in range(ndim))
    while np.prod(shape, initial=1) > MOST_PIXELS:
        shape = tuple(max(1, n // 2) for n in shape)
    if rng.random() < 0.03:
        shape = (*shape[:-1], 0)
    letters = list("TCZYX"[-ndim:] if ndim else "")
    sort = rng.random()
    if sort < 0.3:
        return shape, None
    if sort < 0.6:
        return shape, "".join(letters)
    if sort < 0.8 and letters:
        return shape, "".join(str(each) for each in rng.permutation(letters))
    return shape, "".join(str(each) for each in rng.choice(list("TCZYXSQxyé 1"), max(1, ndim)))


def values_for(rng: Rng, field: Field) -> Any:
    """A value of a field: an end of its range, a step beyond, or the default."""
    options: list[Any] = [field.default, *field.choices]
    if field.kind == "switch":
        options += [True, False]
    elif field.kind in ("whole", "number"):
        kind = int if field.whole else float
        ends = [x for x in (field.low, field.high) if x is not None]
        options += [kind(x) for x in ends if abs(x) < 40 or not field.whole]
        if rng.random() < 0.1:
            options += [kind(x + (1 if x == field.high else -1)) for x in ends]
            options += [float("nan"), -1, 0, 10**400, "7", None]
    elif not field.choices and rng.random() < 0.1:
        options += ["", -1, None, (), (0, 0)]
    return pick(rng, options)


def spec_of(rng: Rng, kind: type[Any], usual: float) -> Any:
    """A Spec with some of its fields at odd values."""
    fields = {}
    for name, field in kind.fields().items():
        if name != "weights" and rng.random() > usual and hasattr(kind, name):
            fields[name] = values_for(rng, field)
    for name in ("iterations", "stages", "outer", "inner", "rounds"):
        if isinstance(fields.get(name), int) and fields[name] > 6:
            fields[name] = 3
    return kind(**fields)


def restoring(rng: Rng) -> None:
    """An image of any shape and type with a PSF of any kind through a method."""
    known = {name: kind for name, kind in methods().items() if not kind.needs_weights}
    method = spec_of(rng, known[pick(rng, sorted(known))], 0.8)
    shape, axes = shaped(rng)
    image = pixels(rng, shape, pick(rng, DTYPES))
    side = [int(pick(rng, (1, 2, 3, 5, 8))) for _ in range(int(pick(rng, (2, 2, 3))))]
    psf: Any = np.abs(pixels(rng, tuple(side), pick(rng, ("f4", "f8", "u1"))))
    noise = pick(rng, (None, None, 0.0, 1.0, 1e9, -1.0, float("nan")))
    before = image.copy()
    result = drain(restore(method, image, psf, axes=axes, noise=noise, device="cpu"))
    if not np.array_equal(before, image, equal_nan=image.dtype.kind == "f"):
        raise Fault("the input was changed")
    if result.data.shape != image.shape or result.data.dtype.kind != image.dtype.kind:
        raise Fault(f"{image.shape} {image.dtype} became {result.data.shape} {result.data.dtype}")
    if result.data.dtype.kind == "f" and not np.isfinite(result.data).all():
        raise Fault("the result is not finite")


def rendering(rng: Rng) -> None:
    """Every generator with its fields at their ends."""
    spec = spec_of(rng, PSF.registry[pick(rng, sorted(PSF.registry))], 0.5)
    shape = pick(rng, (None, (9, 9), (5, 9, 9), (1, 1), (4, 7), (0, 3), (9,)))
    array = spec(shape, pick(rng, (None, None, (0.1, 0.1), (0.3, 0.1, 0.1))))
    if not np.isfinite(array).all() or abs(float(array.sum(dtype=np.float64)) - 1) > 1e-3:
        raise Fault(f"{spec}: sum {array.sum()}")
    inspect(array)


def mending(rng: Rng) -> None:
    """Whatever is called a PSF, inspected and repaired."""
    ndim = int(pick(rng, (2, 3)))
    shape = tuple(int(pick(rng, (1, 2, 3, 6, 9))) for _ in range(ndim))
    array = pixels(rng, shape, pick(rng, ("f4", "f8", "u2", "i2")))
    inspect(array)
    mended = repair(array)
    if not np.isfinite(mended).all() or mended.min() < 0:
        raise Fault("a repaired PSF is negative or not finite")


def degrading(rng: Rng) -> None:
    """The camera with its fields at their ends."""
    shape, axes = shaped(rng)
    chain = spec_of(rng, Chain, 0.7)
    image = pixels(rng, shape, pick(rng, DTYPES))
    degraded, truth = chain(image, pick(rng, (None, np.ones((3, 3)) / 9)), axes=axes)
    if degraded.shape != truth.shape or degraded.dtype != image.dtype:
        raise Fault("degraded image and truth do not match")


SUFFIXES = (".tif", ".ome.tif", ".png", ".jpg", ".npy")


def written(rng: Rng, folder: Path) -> Path | None:
    """A file of any format; None where the format refuses such pixels."""
    path = folder / f"image{pick(rng, SUFFIXES)}"
    shape, axes = shaped(rng)
    image = pixels(rng, shape, pick(rng, DTYPES))
    try:
        write(path, image, axes=axes, recipe=pick(rng, (None, {"method": {"name": "wiener"}})))
    except DeconvError:
        return None
    again = read(path)
    kept = path.suffix != ".jpg" and image.size and image.ndim == again.data.ndim
    if kept and axes is None and image.dtype.kind != "b":
        same = np.array_equal(again.data, image, equal_nan=image.dtype.kind == "f")
        if not same and again.data.shape == image.shape:
            raise Fault(f"{path.name}: {image.dtype} {image.shape} came back otherwise")
    return path


def damaging(rng: Rng) -> None:
    """A file with bytes changed, cut off, doubled or exchanged."""
    with tempfile.TemporaryDirectory() as name:
        path = written(rng, Path(name))
        if path is None:
            return
        raw = bytearray(path.read_bytes())
        for _ in range(int(pick(rng, (1, 1, 4, 30)))):
            place = int(rng.integers(len(raw) or 1))
            if rng.random() < 0.7:
                place = min(place, int(rng.integers(400)), len(raw) - 1)
            raw[place] = int(rng.integers(256))
        if rng.random() < 0.3:
            raw = raw[: int(rng.integers(len(raw)))]
        path.write_bytes(bytes(raw))
        beside = path.with_name(path.name + ".json")
        if beside.exists():
            text = beside.read_bytes()
            beside.write_bytes(text[: int(rng.integers(len(text)))])
        for door in (read, load):
            with contextlib.suppress(DeconvError):
                door(path)


PSFS = ("disk:radius_px=1", "gaussian:sigma_px=0.5", "gaussian:sigma_px=nan", "disk")
PSFS += ("disk:radius_px", "motion:length_px=0", "nothing")
OUTPUTS = ("out.tif", "out.png", "out.npy", "out.jpg", "out.ome.tif", "o/")
COMMANDS = (["deconvolve", "--method", "wiener"], ["degrade"], ["deconvolve", "--iterations", "2"])


def commanding(rng: Rng) -> None:
    """Words on the command line; its status and what it says."""
    with tempfile.TemporaryDirectory() as name:
        path = written(rng, Path(name))
        if path is None:
            return
        before = path.read_bytes()
        psf = pick(rng, (*PSFS, str(path)))
        out = pick(rng, (*OUTPUTS, path.name))
        words = pick(rng, COMMANDS)
        words = [words[0], str(path), "--psf", psf, "-o", f"{name}/{out}", *words[1:]]
        words += pick(rng, ([], [], ["--axes", pick(rng, ("YX", "XY", "ZYX", "YY", "é"))]))
        output = io.StringIO()
        with contextlib.redirect_stderr(output), contextlib.redirect_stdout(io.StringIO()):
            status = command(words)
        if status not in (0, 1, 2):
            raise Fault(f"status {status} of {words}")
        if path.read_bytes() != before:
            raise Fault(f"the input was changed by {words}")
        if any(raw in output.getvalue() for raw in _RAW):
            raise Fault(f"{words}: {output.getvalue()[-400:]}")


SORTS: dict[str, Callable[[Rng], None]] = {
    f.__name__: f for f in (restoring, rendering, mending, degrading, damaging, commanding)
}


def tried(number: int, only: str = "") -> str:
    """Run one case; what is wrong with it, or nothing."""
    rng = np.random.default_rng(number)
    name = pick(rng, sorted(SORTS))
    if only and name != only:
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            SORTS[name](rng)
    except DeconvError as error:
        cause = error.__cause__
        if isinstance(cause, CRASHES) and not isinstance(cause, DeconvError):
            if name in ("damaging", "commanding"):
                return ""  # decoders fail so on damaged files
            return f"{name}: {error} <- {type(cause).__name__}: {cause}{_place(cause)}"
    except Exception as error:
        return f"{name}: {type(error).__name__}: {str(error)[:300]}{_place(error)}"
    return ""


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def main() -> int:
    """Try cases until the time is up."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", type=int, help="run this one case, with its traceback")
    parser.add_argument("--sort", choices=sorted(SORTS), default="")
    parser.add_argument("--all", action="store_true", help="go on after a failure")
    args = parser.parse_args()
    os.environ.setdefault("NAPARI_DECONV_DATA", tempfile.mkdtemp())
    if args.only is not None:
        problem = tried(args.only)
        print(problem or "fine")
        return int(bool(problem))
    end, number, known = time.monotonic() + 60 * args.minutes, args.seed, Counter[str]()
    while time.monotonic() < end:
        problem = tried(number, args.sort)
        if problem:
            place = problem.rsplit(" at ", 1)[-1] if " at " in problem else problem[:80]
            known[place] += 1
            if known[place] == 1:
                print(f"python scripts/fuzz.py --only {number}  # {problem}", flush=True)
            if not args.all:
                return 1
        number += 1
    print(f"{number - args.seed} cases, {sum(known.values())} failures of {len(known)} kinds")
    return int(bool(known))


if __name__ == "__main__":
    sys.exit(main())
