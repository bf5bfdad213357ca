"""Networks with and without bfloat16 units, side by side: the seconds of one 256x256 plane.

``python benchmarks/network_laptop.py`` runs itself once as the processor is and once held to AVX2,
as most laptops have it, turn by turn, and prints a Markdown table: seconds and CPU seconds for a
plane through the whole method, in the format that is chosen there; CPU seconds of the same
convolutions back to back in that format, and the share of their throughput that is reached, by CPU
time. Medians of interleaved repeats. CPU times of threads that wait for each other on a busy
machine count the waiting; wall times count everybody's work.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

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


def measure(name: str, side: int, threads: int, repeats: int) -> dict[str, object]:
    """A method's figures in this process."""
    methods()
    torch.set_num_threads(threads)
    image = np.random.default_rng(0).random((side, side), dtype=np.float32)
    psf = CameraShake(size_px=21, seed=1)()
    method = Method.make(name)

    def whole() -> None:
        drain(stream(method, image, psf, noise=0.01, device="cpu"))

    layers, _ = choose_precision("auto", torch.device("cpu"))
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
    parser.add_argument("--methods", nargs="+", default=NETWORKS)
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(measure(given.child, given.side, given.threads, given.repeats)))
        return
    print(
        f"{given.side}x{given.side}, {given.threads} threads, torch {torch.__version__}, load "
        f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n"
    )
    print("| method | runs on | format | seconds | CPU s | convolutions, CPU s | share |")
    print("|---|---|---|---|---|---|---|")
    for name in given.methods:
        for variables in ({}, AVX2):
            said = subprocess.run(
                [sys.executable, *sys.argv, "--child", name],
                env={**os.environ, **variables}, capture_output=True, text=True, check=True,
            ).stdout  # fmt: skip
            found = json.loads(said.splitlines()[-1])
            print(
                f"| {name} | {found['isa']} | {found['format']} | {found['wall']:.2f} | "
                f"{found['cpu']:.2f} | {found['bare']:.2f} | {100 * found['share']:.0f} % |",
                flush=True,
            )


if __name__ == "__main__":
    main()
