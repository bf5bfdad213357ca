"""An OME-Zarr larger than memory: resumed after kills, overhead over bare compute, two workers.

``make`` writes a sparse generated image; ``kills`` restores it in processes of their own that are
killed on the way, and compares with a run left alone; ``overhead`` compares the whole run with
nothing but the blocks' computation; ``workers`` compares one worker of one thread with two::

    python benchmarks/large_zarr.py make /data/in.zarr --gigabytes 20 --filled 0.002
    taskset -c 0,1 python benchmarks/large_zarr.py kills /data/in.zarr --memory-gb 2 --limit-gb 4
    python benchmarks/large_zarr.py overhead /data/in.zarr --memory-gb 2
    OMP_NUM_THREADS=1 python benchmarks/large_zarr.py workers /data/in.zarr --memory-gb 1

Each puts its line into ``docs/benchmarks/large_zarr.md``. ``--limit-gb`` is a limit of the
operating system on what a process may allocate.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr

OUT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "large_zarr.md"
HEAD = """# Larger than memory

Written by `benchmarks/large_zarr.py`, whose head says how; sizes are of the pixels. Overhead is the
whole run over nothing but the blocks' computation, which is done once more for that, block after
block; the run reads, computes, writes and makes the smaller levels.

| | image | method | result |
|---|---|---|---|"""
CHUNKS = (32, 256, 256)
DEPTH = 64
PSF = "gaussian:sigma_px=1.5,1.2,1.2"
METHODS = {"richardson-lucy": {"iterations": 3}, "wiener": {}}


def make(path: Path, gigabytes: float, filled: float) -> None:
    """Blobs on a noisy floor in a share of the columns of chunks; the others hold nothing."""
    side = math.ceil(math.sqrt(gigabytes * 1e9 / 2 / DEPTH) / CHUNKS[1]) * CHUNKS[1]
    shape = (DEPTH, side, side)
    group = zarr.create_group(str(path), zarr_format=3)
    array = group.create_array("0", shape=shape, dtype="uint16", chunks=CHUNKS, fill_value=0)
    for y in range(0, side, CHUNKS[1]):
        for x in range(0, side, CHUNKS[2]):
            rng = np.random.default_rng((y, x))
            if rng.random() < filled:
                block = rng.poisson(20, (DEPTH, *CHUNKS[1:])).astype(np.uint16)
                spots = [rng.integers(4, n - 4, 200) for n in block.shape]
                for z, j, i in zip(*spots, strict=True):
                    block[z - 1 : z + 2, j - 1 : j + 2, i - 1 : i + 2] += 400
                array[:, y : y + CHUNKS[1], x : x + CHUNKS[2]] = block
    axes = [{"name": a, "type": "space", "unit": "micrometer"} for a in "zyx"]
    scale = [{"type": "scale", "scale": [0.3, 0.1, 0.1]}]
    one = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
    group.attrs["filled"] = filled
    group.attrs["ome"] = {"version": "0.5", "multiscales": [one]}
    print(path, size(path))


def size(path: Path) -> str:
    group = zarr.open_group(str(path), mode="r")
    array: Any = group["0"]
    shape, filled = "x".join(map(str, array.shape)), 100 * float(group.attrs["filled"])
    return f"{shape}, {array.nbytes / 1e9:.1f} GB, {filled:g}% of it filled"


def record(what: str, source: Path, options: argparse.Namespace, said: str) -> None:
    """Print a result and put its line into the page, in the place of the one before."""
    lines = OUT.read_text().splitlines() if OUT.exists() else []
    rows = {line.split(" | ")[0]: line for line in lines if line.startswith("| **")}
    method = options.method + (", 3 iterations" if METHODS[options.method] else "")
    name = "| **" + what + "**" + ("" if METHODS[options.method] else " (Wiener)")
    rows[name] = f"{name} | {size(source)} | {method} | {said} |"
    OUT.write_text("\n".join([HEAD, *(rows[key] for key in sorted(rows))]) + "\n")
    print(what, said, flush=True)


def started(source: Path, target: Path, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    """The command line at work on it, allowed so much memory and no more."""
    words = [f"--{name}={value}" for name, value in METHODS[options.method].items()]
    # The level is given: estimating it is not part of what is compared.
    words += ["--noise", "5", "--device", "cpu", "--memory-gb", str(options.memory_gb), "--quiet"]
    start = [sys.executable, "-m", "napari_deconv", "deconvolve", str(source), "-o", str(target)]
    limit = int(options.limit_gb * 1e9)
    bound = partial(resource.setrlimit, resource.RLIMIT_DATA, (limit, limit))
    words = [*start, "--psf", PSF, "--method", options.method, *words]
    return subprocess.Popen(words, preexec_fn=bound)


def ended(process: subprocess.Popen[bytes], status: int = 0) -> float:
    """Wait for its end, which must be that one; its largest resident memory in GB."""
    _, found, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(found) != status:
        raise SystemExit(f"It ended with {os.waitstatus_to_exitcode(found)}, not {status}.")
    return used.ru_maxrss * 1024 / 1e9


def same(a: Path, b: Path) -> bool:
    one, two = (zarr.open_group(str(p), mode="r") for p in (a, b))
    for name in one.array_keys():
        first: Any = one[name]
        second: Any = two[name]
        step = first.chunks[1]
        for y in range(0, first.shape[1], step):
            if not np.array_equal(first[:, y : y + step], second[:, y : y + step]):
                return False
    return True


def fresh(path: Path) -> Path:
    for old in (path, path.with_name(path.name + ".progress")):
        shutil.rmtree(old, ignore_errors=True)
    return path


def done(target: Path) -> int:
    """Blocks that are on disk."""
    file = target.with_name(target.name + ".progress") / "done.txt"
    return len(file.read_text().split()) if file.exists() else 0


def kills(source: Path, options: argparse.Namespace) -> None:
    alone, killed = (fresh(source.with_name(n)) for n in ("alone.zarr", "killed.zarr"))
    began = time.perf_counter()
    peaks = [ended(started(source, alone, options))]
    seconds = time.perf_counter() - began
    recipe: Any = zarr.open_group(str(alone), mode="r").attrs["napari_deconv"]
    total = recipe["blocks"]["count"]
    print(f"alone: {seconds:.0f} s, {total} blocks, {peaks[0]:.2f} GB", flush=True)
    found = []
    for number in range(options.kills):
        process = started(source, killed, options)
        while done(killed) * (options.kills + 1) < total * (number + 1):
            time.sleep(0.1)
        time.sleep(random.Random(number).uniform(0, 3))
        process.send_signal(signal.SIGKILL)
        peaks.append(ended(process, -signal.SIGKILL))
        found.append(done(killed))
        print(f"kill {number + 1}: {found[-1]} blocks are on disk", flush=True)
    peaks.append(ended(started(source, killed, options)))
    equal = "identical" if same(alone, killed) else "NOT identical"
    said = f"killed with {', '.join(map(str, found))} of {total} blocks on disk, then finished: "
    said += f"{equal} to a run left alone; at most {max(peaks):.1f} GB resident"
    said += f", {options.limit_gb:g} GB allowed, {len(os.sched_getaffinity(0))} cores"
    record("kills", source, options, said)


def overhead(source: Path, options: argparse.Namespace) -> None:
    """The whole run against the time that the blocks' computation takes by itself."""
    from napari_deconv.blocks import stream_blocks, work
    from napari_deconv.engine.streaming import drain

    jobs: list[Any] = []
    original = work.compute

    def noted(job: Any, number: int, *rest: Any) -> Any:
        jobs.append((job, number))
        return (yield from original(job, number, *rest))

    work.compute = noted  # type: ignore[assignment]
    given = arguments(source, "overhead.zarr", options)  # imports every method
    began = clocks()
    drain(stream_blocks(*given, **keywords(options)))
    total, bare = clocks() - began, np.zeros(2)
    for job, number in jobs:
        block = work.read(job, number)
        began = clocks()
        drain(original(job, number, block))
        bare += clocks() - began
    work.forget()
    more = 100 * (total / bare - 1)
    said = f"{total[0]:.1f} s against {bare[0]:.1f} s of computing: {more[0]:.1f} %"
    said += f" (processor time {total[1]:.1f} s against {bare[1]:.1f} s: {more[1]:.1f} %)"
    record("overhead", source, options, f"{said}; {len(jobs)} blocks, {machine()}")


def clocks() -> np.ndarray:
    """Wall and processor seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def machine() -> str:
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}"


def arguments(source: Path, name: str, options: argparse.Namespace) -> tuple[Any, ...]:
    from napari_deconv import methods, psf

    method = methods()[options.method](**METHODS[options.method])
    target = fresh(source.with_name(name))
    return method, source, target, psf.Gaussian(sigma_px=(1.5, 1.2, 1.2))()


def keywords(options: argparse.Namespace) -> dict[str, Any]:
    return {"noise": 5.0, "device": "cpu", "memory_bytes": int(options.memory_gb * 1e9)}


def workers(source: Path, options: argparse.Namespace) -> None:
    from distributed import LocalCluster

    from napari_deconv.blocks import stream_blocks
    from napari_deconv.engine.streaming import drain

    seconds = {}
    for count in (1, 2):
        with LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster:
            given = arguments(source, f"workers-{count}.zarr", options)
            began = time.perf_counter()
            run = stream_blocks(*given, scheduler=cluster.scheduler_address, **keywords(options))
            drain(run)
            seconds[count] = time.perf_counter() - began
            print(f"{count} worker(s): {seconds[count]:.1f} s", flush=True)
    said = f"one {seconds[1]:.1f} s, two {seconds[2]:.1f} s: {seconds[1] / seconds[2]:.2f}x"
    record("workers", source, options, f"{said}; {machine()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["make", "kills", "overhead", "workers"])
    parser.add_argument("path", type=Path)
    parser.add_argument("--gigabytes", type=float, default=20.0)
    parser.add_argument("--filled", type=float, default=0.1, help="share that is not empty")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--memory-gb", type=float, default=2.0)
    parser.add_argument("--limit-gb", type=float, default=4.0)
    parser.add_argument("--method", choices=[*METHODS], default="richardson-lucy")
    options = parser.parse_args()
    if options.what == "make":
        make(options.path, options.gigabytes, options.filled)
    else:
        {"kills": kills, "overhead": overhead, "workers": workers}[options.what](
            options.path, options
        )


if __name__ == "__main__":
    main()
