"""Richardson-Lucy beside that of ci-deconvolve 3.1.0: seconds, memory and PSNR on one stack.

``python benchmarks/ci_deconvolve.py PYTHON`` takes the interpreter of an environment of Python 3.12
with ``pip install ci-deconvolve==3.1.0`` and PyTorch. Both restore the same generated stacks of
24x256x256 voxels (beads, filaments and nuclei in wide field, 200 photons) with the same PSF, 40
iterations and as many threads, each run in a process of its own and turn by turn. Seconds are those
of a call after a small one to warm up, peaks are above what the process held before it. It prints
a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SHAPE, PHOTONS, ITERATIONS = (24, 256, 256), 200, 40
CANDIDATES = {
    "Richardson-Lucy": ITERATIONS,
    "Richardson-Lucy, accelerated": ITERATIONS,
    "Richardson-Lucy, accelerated, 12 iterations": 12,
    "ci-deconvolve": ITERATIONS,
}
Solver = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def solver(name: str) -> Solver:
    """A candidate as a function of image, PSF and iterations; each imports only what it needs."""
    if name == "ci-deconvolve":
        from core.deconvolve_ci import ci_rl_deconvolve

        return lambda image, psf, count: ci_rl_deconvolve(
            image, psf, niter=count, convergence="fixed", device="cpu"
        )["result"]
    from napari_deconv import deconvolve

    fields = {"accelerate": "accelerated" in name}
    return lambda image, psf, count: deconvolve(
        image, psf, "richardson-lucy", device="cpu", noise=0, iterations=count, **fields
    )


def measure(name: str, scene: Path, threads: int) -> dict[str, float | str]:
    """One run in this process."""
    import psutil
    import torch

    torch.set_num_threads(threads)
    run, stack = solver(name), np.load(scene)
    run(stack["image"][:8, :48, :48], stack["psf"][8:13, 8:17, 8:17], 2)
    before = psutil.Process().memory_info().rss
    wall, busy = time.perf_counter(), time.process_time()
    result = run(stack["image"], stack["psf"], CANDIDATES[name])
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    lines = Path("/proc/self/status").read_text().splitlines()
    high = 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    truth = stack["truth"]
    error = float(np.mean((np.asarray(result, np.float64) - truth) ** 2))
    return {
        "wall": wall,
        "cpu": busy,
        "peak": (high - before) / stack["image"].nbytes,
        "psnr": 10 * np.log10(float(truth.max()) ** 2 / error),
        "torch": torch.__version__,
    }


def scenes(folder: Path) -> list[Path]:
    """A file for every kind of stack."""
    from scipy.signal import fftconvolve
    from stacks import BACKGROUND, KINDS, structure, widefield

    psf, files = widefield(), []
    full = tuple(n + k - 1 for n, k in zip(SHAPE, psf.shape, strict=True))
    window = tuple(slice(k // 2, k // 2 + n) for n, k in zip(SHAPE, psf.shape, strict=True))
    for kind in KINDS:
        rng = np.random.default_rng(0)
        truth = (structure(kind, full, rng) + BACKGROUND) * PHOTONS
        expected = fftconvolve(truth, psf.astype(np.float64), mode="valid").clip(0)
        files.append(folder / f"{kind}.npz")
        image = rng.poisson(expected).astype(np.float32)
        np.savez(files[-1], image=image, truth=truth[window].astype(np.float32), psf=psf)
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("python", help="interpreter that can import ci-deconvolve")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--run", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        name, file = given.run
        print(json.dumps(measure(name, Path(file), given.threads)))
        return
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in CANDIDATES}
    with tempfile.TemporaryDirectory() as folder:
        for file in scenes(Path(folder)) * given.repeats:
            for name in CANDIDATES:
                python = given.python if name == "ci-deconvolve" else sys.executable
                variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
                variables |= {"OMP_NUM_THREADS": str(given.threads)}
                if python == sys.executable:
                    variables |= {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
                command = [
                    python,
                    "-W",
                    "ignore",
                    __file__,
                    python,
                    "--threads",
                    str(given.threads),
                ]
                done = subprocess.run(
                    [*command, "--run", name, str(file)],
                    env=variables, stdout=subprocess.PIPE, text=True, check=True,
                )  # fmt: skip
                rows[name].append(json.loads(done.stdout.splitlines()[-1]))
    shape = "x".join(map(str, SHAPE))
    print(
        f"{shape}, {ITERATIONS} iterations, {given.threads} threads, load "
        f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n"
    )
    print("| | torch | seconds | CPU s | peak / image | beads | filaments | nuclei |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for name, runs in rows.items():
        wall, cpu, peak = (
            statistics.median(run[key] for run in runs) for key in ("wall", "cpu", "peak")
        )
        psnr = " | ".join(f"{run['psnr']:.2f} dB" for run in runs[:3])
        print(f"| {name} | {runs[0]['torch']} | {wall:.2f} | {cpu:.2f} | {peak:.1f} | {psnr} |")


if __name__ == "__main__":
    main()
