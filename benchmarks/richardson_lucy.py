"""Richardson-Lucy beside the bare FFTs it needs and beside its peers: time, memory, cancel.

All candidates take turns in every round, so that a busy machine touches all alike; medians and
minima are of the time per iteration, set-up included for ours. Peaks are taken in processes of
their own. RedLionfish (its CPU path) joins if it can be imported. Run
``python benchmarks/richardson_lucy.py``; it writes ``docs/benchmarks-rl.md``.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

THREADS = 2
os.environ.setdefault("OMP_NUM_THREADS", str(THREADS))

import numpy as np  # noqa: E402

HERE = Path(__file__).resolve()
OUT = HERE.parent.parent / "docs" / "benchmarks-rl.md"
CASES = {"2-D": ((2048, 2048), (31, 31)), "3-D": ((64, 512, 512), (21, 31, 31))}
ITERATIONS = 20
BARE = ("bare FFTs, SciPy", "bare FFTs, torch")


def inputs(case: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A fresh random image and a PSF of unit sum, float32."""
    shape, size = CASES[case]
    rng = np.random.default_rng(seed)
    psf = rng.random(size, dtype=np.float32) + 0.1
    return rng.random(shape, dtype=np.float32) + 0.1, psf / psf.sum()


def grid(case: str) -> tuple[int, ...]:
    from napari_deconv.signal.fourier import fast_shape

    return fast_shape([n + 2 * (k // 2) for n, k in zip(*CASES[case], strict=True)])


def solver(name: str) -> Callable[[np.ndarray, np.ndarray, int], object]:
    """A function of image, PSF and iterations."""
    if name == "ours":
        return ours
    if name == "scikit-image":
        from skimage.restoration import richardson_lucy

        return lambda y, k, n: richardson_lucy(y, k, num_iter=n, clip=False)
    from RedLionfishDeconv import doRLDeconvolutionFromNpArrays

    return lambda y, k, n: doRLDeconvolutionFromNpArrays(y, k, niter=n, method="cpu")


def ours(image: np.ndarray, psf: np.ndarray, iterations: int) -> object:
    from napari_deconv.engine.streaming import drain, stream
    from napari_deconv.restoration.richardson_lucy import RichardsonLucy

    return drain(stream(RichardsonLucy(iterations=iterations), image, psf, noise=0.0, device="cpu"))


def method_alone(image: np.ndarray, psf: np.ndarray, iterations: int) -> object:
    import torch

    from napari_deconv.engine.problem import Problem
    from napari_deconv.restoration.richardson_lucy import RichardsonLucy

    case = f"{image.ndim}-D"
    posed = Problem(
        seen=torch.from_numpy(image)[None],
        psf=torch.from_numpy(psf),
        grid=grid(case),
        offset=tuple(k // 2 for k in psf.shape),
        noise=0.0,
    )
    for estimate in RichardsonLucy(iterations=iterations).steps(posed):
        last = estimate
    return last


def bare(library: str, case: str, seed: int) -> Callable[[], None]:
    """The four real FFTs of an iteration."""
    shape = grid(case)
    x = np.random.default_rng(seed).random(shape, dtype=np.float32)
    if library == "scipy":
        from scipy import fft

        spectrum = fft.rfftn(x, workers=THREADS)

        def pair() -> None:
            fft.rfftn(x, workers=THREADS)
            fft.irfftn(spectrum, s=shape, workers=THREADS)
    else:
        import torch

        tensor = torch.from_numpy(x)
        half = torch.fft.rfftn(tensor)

        def pair() -> None:
            torch.fft.rfftn(tensor)
            torch.fft.irfftn(half, s=shape)

    def four() -> None:
        pair()
        pair()

    return four


def timed(work: Callable[[], object], each: int, times: int = 1) -> tuple[float, float]:
    """Wall and processor seconds per iteration, of work that does ``each`` of them."""
    wall, busy = time.perf_counter(), time.process_time()
    for _ in range(times):
        work()
    share = each * times
    return (time.perf_counter() - wall) / share, (time.process_time() - busy) / share


def race(case: str, rounds: int, peers: list[str]) -> dict[str, list[tuple[float, float]]]:
    """Wall and processor seconds per iteration, once per round, the candidates taking turns."""
    found: dict[str, list[tuple[float, float]]] = {}
    for seed in range(rounds + 1):
        image, psf = inputs(case, seed)
        turn = {
            "ours, with the engine": timed(partial(ours, image, psf, ITERATIONS), ITERATIONS),
            BARE[0]: timed(bare("scipy", case, seed), 1, 5),
            "ours": timed(partial(method_alone, image, psf, ITERATIONS), ITERATIONS),
            BARE[1]: timed(bare("torch", case, seed), 1, 5),
        }
        for peer in peers:
            turn[peer] = timed(partial(solver(peer), image, psf, 3), 3)
        print(case, {name: round(1e3 * wall) for name, (wall, _) in turn.items()}, flush=True)
        for name, pair in turn.items() if seed > 0 else ():  # the first round warms up
            found.setdefault(name, []).append(pair)
    return found


def peak(name: str, case: str) -> None:
    """Print the peak above what was resident after the imports, in sizes of the image."""
    import psutil

    run = solver(name)
    tiny = np.random.default_rng(0).random((8, 16, 16)[-len(CASES[case][0]) :], dtype=np.float32)
    run(tiny, np.ones((3,) * tiny.ndim, np.float32) / 3**tiny.ndim, 1)  # late imports
    before = psutil.Process().memory_info().rss
    image, psf = inputs(case, 0)
    run(image, psf, 3)
    lines = Path("/proc/self/status").read_text().splitlines()
    high = 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    print((high - before) / image.nbytes)


def peaks(case: str, peers: list[str]) -> dict[str, float]:
    found = {}
    for name in ("ours", *peers):
        command = [sys.executable, str(HERE), "--peak", name, case]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found[name] = float(said.splitlines()[-1])
        print(case, "peak", name, round(found[name], 2), flush=True)
    return found


def press(cancel: threading.Event, pressed: list[float]) -> None:
    pressed.append(time.perf_counter())
    cancel.set()


def cancel_seconds(rounds: int) -> list[float]:
    """From setting the event to having control back, at random moments of a 3-D run."""
    from napari_deconv.core.errors import Cancelled
    from napari_deconv.engine.streaming import drain, stream
    from napari_deconv.restoration.richardson_lucy import RichardsonLucy

    image, psf = inputs("3-D", 0)
    waits = []
    for seed in range(rounds):
        cancel, pressed = threading.Event(), list[float]()
        delay = np.random.default_rng(seed).uniform(1, 4)
        timer = threading.Timer(delay, press, (cancel, pressed))
        timer.start()
        try:
            drain(stream(RichardsonLucy(iterations=500), image, psf, device="cpu", cancel=cancel))
        except Cancelled:
            waits.append(time.perf_counter() - pressed[0])
    return waits


def table(case: str, times: dict[str, list[tuple[float, float]]], high: dict[str, float]) -> str:
    wall = {name: [pair[0] for pair in found] for name, found in times.items()}
    middle = {name: statistics.median(found) for name, found in wall.items()}
    least = {name: min(found) for name, found in wall.items()}
    busy = {name: min(pair[1] for pair in found) for name, found in times.items()}
    shape, size = ("x".join(map(str, s)) for s in CASES[case])
    lines = [
        f"## {case}: {shape}, PSF {size}, grid {'x'.join(map(str, grid(case)))}",
        "",
        "| | median ms | over bare FFTs | least ms | over bare FFTs | least processor ms "
        "| peak / image |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in times:
        cells = [name]
        for values in (middle, least):
            cells.append(f"{1e3 * values[name]:.0f}")
            cells.append(f"{values[name] / min(values[n] for n in BARE):.2f}")
        memory = high.get("ours" if name == "ours, with the engine" else name)
        cells += [f"{1e3 * busy[name]:.0f}", f"{memory:.1f}" if memory and name != "ours" else ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def report(rounds: int) -> str:
    import torch

    torch.set_num_threads(THREADS)
    has_lion = importlib.util.find_spec("RedLionfishDeconv") is not None
    sections = []
    for case in CASES:
        peers = ["scikit-image", *(["RedLionfish"] if case == "3-D" and has_lion else [])]
        high = peaks(case, peers)
        sections.append(table(case, race(case, rounds, peers), high))
    waits = cancel_seconds(6)
    versions = (
        f"torch {torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}"
    )
    head = f"""# Richardson-Lucy: time, memory, cancel

Written by `python benchmarks/richardson_lucy.py`. {ITERATIONS} iterations, {THREADS} threads,
float32, padded as the default pads; fresh random inputs in each of {rounds} rounds after one to
warm up, in which all take turns. "Ours" is the method with its set-up, "with the engine" is
`deconvolve` as a user calls it. Bare FFTs are four real transforms of the padded size. Peers run 3
iterations on the unpadded image; they do not handle the unseen border. The peak is above what the
interpreter held after its imports, input and output included. Times are per iteration. Processor
time is what a busy machine disturbs least; this one's load at the end was {os.getloadavg()[1]:.1f}
on {os.cpu_count()} processors, the benchmark included. {versions}."""
    tail = f"""## Cancel

64x512x512, at random moments: back in {statistics.median(waits):.2f} s (median of {len(waits)}),
at most {max(waits):.2f} s."""
    return "\n\n".join([head, *sections, tail]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peak", nargs=2, metavar=("PEER", "CASE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        peak(*options.peak)
        return
    text = report(options.rounds)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
