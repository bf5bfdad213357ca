"""An OME-Zarr larger than memory: finished, or resumed after kills; overhead; two workers.

``make`` writes a sparse generated image; ``kills`` restores it in processes of their own that are
killed, and compares with a run left alone; ``overhead`` compares the blocks' bare computation with
the whole run; ``workers`` compares one worker of one thread with two. For the large case::

    python benchmarks/large_zarr.py make /data/in.zarr --gigabytes 20
    systemd-run --user --scope -p MemoryMax=4G \
        python benchmarks/large_zarr.py kills /data/in.zarr --kills 3 --memory-gb 2
    python benchmarks/large_zarr.py overhead /data/in.zarr --memory-gb 2
    OMP_NUM_THREADS=1 python benchmarks/large_zarr.py workers /data/in.zarr --memory-gb 1
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import zarr

CHUNKS = (32, 256, 256)
DEPTH = 64
PSF = "gaussian:sigma_px=1.5,1.2,1.2"


def make(path: Path, gigabytes: float) -> None:
    """Blobs on a noisy floor in a tenth of the chunks; the others hold nothing."""
    side = int(np.sqrt(gigabytes * 1e9 / 2 / DEPTH)) // CHUNKS[1] * CHUNKS[1]
    shape = (DEPTH, side, side)
    group = zarr.create_group(str(path), zarr_format=3)
    array = group.create_array("0", shape=shape, dtype="uint16", chunks=CHUNKS, fill_value=0)
    for y in range(0, side, CHUNKS[1]):
        for x in range(0, side, CHUNKS[2]):
            rng = np.random.default_rng((y, x))
            if rng.random() < 0.1:
                block = rng.poisson(20, (DEPTH, *CHUNKS[1:])).astype(np.uint16)
                spots = [rng.integers(4, n - 4, 200) for n in block.shape]
                for z, j, i in zip(*spots, strict=True):
                    block[z - 1 : z + 2, j - 1 : j + 2, i - 1 : i + 2] += 400
                array[:, y : y + CHUNKS[1], x : x + CHUNKS[2]] = block
    axes = [{"name": a, "type": "space", "unit": "micrometer"} for a in "zyx"]
    scale = [{"type": "scale", "scale": [0.3, 0.1, 0.1]}]
    one = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [one]}
    print(path, shape, f"{np.prod(shape) * 2 / 1e9:.1f} GB")


def command(source: Path, target: Path, options: argparse.Namespace) -> list[str]:
    method = ["--method", "richardson-lucy", "--iterations", "3"]
    if options.method == "wiener":
        method = ["--method", "wiener"]
    # The level is given: estimating it is no part of what is compared.
    rest = ["--noise", "5", "--device", "cpu", "--memory-gb", str(options.memory_gb)]
    start = [sys.executable, "-m", "napari_deconv", "deconvolve", str(source), "-o", str(target)]
    return [*start, "--psf", PSF, *method, *rest]


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


def kills(source: Path, options: argparse.Namespace) -> None:
    alone, killed = (fresh(source.with_name(n)) for n in ("alone.zarr", "killed.zarr"))
    began = time.perf_counter()
    subprocess.run(command(source, alone, options), check=True)
    seconds = time.perf_counter() - began
    print(f"alone: {seconds:.0f} s")
    for number in range(options.kills):
        process = subprocess.Popen(command(source, killed, options))
        time.sleep(seconds / (options.kills + 1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = killed.with_name(killed.name + ".progress") / "done.txt"
        blocks = len(done.read_text().split()) if done.exists() else 0
        print(f"kill {number + 1}: {blocks} blocks are on disk")
    subprocess.run(command(source, killed, options), check=True)
    print("identical:", same(alone, killed))


def overhead(source: Path, options: argparse.Namespace) -> None:
    """The whole run against the time within the blocks' computation."""
    from napari_deconv.blocks import stream_blocks, work
    from napari_deconv.core.engine import drain

    spent, original = [0.0], work.compute

    def timed(*args: Any) -> Any:
        steps, began = original(*args), time.perf_counter()
        try:
            return (yield from steps)
        finally:
            spent[0] += time.perf_counter() - began

    work.compute = timed  # type: ignore[assignment]
    began = time.perf_counter()
    drain(stream_blocks(*arguments(source, "overhead.zarr", options)[0], **keywords(options)))
    total = time.perf_counter() - began
    print(
        f"{total:.1f} s, of which {spent[0]:.1f} s computing: {total / spent[0] - 1:.1%} overhead"
    )


def arguments(source: Path, name: str, options: argparse.Namespace) -> tuple[tuple[Any, ...], Path]:
    from napari_deconv import methods, psf

    fields = {} if options.method == "wiener" else {"iterations": 3}
    method = methods()[options.method](**fields)
    target = fresh(source.with_name(name))
    return (method, source, target, psf.Gaussian(sigma_px=(1.5, 1.2, 1.2))()), target


def keywords(options: argparse.Namespace) -> dict[str, Any]:
    return {"noise": 5.0, "device": "cpu", "memory_bytes": int(options.memory_gb * 1e9)}


def workers(source: Path, options: argparse.Namespace) -> None:
    from distributed import LocalCluster

    from napari_deconv.blocks import stream_blocks
    from napari_deconv.core.engine import drain

    seconds = {}
    for count in (1, 2):
        with LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster:
            given, _ = arguments(source, f"workers-{count}.zarr", options)
            began = time.perf_counter()
            run = stream_blocks(*given, scheduler=cluster.scheduler_address, **keywords(options))
            drain(run)
            seconds[count] = time.perf_counter() - began
            print(f"{count} worker(s): {seconds[count]:.1f} s", flush=True)
    print(f"two give {seconds[1] / seconds[2]:.2f}x one")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["make", "kills", "overhead", "workers"])
    parser.add_argument("path", type=Path)
    parser.add_argument("--gigabytes", type=float, default=20.0)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--memory-gb", type=float, default=2.0)
    parser.add_argument(
        "--method", choices=["wiener", "richardson-lucy"], default="richardson-lucy"
    )
    options = parser.parse_args()
    if options.what == "make":
        make(options.path, options.gigabytes)
    else:
        {"kills": kills, "overhead": overhead, "workers": workers}[options.what](
            options.path, options
        )


if __name__ == "__main__":
    main()
