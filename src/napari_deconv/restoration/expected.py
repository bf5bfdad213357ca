"""How long a restoration will take: as runs before it did, or as a trial on a part says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch

from ..core.errors import DeconvError
from ..core.folders import cache_folder
from ..core.json_text import read_object
from ..core.paths import make_folder
from ..core.precision import instruction_set
from ..core.progress import Stream
from ..core.spec import dumps
from ..engine.blending import middle, workload
from ..engine.channels import check_channels, each_channel
from ..engine.depths import DepthPSF
from ..engine.options import Options
from ..engine.probe import Timing, probe
from ..engine.problem import Solver
from ..engine.regions import RegionPSF
from ..engine.streaming import prepare, translated
from ..engine.unseen import with_mask
from ..io.atomic import replacing

_KEPT, _KINDS = 16, 200
_LEAST_S = 0.05
"""Shorter runs say nothing of longer ones."""
_ENOUGH = 3
_LIKE = 1.25
"""Factor within which a run took what was expected, so that it need not be written down."""


def expected(method: Solver, image: Any, psf: Any, **options: Unpack[Options]) -> float:
    """Seconds that a restoration will take, without reading and writing of files.

    Where the same method ran before on this computer, in the same number format, the runs of the
    most similar size say it. Where none did, the method is tried on a small part of the image,
    which takes about a second, or an eighth of the whole where that is less. Refining the PSF is
    not counted.

    Parameters
    ----------
    method, image, psf, options
        As in `engine.restore`.

    Raises
    ------
    DeconvError
        As `engine.restore`, for what is wrong with the input.
    """
    seconds = 0.0
    with translated(method):
        image, options = with_mask(image, options)
        # Where runs were timed, the noise does not matter, and reading it takes a while.
        quiet: Options = options | {"noise": options.get("noise") or 0.0}
        for kernel, fixed in _kernels(image, psf, options.get("axes")):
            varying = isinstance(kernel, DepthPSF | RegionPSF)
            psf_in_middle = middle(kernel) if varying else kernel
            run, _ = prepare(method, image, psf_in_middle, fixed=fixed, **quiet)
            work = (workload(run, kernel) if varying else run.workload()) * method.total
            kind = _kind(method, run.psf.ndim, str(run.device), run.precision.name)
            timings = kept_timings().get(kind) or _trials.get(kind)
            if not timings:
                timings = [probe(*prepare(method, image, psf_in_middle, fixed=fixed, **options))]
                _trials[kind] = timings
            seconds += _estimate(timings, work)
    return seconds


_trials: dict[str, list[Timing]] = {}
"""What was tried since the program was started."""


def _kernels(
    image: Any, psf: Any, axes: str | None
) -> Iterator[tuple[Any, tuple[tuple[str, int], ...]]]:
    """The PSF of every run, and the place on an axis that it is for."""
    shape = tuple(np.shape(image))
    if not isinstance(psf, Mapping):
        psf = each_channel(shape, axes, psf) or psf
    if not isinstance(psf, Mapping):
        yield psf, ()
        return
    check_channels(shape, axes, psf)
    for channel, kernel in psf.items():
        yield kernel, (("C", channel),)


def remembered(method: Solver, steps: Stream) -> Stream:
    """A restoration's steps; at its end the time it took is kept for `expected`."""
    result = yield from steps
    learn(method, result.recipe)
    return result


def learn(method: Solver, recipe: Mapping[str, Any]) -> None:
    """Keep what a restoration took, if that was not known.

    Nothing is kept, and nothing is said, where the cache folder cannot be written.

    Parameters
    ----------
    method : Method
        As it was asked for.
    recipe : dict
        Of the result.
    """
    channels = len(recipe.get("channels", [recipe]))
    work = recipe["elements"] * method.total
    timing = Timing(work, recipe["seconds"], recipe.get("seconds_choosing", 0.0) / channels)
    if not work or timing.seconds + timing.choosing < _LEAST_S:
        return
    kind = _kind(
        method, len(recipe["psf"]["shape"]), recipe["device"], recipe.get("precision", "float32")
    )
    kinds = kept_timings()
    before = kinds.pop(kind, [])
    if len(before) >= _ENOUGH:
        ratio = _estimate(before, work) / (timing.seconds + timing.choosing)
        if 1 / _LIKE < ratio < _LIKE:
            return
    kinds[kind] = [*before, timing][-_KEPT:]
    rows = {
        name: [[each.work, each.seconds, each.choosing] for each in timings]
        for name, timings in list(kinds.items())[-_KINDS:]
    }
    with suppress(DeconvError), replacing(_file(make_folder(cache_folder()))) as part:
        part.write_text(dumps(rows), encoding="utf-8")


def kept_timings() -> dict[str, list[Timing]]:
    """Read the timings kept so far, by kind of run; damaged ones are passed over."""
    try:
        rows = read_object(_file(cache_folder()))
        timings = {kind: [Timing(*map(float, row)) for row in each] for kind, each in rows.items()}
    except (DeconvError, TypeError, ValueError):
        return {}
    return {kind: usable for kind, each in timings.items() if (usable := list(filter(_sane, each)))}


def _sane(timing: Timing) -> bool:
    return 0 < timing.work < math.inf and 0 < timing.seconds < math.inf and timing.choosing >= 0


def _file(folder: Path) -> Path:
    return folder / "timings.json"


def _kind(method: Solver, ndim: int, device: str, precision: str) -> str:
    """Name the kind of a run: runs of one kind take time by their size and estimates alone."""
    fields = method.to_dict()
    # Whether there is a weight of total variation decides what is to be done, not how large it is.
    switches = [
        f"{key}={bool(value) if isinstance(value, int | float) else value}"
        for key, value in fields.items()
        if key not in ("name", "weights")
    ]
    kind = torch.device(device).type
    if kind == "cpu":
        kind = f"cpu {instruction_set()} {torch.get_num_threads()} threads"
    layers = precision if method.features else ""
    return " ".join([str(fields["name"]), f"{ndim}-D", kind, layers, *switches])


def _estimate(timings: Sequence[Timing], work: float) -> float:
    """Seconds for some work, after runs of which those of a like size count most."""
    weights = [2.0 ** -abs(math.log2(each.work / work)) for each in timings]
    rates = [math.log(each.seconds / each.work) for each in timings]
    rate = sum(w * r for w, r in zip(weights, rates, strict=True)) / sum(weights)
    choosing = sum(w * each.choosing for w, each in zip(weights, timings, strict=True))
    return work * math.exp(rate) + choosing / sum(weights)
