"""One run: an image's blocks through a method, tile by tile, and back."""

from __future__ import annotations

import math
import platform
import sys
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.device import is_out_of_memory, release
from ..core.errors import Cancelled, DeconvError
from ..core.json_text import as_json_object
from ..core.precision import FLOAT32, Precision
from ..core.progress import Result, Step, Stream, changed_steps
from ..core.record import Note, RunRecord, clipping
from ..core.threads import SMALL, alone
from ..signal.extremes import extremes
from ..signal.fourier import fast_shape
from ..signal.jpeg import Tables
from ..signal.noise import estimate_noise
from ..signal.noise_law import NoiseLaw
from .axes import Layout
from .excerpt import excerpt
from .intensity import Block, Intensity, as_block, result_dtype, stored
from .problem import INDEPENDENT, Problem, Solver, crop
from .readings import Reading, read_item, summary
from .tiling import Plan, Tile, plan_tiles
from .unseen import Hidden, Unseen

_FIRST = slice(0, 1)


@dataclass(eq=False, kw_only=True)
class Run:
    """One run's state; everything about it that is not the method's mathematics.

    Of what it counts, ``done`` are estimates, ``elements`` those of the padded grids of all colours
    and tiles so far, and ``choosing`` the seconds that `settle` took. ``configured`` is the method
    before it settled what it leaves open, where it did.
    """

    method: Solver
    image: Any
    psf: NDArray[np.float32]
    fingerprint: str
    layout: Layout
    reading: Reading
    noise: float | NoiseLaw | None
    device: torch.device
    budget: int
    precision: Precision = FLOAT32
    tables: Tables = ()
    unseen: Unseen = field(default_factory=Unseen)
    keep_float: bool = False
    common: float = INDEPENDENT
    spacing: tuple[float, ...] = ()
    cancel: threading.Event | None = None
    configured: Solver | None = None
    chosen: Mapping[str, object] = field(default_factory=dict)
    out: NDArray[Any] | None = None
    most: int = sys.maxsize
    done: int = 0
    elements: int = 0
    choosing: float = 0.0
    clipped: int = 0
    lost: float = 0.0
    hidden: int = 0
    sample: Problem | None = None
    misfits: list[tuple[int, float]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.typical = self.reading

    @property
    def intensity(self) -> Intensity:
        """Intensities of the item that is being restored."""
        return self.reading.intensity

    @property
    def dtype(self) -> np.dtype[Any]:
        """The result's."""
        return result_dtype(self.intensity.dtype, self.keep_float)

    @property
    def unit(self) -> tuple[float, float]:
        """The intensity that is 0 for the method, and the difference that is 1."""
        intensity = self.intensity
        if not self.method.unit_scale:
            return 0.0, intensity.safe
        return (
            (intensity.zero, intensity.span) if self.method.shift_free else (0.0, intensity.scale)
        )

    def attend(self, item: dict[str, int]) -> None:
        """Turn to an item, and read it where there are several."""
        if self.layout.count > 1:
            # What is constant or unseen has no reading of its own, and needs none.
            with suppress(DeconvError):
                self.reading, _ = read_item(
                    self.image, self.layout.at(item), self.unseen, self.noise, self.tables
                )
            self.readings.append(self.reading)

    def settle(self, block: Block) -> Generator[Step, None, None]:
        """Let the method choose its open fields on a part of the image."""
        began = time.perf_counter()
        sample = block[excerpt(block.pixels, self.psf.shape)]
        if sample.pixels.min() == sample.pixels.max():
            return
        problem = self.sample = self.problem(sample, slice(0, self.layout.colours))
        title = self.method.title
        settled = yield from changed_steps(
            self.method.settle(problem), lambda words: Step(0, 1, f"{title}: {words}")
        )
        problem.__dict__.pop("blur", None)
        if settled is not None:
            self.configured, self.method, self.chosen = self.method, settled.method, settled.chosen
        if self.method.joint_channels:
            self.common = _common(block)
        self.choosing = time.perf_counter() - began

    def stream(self) -> Stream:
        began = time.perf_counter()
        out = self.out
        if out is None:
            out = np.empty(self.layout.shape, self.dtype)
        plan = self._plan()
        groups = self._colour_groups()
        if self.layout.colours < self.layout.samples:
            self._carry_alpha(out)
        for number, item in enumerate(self.layout.items()):
            for colours in groups:
                plan = yield from self._item(out, item, number, colours, plan)
        seconds = round(time.perf_counter() - began, 3)
        record = replace(self.record(), tiles=tuple(plan.pieces), seconds=seconds)
        return Result(out, record, tuple(self._notes_of(out)))

    def record(self) -> RunRecord:
        """How the run makes its result."""
        from .. import __version__

        zero, scale = self.unit
        noise = self.typical.noise
        return RunRecord(
            method=as_json_object("The method", (self.configured or self.method).to_dict()),
            psf={"sha256": self.fingerprint, "shape": list(self.psf.shape)},
            axes=self.layout.axes,
            noise=noise.level,
            noise_estimated=self.noise is None,
            noise_origin="" if noise.origin == "given" else noise.origin,
            noise_colours=noise.levels if len(set(noise.levels)) > 1 else (),
            noise_law=asdict(noise.law) if noise.law else {},
            noise_common=self.common if self.method.joint_channels else None,
            unseen=self.hidden,
            nan=self.unseen.nan,
            keep_float=self.dtype != self.intensity.dtype,
            spacing=self.spacing,
            chosen=as_json_object("What was chosen", self.chosen),
            reblur_rms=self._reblur() * scale if self.misfits else None,
            scale=scale,
            zero=zero,
            items=summary(self.readings) if self.readings else {},
            seconds_choosing=round(self.choosing, 3) if self.choosing >= 0.001 else 0.0,
            elements=self.elements,
            device=str(self.device),
            precision=self.precision.name if self.method.features else "",
            versions={
                "napari-deconv": __version__,
                "torch": str(torch.__version__),
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
        )

    def _notes_of(self, out: NDArray[np.generic]) -> list[Note]:
        """Collect what a person should know about the finished run and its result."""
        if self.sample is not None:
            texts = self.method.notes(self.sample, self._reblur())
            self.notes += [Note("method", text) for text in texts]
        if self.hidden and self.unseen.nan != "refuse":
            text = f"{self.hidden} pixels were taken as unseen: NaN, infinite or masked."
            self.notes.append(Note("unseen", text))
        if self.clipped:
            lost = self.lost / (self.lost + float(out.sum(dtype=float))) if self.lost else 0.0
            self.notes.append(clipping(self.clipped, out.size, out.dtype, lost))
        return self.notes

    def _reblur(self) -> float:
        """Root mean square of ``A x - y`` on the unit scale, where a network was at work; or NaN.

        Pixels in the overlap of tiles count more than once.
        """
        count = sum(n for n, _ in self.misfits)
        return math.sqrt(sum(n * m for n, m in self.misfits) / count) if count else math.nan

    def _item(
        self, out: NDArray[Any], item: dict[str, int], number: int, colours: slice, plan: Plan
    ) -> Generator[Step, None, Plan]:
        """Restore one item, cutting it finer whenever memory runs out."""
        began = self.done
        if colours.start == 0:
            self.attend(item)
        while True:
            try:
                for tile in plan.tiles():
                    label = self._label(number, plan)
                    yield from self._tile(out, item, colours, tile, plan, label)
                return plan
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self.most = self.cost(plan.largest) // 2
            release(self.device)
            self.done = began
            finer = self._finer()
            text = (
                f"Memory ran out; went on with {finer.count} tiles instead of {plan.count}. "
                "Memory is tight: some pixels may differ by a few percent of the range from a run "
                "in one piece."
            )
            self.notes.append(Note("memory", text))
            plan = finer
            yield Step(self.done, self._total(plan), text)

    def _tile(
        self,
        out: NDArray[Any],
        item: dict[str, int],
        colours: slice,
        tile: Tile,
        plan: Plan,
        label: str,
    ) -> Generator[Step, None, None]:
        pixels = self.layout.read(self.image, item, tile.read, colours)
        hidden = self.unseen.read(self.image, self.layout, item, tile.read, colours)
        total = self._total(plan)
        restored = yield from self.restored(pixels, tile, total, label, hidden, colours)
        self.layout.write(out, item, tile.core, colours, restored)

    def restored(
        self,
        pixels: NDArray[Any],
        tile: Tile,
        total: int,
        label: str,
        hidden: Hidden | None = None,
        colours: slice = _FIRST,
    ) -> Generator[Step, None, NDArray[Any]]:
        """Restore the pixels of ``tile.read``, ``(S, *spatial)``; returns those of its core.

        NaN need not be in ``hidden``.
        """
        core = (slice(None), *tile.crop)
        block = as_block(pixels, self.unseen, hidden)
        absent = None if self.unseen.nan != "unseen" else ~np.isfinite(pixels[core])
        if block.hidden is not None:
            self.hidden += int(np.count_nonzero(block.hidden[core]))
            if block.hidden.all():
                self.done += self.method.total
                return pixels[core]
        problem = self.problem(block, colours)
        del block, pixels
        estimate: Tensor | None = None
        start = self.done
        self.elements += len(problem.seen) * math.prod(problem.grid)
        for estimate in self.estimates(problem):
            self.done += 1
            yield Step(self.done, total, label, partial(self._image, problem, estimate, tile))
            self._check()
        if estimate is None:
            raise DeconvError(f"{self.method.title} gave no estimate.", "Raise its iterations.")
        self.done = start + self.method.total
        if self.method.needs_weights:
            self.misfits.append((problem.seen.numel(), problem.misfit(estimate)))
        # Frees the transform's buffers before the result is made.
        problem.__dict__.pop("blur", None)
        image = self._image(problem, estimate, tile)
        values, clipped = stored(image, self.dtype)
        self.clipped += clipped
        if clipped and len(self.layout.block_shape) == 3:
            beyond = image.astype(float) - values
            self.lost += float(beyond[beyond > 1].sum())  # the rest is rounding
        if absent is not None and absent.any():
            values[absent] = np.nan
        return values

    def estimates(self, problem: Problem) -> Iterator[Tensor]:
        """Run the method's steps, single-threaded where the grid is small."""
        steps = self.method.steps(problem)
        small = math.prod(problem.grid) < SMALL and not self.method.features
        return alone(steps) if small and self.device.type == "cpu" else steps

    def _image(self, problem: Problem, estimate: Tensor, tile: Tile) -> NDArray[Any]:
        """An estimate's answer for the tile, on the image's own scale."""
        part = crop(problem, estimate)[(slice(None), *tile.crop)]
        if not bool(torch.isfinite(part).all()):
            raise DeconvError(
                f"{self.method.title} diverged: its estimate is no longer finite.",
                "Raise the regularisation or lower the iterations.",
            )
        values: NDArray[Any] = (part * problem.scale if problem.scale != 1 else part).cpu().numpy()
        if not problem.zero:
            return values
        wide = self.intensity.dtype.itemsize > values.itemsize
        return (values.astype(np.float64) if wide else values) + problem.zero

    def problem(self, block: Block, colours: slice) -> Problem:
        """Make the problem that the method solves for a block."""
        (zero, scale), intensity = self.unit, self.intensity
        noise, pixels = self.reading.noise.of(colours), block.pixels
        pixels = np.subtract(pixels, zero, dtype=np.float64) if zero else pixels
        seen = torch.as_tensor(_native(pixels), device=self.device)
        seen = seen / scale if scale != 1 else seen
        margin = self.method.margin(self.psf.shape)
        shape = tuple(seen.shape[1:])
        black, white = intensity.black, intensity.white
        if not isinstance(self.image, np.ndarray):
            # Of a lazy image only samples were seen; this block may be brighter.
            low, high = extremes(block.pixels)
            black, white = min(black, low), max(white, high)
        return Problem(
            seen=seen,
            psf=torch.as_tensor(self.psf, device=self.device),
            grid=self.grid(shape),
            offset=tuple(max(m, k // 2) for m, k in zip(margin, self.psf.shape, strict=True)),
            noise=noise.level / scale,
            law=None if noise.law is None else noise.law.over(scale, zero),
            scale=scale,
            zero=zero,
            black=(black - zero) / scale,
            white=(white - zero) / scale,
            mean=(intensity.mean - zero) / scale,
            std=intensity.std / scale,
            dark=(intensity.dark - zero) / scale,
            darkest=(intensity.darkest - zero) / scale,
            common=self.common,
            spacing=self.spacing,
            bits=8 * self.intensity.dtype.itemsize if self.intensity.dtype.kind in "iu" else 0,
            unseen=None if block.hidden is None else torch.tensor(block.hidden, device=self.device),
            precision=self.precision,
            cancel=self.cancel,
        )

    def grid(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The padded size of a block."""
        margin = self.method.margin(self.psf.shape)
        rings = (2 * max(m, k // 2) for m, k in zip(margin, self.psf.shape, strict=True))
        return fast_shape([n + r for n, r in zip(shape, rings, strict=True)])

    def _plan(self) -> Plan:
        held = 0
        if self.device.type == "cpu":
            # The result lies in the same memory as the work, and the input mostly does too.
            held = math.prod(self.layout.shape) * self.dtype.itemsize
            held += self.image.nbytes if isinstance(self.image, np.ndarray) else 0
        halo = self.method.halo(self.psf.shape)
        budget = min(self.most, max(self.budget - held, self.budget // 8))
        plan = plan_tiles(self.layout.block_shape, halo, self.cost, budget)
        if plan.halo != halo:
            text = "Memory is tight: tiles overlap less than they should; look for seams."
            self.notes.append(Note("memory", text))
        return plan

    def _finer(self) -> Plan:
        try:
            return self._plan()
        except DeconvError:
            raise MemoryError from None  # for `stream` to say in words; no budget was given

    def cost(self, shape: tuple[int, ...]) -> int:
        """Bytes that restoring a tile of this shape takes."""
        channels = self.layout.colours if self.method.joint_channels else 1
        buffers = self.method.buffers + (2 if self.unseen.any else 0)
        each = 4 * buffers + self.precision.dtype.itemsize * self.method.features
        return int(each * channels * math.prod(self.grid(shape)))

    def workload(self) -> int:
        """Predict `elements` at the end of the run, unless memory runs out."""
        sizes = ([r.stop - r.start for r in tile.read] for tile in self._plan().tiles())
        each = sum(math.prod(self.grid(tuple(size))) for size in sizes)
        return self.layout.count * self.layout.colours * each

    def _colour_groups(self) -> list[slice]:
        n = self.layout.colours
        return [slice(0, n)] if self.method.joint_channels else [slice(i, i + 1) for i in range(n)]

    def _carry_alpha(self, out: NDArray[Any]) -> None:
        alpha = slice(self.layout.colours, self.layout.samples)
        region = tuple(slice(0, n) for n in self.layout.block_shape)
        for item in self.layout.items():
            self.layout.write(
                out, item, region, alpha, self.layout.read(self.image, item, region, alpha)
            )

    def _total(self, plan: Plan) -> int:
        return self.layout.count * len(self._colour_groups()) * plan.count * self.method.total

    def _label(self, number: int, plan: Plan) -> str:
        count = self.layout.count
        where = f", {number + 1} of {count}" if count > 1 else ""
        return f"{self.method.title}{where}" + (f", {plan.count} tiles" if plan.count > 1 else "")

    def _check(self) -> None:
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled


def _common(block: Block) -> float:
    """Noise of the mean of three colours over that of one: cameras mix what their pixels saw."""
    if len(block.pixels) != 3:
        return INDEPENDENT
    hidden = [None] * 3 if block.hidden is None else block.hidden
    pairs = zip(block.pixels, hidden, strict=True)
    single = float(np.mean([estimate_noise(*pair) for pair in pairs]))
    anywhere = None if block.hidden is None else np.asarray(block.hidden.any(0))
    mean = estimate_noise(block.pixels.mean(0), anywhere)
    return min(max(mean / single, INDEPENDENT), 1.0) if single > 0 else INDEPENDENT


def _native(block: NDArray[Any]) -> NDArray[np.float32]:
    """Float32, contiguous, writeable and in native byte order; uncopied where it already is."""
    return np.require(block, np.float32, ["C", "W"])
