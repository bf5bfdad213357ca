"""Turn the arguments of a block-wise run into a job: blocks, runs and the empty result."""

from __future__ import annotations

import math
import secrets
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..core.errors import DeconvError
from ..core.json_text import JsonObject
from ..core.progress import Step
from ..engine.options import Options
from ..engine.run import Run
from ..engine.streaming import prepare, relative
from ..restoration.base import Method
from ..signal.noise_law import NoiseLaw
from .grid import cut
from .job import Job, Part, Progress
from .source import Source
from .target import chunk_shape, create, shard_shape
from .work import writing


@dataclass(frozen=True, eq=False, kw_only=True)
class Order:
    """A block-wise run as asked for; see `stream_blocks`."""

    method: Method
    source: Source
    target: Path
    psfs: Mapping[int | None, Any]
    sharded: bool
    version: str
    options: Options
    psf_record: JsonObject = field(default_factory=dict)

    @property
    def request(self) -> dict[str, Any]:
        """Everything that must be the same for a run to be resumed."""
        from .. import __version__
        from ..core.fingerprint import array_hash

        noise, spacing = self.options.get("noise"), self.options.get("spacing")
        return {
            "source": str(self.source.picture.path and self.source.picture.path.resolve()),
            "shape": list(self.source.array.shape),
            "dtype": str(self.source.array.dtype),
            "axes": self.source.picture.axes,
            "method": self.method.to_dict(),
            "psf": {str(c): array_hash(psf) for c, psf in self.psfs.items()},
            "noise": asdict(noise) if isinstance(noise, NoiseLaw) else noise,
            "spacing": None if spacing is None else [float(size) for size in spacing],
            "nan": self.options.get("nan", "refuse"),
            "precision": self.options.get("precision", "auto"),
            "sharded": self.sharded,
            "version": self.version,
            "napari-deconv": __version__,
        }


def begin(order: Order, progress: Progress) -> Generator[Step, None, Job]:
    """Look the image over, cut it into blocks and make the empty result."""
    if order.options.get("unseen") is not None:
        raise DeconvError(
            "A mask of unseen pixels cannot be given where an image is restored block by block.",
            'Mark them NaN in the file and take nan="unseen" (--nan unseen).',
        )
    runs = yield from _runs(order)
    layout = runs[0].layout
    chunks, shards, core, halo = _cut(order, runs)
    job = Job(
        source=str(order.source.picture.path),
        target=str(order.target),
        axes=order.source.picture.axes,
        shape=tuple(order.source.array.shape),
        chunks=chunks,
        shards=shards,
        core=core,
        halo=halo,
        spacing=relative(order.options.get("spacing"), len(layout.spatial)),
        device=order.options.get("device", "auto"),
        precision=runs[0].precision.name,
        notes=tuple(dict.fromkeys(note for run in runs for note in run.notes)),
        parts=tuple(map(_part, order.psfs, runs)),
        token=secrets.token_hex(8),
        nan=runs[0].unseen.nan,
    )
    with writing(progress.folder):
        progress.begin(job, order.request)
    return job


def _runs(order: Order) -> Generator[Step, None, list[Run]]:
    """Prepare a run for every channel."""
    runs = []
    for channel, psf in order.psfs.items():
        fixed = () if channel is None else (("C", channel),)
        run, block = prepare(order.method, order.source.array, psf, fixed=fixed, **order.options)
        yield from run.settle(block)
        runs.append(run)
    return runs


def _part(channel: int | None, run: Run) -> Part:
    assert isinstance(run.method, Method)
    return Part(
        channel=channel,
        method=run.method,
        psf=run.psf,
        reading=run.reading,
        noise=run.noise,
        common=run.common,
        record=replace(run.record(), channel=channel),
    )


Shape = tuple[int, ...]


def _cut(order: Order, runs: list[Run]) -> tuple[Shape, Shape, Shape, Shape]:
    """Chunks, shards (empty for none), block cores and halo that the memory budget allows."""
    layout, letters = runs[0].layout, order.source.picture.axes
    halos = [_halo(run.method, run.psf.shape) for run in runs]
    halo = tuple(map(max, zip(*halos, strict=True)))
    # Besides the work there are the block before and the one after it, being written and read.
    size = 3 * order.source.array.dtype.itemsize

    def cost(shape: Shape) -> int:
        return max(run.cost(shape) for run in runs) + size * math.prod(shape)

    chunks = chunk_shape(order.source, layout.spatial)
    while True:
        shards = shard_shape(chunks, letters) if order.sharded else ()
        unit = tuple((shards or chunks)[letters.index(a)] for a in layout.spatial)
        try:
            return (chunks, shards, *cut(layout, unit, halo, cost, runs[0].budget))
        except DeconvError:
            smaller = tuple(
                max(_LEAST_PX, n // 2) if a in "YX" and n > _LEAST_PX else n
                for n, a in zip(chunks, letters, strict=True)
            )
            if smaller == chunks:
                raise
            chunks = smaller


_LEAST_PX = 64


def _halo(method: Any, psf_shape: Shape) -> Shape:
    """Surroundings with which a block comes out as the whole would, to 1e-3 of the range.

    In memory, tiles of volumes have to do with a third of it.
    """
    reach = (round(method.halo_factor * n) for n in psf_shape)
    return tuple(map(max, method.halo(psf_shape), reach))


def create_for(order: Order, job: Job, where: Path) -> None:
    """Make the empty result."""
    create(where, order.source, job.chunks, job.shards or None, order.version, job.token)
