"""Networks with and without bfloat16 units, side by side: the seconds of one 256x256 plane.

``python benchmarks/network_laptop.py`` runs itself as the processor is, in bfloat16 (where it has
units for that) and in float32, and held to AVX2, as most laptops have it, turn by turn, and prints
a Markdown table: seconds and CPU seconds for a plane through the whole method; CPU seconds of the
same convolutions back to back in that format, and the share of their throughput that is reached,
by CPU time. Medians of interleaved repeats. ``convolution`` is one 3x3 layer, 64 maps to 64, of
64x64, in both formats and both layouts, emulated ones as well. CPU times of threads that wait for
each other on a busy machine count the waiting; wall times count everybody's work.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from functools import partial

import numpy as np
import torch
from network_speed import bare, recorded

from napari_deconv.core.precision import choose_precision, instruction_set
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import CameraShake
from napari_deconv.restoration.base import Method, methods

NETWORKS = ("fcnn", "unrolled", "rgdn", "glra", "plug-and-play")
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}


def clocked(run: object) -> tuple[float, float]:
    """Wall and CPU seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()  # type: ignore[operator]
    return time.perf_counter() - wall, time.process_time() - cpu


def convolution(threads: int) -> None:
    """Print the time of a layer in every format and layout."""
    torch.set_num_threads(threads)
    for dtype in (torch.float32, torch.bfloat16):
        for layout in (torch.channels_last, torch.contiguous_format):
            layer = torch.nn.Conv2d(64, 64, 3, padding=1).to(dtype, memory_format=layout)
            x = torch.rand(1, 64, 64, 64).to(dtype, memory_format=layout)
            with torch.inference_mode():
                layer(x)
                walls = [clocked(partial(layer, x))[0] for _ in range(9)]
            order = "channels last" if layout == torch.channels_last else "planes"
            kind = str(dtype).removeprefix("torch.")
            milliseconds = 1e3 * statistics.median(walls)
            print(
                f"| convolution, {order} | {instruction_set()} | {kind} | {milliseconds:.1f} ms |"
            )


def measure(name: str, side: int, threads: int, repeats: int, precision: str) -> dict[str, object]:
    """A method's figures in this process."""
    methods()
    torch.set_num_threads(threads)
    image = np.random.default_rng(0).random((side, side), dtype=np.float32)
    psf = CameraShake(size_px=21, seed=1)()
    method = Method.make(name)

    def whole() -> None:
        drain(stream(method, image, psf, noise=0.01, device="cpu", precision=precision))

    layers, _ = choose_precision(precision, torch.device("cpu"))
    with recorded() as calls:
        whole()
    alone = bare(calls, torch.device("cpu"), layers)
    alone()
    pairs = [(clocked(whole), clocked(alone)) for _ in range(repeats)]
    return {
        "isa": instruction_set(),
        "format": layers.name,
        "wall": statistics.median(a[0] for a, _ in pairs),
        "cpu": statistics.median(a[1] for a, _ in pairs),
        "bare": statistics.median(b[1] for _, b in pairs),
        "share": statistics.median(b[1] / a[1] for a, b in pairs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--methods", nargs="*", default=NETWORKS)
    parser.add_argument("--only-avx2", action="store_true", help="leave the other columns out")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child == ["convolution", "auto"]:
        convolution(given.threads)
        return
    if given.child:
        name, precision = given.child
        print(json.dumps(measure(name, given.side, given.threads, given.repeats, precision)))
        return
    print(
        f"{given.side}x{given.side}, {given.threads} threads, torch {torch.__version__}, load "
        f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n"
    )
    print("| method | runs on | format | seconds | CPU s | convolutions, CPU s | share |")
    print("|---|---|---|---|---|---|---|")
    ways: list[tuple[dict[str, str], str]] = [(AVX2, "auto")]
    if not given.only_avx2:
        ways = [({}, "auto"), ({}, "float32"), *ways]
    for name in given.methods:
        seen = set()
        for variables, precision in ways:
            row = json.loads(child(variables, name, precision).splitlines()[-1])
            way = f"{row['isa']} | {row['format']}"
            if way not in seen:  # "auto" may be float32
                seen.add(way)
                print(
                    f"| {name} | {way} | {row['wall']:.2f} | {row['cpu']:.2f} | "
                    f"{row['bare']:.2f} | {100 * row['share']:.0f} % |",
                    flush=True,
                )
    if not given.only_avx2:
        for variables in ({}, AVX2):
            print(child(variables, "convolution", "auto"), end="", flush=True)


def child(variables: dict[str, str], name: str, precision: str) -> str:
    """What this script prints of a method in a process of its own."""
    command = [sys.executable, *sys.argv, "--child", name, precision]
    variables = {**os.environ, **variables}
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
