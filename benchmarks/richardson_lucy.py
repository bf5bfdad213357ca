"""Richardson-Lucy beside the bare FFTs it needs and beside its peers: time, memory, cancel.

All candidates take turns in every round, so that a busy machine touches all alike; the ratios are
medians over the rounds of processor times per iteration, set-up included for ours. Every case runs
in a process of its own, with the processor's own instructions and with those of AVX2 only, the two
one after the other. Peaks are taken in processes of their own, too. RedLionfish (its CPU path)
joins if it can be imported. Run ``python benchmarks/richardson_lucy.py``; it writes
``docs/benchmarks/richardson_lucy.md``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
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

THREADS = int(os.environ.setdefault("OMP_NUM_THREADS", "1"))

import numpy as np  # noqa: E402

HERE = Path(__file__).resolve()
OUT = HERE.parent.parent / "docs" / "benchmarks" / "richardson_lucy.md"
CASES = {
    "plane": ((1024, 1024), (31, 31)),
    "volume": ((32, 256, 256), (21, 31, 31)),
    "large plane": ((2048, 2048), (31, 31)),
    "large volume": ((64, 512, 512), (21, 31, 31)),
}
SETS = {
    "all of the processor's": {},
    "AVX2 only": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
}
"""Instruction sets, and what makes torch and its libraries keep to them. SciPy knows no other."""
ITERATIONS = 20
BARE = ("bare FFTs, SciPy", "bare FFTs, torch")


def inputs(case: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A fresh random image and a PSF of unit sum, float32."""
    shape, size = CASES[case]
    rng = np.random.default_rng(seed)
    psf = rng.random(size, dtype=np.float32) + 0.1
    return rng.random(shape, dtype=np.float32) + 0.1, psf / psf.sum()


def padded(shape: tuple[int, ...], size: tuple[int, ...]) -> tuple[int, ...]:
    from napari_deconv.signal.fourier import fast_shape

    return fast_shape([n + 2 * (k // 2) for n, k in zip(shape, size, strict=True)])


def peers_of(case: str) -> list[str]:
    has_lion = importlib.util.find_spec("RedLionfishDeconv") is not None
    return ["scikit-image", *(["RedLionfish"] if len(CASES[case][0]) == 3 and has_lion else [])]


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

    posed = Problem(
        seen=torch.from_numpy(image)[None],
        psf=torch.from_numpy(psf),
        grid=padded(image.shape, psf.shape),
        offset=tuple(k // 2 for k in psf.shape),
        noise=0.0,
    )
    for estimate in RichardsonLucy(iterations=iterations).steps(posed):
        last = estimate
    return last


def bare(library: str, case: str, seed: int) -> Callable[[], None]:
    """The four real FFTs of an iteration."""
    shape = padded(*CASES[case])
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
        milliseconds = {name: round(1e3 * busy) for name, (_, busy) in turn.items()}
        print(case, milliseconds, file=sys.stderr, flush=True)
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

    image, psf = inputs("large volume", 0)
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


def child(case: str, rounds: int, extra: dict[str, str]) -> dict[str, list[tuple[float, float]]]:
    """`race` in a process that keeps to an instruction set."""
    command = [sys.executable, str(HERE), "--race", case, "--rounds", str(rounds)]
    done = subprocess.run(
        command, env={**os.environ, **extra}, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def table(
    case: str, found: dict[str, dict[str, list[tuple[float, float]]]], high: dict[str, float]
) -> str:
    shape, size = ("x".join(map(str, s)) for s in CASES[case])
    lines = [
        f"## {shape}, PSF {size}, grid {'x'.join(map(str, padded(*CASES[case])))}",
        "",
        "| instructions | | processor ms | least | over bare FFTs | wall ms | peak / image |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for instructions, times in found.items():
        busy = {name: [pair[1] for pair in pairs] for name, pairs in times.items()}
        floor = [min(both) for both in zip(*(busy[name] for name in BARE), strict=True)]
        for name, pairs in times.items():
            ratio = statistics.median(a / b for a, b in zip(busy[name], floor, strict=True))
            wall = statistics.median(pair[0] for pair in pairs)
            memory = high.get("ours" if name == "ours, with the engine" else name)
            cells = [
                instructions,
                name,
                f"{1e3 * statistics.median(busy[name]):.1f}",
                f"{1e3 * min(busy[name]):.1f}",
                f"{ratio:.2f}",
                f"{1e3 * wall:.1f}",
                f"{memory:.1f}" if memory and name != "ours" else "",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def report(rounds: int, cases: list[str]) -> str:
    import torch

    sections = []
    for case in cases:
        found = {name: child(case, rounds, extra) for name, extra in SETS.items()}
        sections.append(table(case, found, peaks(case, peers_of(case))))
    waits = cancel_seconds(6) if "large volume" in cases else []
    versions = (
        f"torch {torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}"
    )
    head = f"""# Richardson-Lucy: time, memory, cancel

Written by `python benchmarks/richardson_lucy.py --rounds {rounds}`. {ITERATIONS} iterations,
{THREADS} thread(s), float32, padded as the default pads; fresh random inputs in each of {rounds}
rounds after one to warm up, in which all take turns. "Ours" is the method with its set-up, "with
the engine" is `deconvolve` as a user calls it. Bare FFTs are four real transforms of the padded
size; ratios are to the faster library's in the same round. Peers run 3 iterations on the unpadded
image; they do not handle the unseen border. The peak is above what the interpreter held after its
imports, input and output included. Times are medians per iteration. "AVX2 only" sets
{", ".join(f"`{name}={value}`" for name, value in SETS["AVX2 only"].items())}; the processor has
{torch.backends.cpu.get_cpu_capability()}, and SciPy's FFT is the same code in both. The machine was
shared: its load at the end was {os.getloadavg()[1]:.1f} on {os.cpu_count()} processors, the
benchmark included, which slows what goes through memory most. {versions}."""
    tail = (
        waits
        and f"""## Cancel

64x512x512, at random moments: back in {statistics.median(waits):.2f} s (median of {len(waits)}),
at most {max(waits):.2f} s."""
    )
    return "\n\n".join([head, *sections, *([tail] if waits else [])]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--peak", nargs=2, metavar=("PEER", "CASE"), help=argparse.SUPPRESS)
    parser.add_argument("--race", metavar="CASE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.race:
        print(json.dumps(race(options.race, options.rounds, peers_of(options.race))))
        return
    if options.peak:
        peak(*options.peak)
        return
    text = report(options.rounds, options.cases)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
