"""Which sizes of a grid are transformed fastest: the tables of `signal.good_sizes`.

Every size up to 2304 with no prime factor above 13 is timed as the last axis (real transforms of
contiguous rows) and as another (complex ones of columns, in place), in both instruction sets, least
of nine times. What the other axes and the arithmetic take grows with the size, too, and is counted
at its average. A size is good if no larger one is faster. Run ``python benchmarks/fft_sizes.py``;
it writes ``src/napari_deconv/signal/good_sizes.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from scipy import fft

HERE = Path(__file__).resolve()
OUT = HERE.parent.parent / "src" / "napari_deconv" / "signal" / "good_sizes.py"
LARGEST = 2304
AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
WORK = 1 << 17
MARGIN = 0.97
"""A larger size costs memory: it has to be faster by this."""


def smooth(n: int) -> bool:
    for factor in (2, 3, 5, 7, 11, 13):
        while n % factor == 0:
            n //= factor
    return n == 1


def least(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(9):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def rows(n: int) -> float:
    """Nanoseconds per pixel of a real transform along the last axis and back."""
    x = torch.rand(max(1, WORK // n), n)
    half = torch.fft.rfft(x)
    both = least(lambda: torch.fft.rfft(x)) + least(lambda: torch.fft.irfft(half, n=n))
    return 1e9 * both / x.numel()


def columns(n: int) -> float:
    """The same of a complex transform along another axis; a pixel is half a complex number."""
    wide = np.random.default_rng(0).random((n, 528)).astype(np.complex64)
    x = wide[:, : max(16, WORK // n // 16 * 16)]
    both = least(lambda: fft.fft(x, axis=0, overwrite_x=True))
    both += least(lambda: fft.ifft(x, axis=0, overwrite_x=True))
    return 1e9 * both / x.size / 2


def measure() -> None:
    torch.set_num_threads(1)
    sizes = [n for n in range(1, LARGEST + 1) if smooth(n)]
    found = {n: (rows(n) if n % 2 == 0 else 0.0, columns(n)) for n in sizes}
    print(json.dumps(found))


def good(costs: dict[int, float]) -> list[int]:
    """Sizes than which no larger one is faster."""
    average = float(np.median(list(costs.values())))
    whole = {n: n * (cost + 2 * average) for n, cost in costs.items()}
    return [n for n in whole if all(whole[m] >= MARGIN * whole[n] for m in whole if m > n)]


def main() -> None:
    if "--measure" in sys.argv:
        measure()
        return
    runs = []
    for extra in ({}, AVX2):
        command = [sys.executable, str(HERE), "--measure"]
        done = subprocess.run(
            command, env={**os.environ, **extra}, capture_output=True, text=True, check=True
        )
        runs.append({int(n): pair for n, pair in json.loads(done.stdout).items()})
    mean = {n: np.mean([run[n] for run in runs], axis=0) for n in runs[0]}
    last = good({n: float(pair[0]) for n, pair in mean.items() if n % 2 == 0})
    other = good({n: float(pair[1]) for n, pair in mean.items()})
    text = f'''"""Sizes of an axis that are transformed fast; written by benchmarks/fft_sizes.py."""

# fmt: off
LAST = {table(last)}
"""Of the last axis, whose transform is real: even ones."""
OTHER = {table(other)}
"""Of any other."""
'''
    OUT.write_text(text)
    print(text)


def table(sizes: list[int]) -> str:
    lines = textwrap.wrap(", ".join(map(str, sizes)) + ",", 94)
    return "(\n" + "\n".join(f"    {line}" for line in lines) + "\n)"


if __name__ == "__main__":
    main()
