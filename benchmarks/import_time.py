"""Time of ``import napari_deconv`` over bare Python with numpy, and of what a user adds to it.

Fresh interpreters, the candidates taking turns so that a busy machine touches all alike; medians.

    python benchmarks/import_time.py [--rounds 15]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

BASE = "import numpy"
CANDIDATES = {
    "python alone": "pass",
    "numpy": BASE,
    "numpy, napari_deconv": f"{BASE}; import napari_deconv",
    "numpy, napari_deconv.psf": f"{BASE}; import napari_deconv; napari_deconv.psf",
    "numpy, napari_deconv.deconvolve": f"{BASE}; import napari_deconv; napari_deconv.deconvolve",
    "numpy, torch": f"{BASE}; import torch",
}


def seconds(code: str) -> float:
    """Wall time of a fresh interpreter running ``code``."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    for code in CANDIDATES.values():
        seconds(code)  # fills the disk cache and writes the bytecode
    times: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    for _ in range(rounds):
        for name, code in CANDIDATES.items():
            times[name].append(seconds(code))
    medians = {name: statistics.median(found) for name, found in times.items()}
    print(f"{'import':34}{'median ms':>10}{'over numpy ms':>15}")
    for name, median in medians.items():
        print(f"{name:34}{1e3 * median:10.1f}{1e3 * (median - medians['numpy']):15.1f}")


if __name__ == "__main__":
    main()
