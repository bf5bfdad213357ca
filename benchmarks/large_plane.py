"""An 8192x8192 float32 plane under a memory budget: peak, time, and tiles against whole.

Run ``python benchmarks/large_plane.py``; each row is a process of its own, because a peak cannot
be taken back. Writes ``docs/benchmarks/large_plane.md``.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve()
OUT = HERE.parent.parent / "docs" / "benchmarks" / "large_plane.md"
ROWS = (
    ("wiener", {}),
    ("tikhonov", {}),
    ("richardson-lucy", {"iterations": 10}),
    ("hyper-laplacian", {}),
    ("fcnn", {"domain": "photo"}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=8192)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--methods", nargs="*", default=[name for name, _ in ROWS])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.size, given.gigabytes, **json.loads(given.one))))
        return
    found = [measure(given, name, fields) for name, fields in ROWS if name in given.methods]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(table(given.size, given.gigabytes, found))
    print(OUT.read_text())


def measure(given: argparse.Namespace, name: str, fields: dict[str, object]) -> dict[str, object]:
    """One method in a fresh process."""
    task = json.dumps({"name": name, "fields": fields})
    command = [sys.executable, str(HERE), "--size", str(given.size)]
    command += ["--gigabytes", str(given.gigabytes), "--one", task]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def one(size: int, gigabytes: float, name: str, fields: dict[str, object]) -> dict[str, object]:
    """Peak above the interpreter's, seconds and tiles; then the whole, for the difference."""
    import numpy as np
    import torch
    from scipy.ndimage import zoom

    from napari_deconv import degrade
    from napari_deconv.engine.streaming import drain, stream
    from napari_deconv.psf import CameraShake
    from napari_deconv.restoration.base import Method, methods

    torch.set_num_threads(2)
    methods()
    rng = np.random.default_rng(0)
    scene = sum(
        zoom(rng.random((size // step, size // step), dtype=np.float32), step, order=0)
        for step in (2, 8, 32, 128)
    )
    psf = CameraShake(size_px=31, seed=3)()
    image = blurred(scene / 4, psf, degrade)
    del scene
    method = Method.make(name, **fields)
    method_warm(method, psf)
    before = start_peak() - image.nbytes
    began = time.perf_counter()
    result = drain(stream(method, image, psf, noise=0.01, memory_bytes=int(gigabytes * 1e9)))
    seconds = time.perf_counter() - began
    used = status("VmHWM") - before
    # The whole in one piece only at a size whose tiles can be forced as well.
    part = np.ascontiguousarray(image[: size // 4, : size // 4])
    whole = drain(stream(method, part, psf, noise=0.01, memory_bytes=20_000_000_000))
    budget = 2 * part.nbytes + int(method.buffers * 4 * max(size // 8, 400) ** 2)
    tiled = drain(stream(method, part, psf, noise=0.01, memory_bytes=budget))
    difference = np.abs(tiled.data - whole.data) / np.ptp(whole.data)
    away = tuple(slice(4 * n, -4 * n) for n in psf.shape)
    return {
        "method": str(method),
        "tiles": result.recipe["tiles"],
        "seconds": seconds,
        "peak_gb": used / 1e9,
        "part_tiles": tiled.recipe["tiles"],
        "difference": float(difference.max()),
        "inside": float(difference[away].max()),
        "rms": float(np.sqrt(np.mean(difference**2))),
    }


def blurred(scene, psf, degrade):  # type: ignore[no-untyped-def]
    """The scene degraded in bands, so that making it needs less memory than restoring it."""
    import numpy as np

    half, bands = psf.shape[0] // 2, []
    for start in range(0, len(scene), 1024):
        low, high = max(0, start - half), min(len(scene), start + 1024 + half)
        band, _ = degrade(scene[low:high], psf, noise=0.01, seed=start)
        bands.append(band[start - low : start - low + 1024])
    return np.concatenate(bands).astype(np.float32)


def method_warm(method, psf) -> None:  # type: ignore[no-untyped-def]
    """Libraries load on the first call; that is not the run's memory."""
    import numpy as np

    from napari_deconv.engine.streaming import drain, stream

    small = np.random.default_rng(1).random((96, 96), dtype=np.float32)
    drain(stream(method, small, psf, noise=0.01))


def start_peak() -> int:
    """Forget the highest resident memory so far (Linux) and return what is resident now."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")


def status(name: str) -> int:
    """A figure of this process's memory, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))


def table(size: int, gigabytes: float, found: list[dict[str, object]]) -> str:
    """The rows as Markdown."""
    lines = [
        "# A large plane under a memory budget",
        "",
        f"{size}x{size} float32, camera-shake PSF 31x31, CPU with 2 threads, "
        f"budget {gigabytes:g} GB. Made by `python benchmarks/large_plane.py`.",
        "Peak: highest resident memory during the run less that of the process before it, input "
        "and result included. Tiled - whole: the upper left "
        f"{size // 4}x{size // 4} pixels in tiles against in one piece, as a share of the range: "
        "the maximum, the maximum farther than four PSFs from the image's border, and the root "
        "mean square. A regularised inverse has no finite reach, and a heavy-tailed prior decides "
        "near ties either way; what they make of the unseen border differs most.",
        "",
        "| method | tiles | seconds | peak (GB) | tiles of the part | maximum | inside | rms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['method']} | {'x'.join(map(str, r['tiles']))} | {r['seconds']:.0f} "  # type: ignore[arg-type]
        f"| {r['peak_gb']:.2f} | {'x'.join(map(str, r['part_tiles']))} "  # type: ignore[arg-type]
        f"| {r['difference']:.1e} | {r['inside']:.1e} | {r['rms']:.1e} |"
        for r in found
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
