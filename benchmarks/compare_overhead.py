"""What a comparison costs beyond its methods, and how fast a sweep's stack scrolls.

    python benchmarks/compare_overhead.py overhead [--size 1024] [--threads 2]
    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/compare_overhead.py frames

``overhead`` compares eight methods on one grey image: wall time over the sum of the methods' own
times (the issue asks for less than 5 % more). ``frames`` scrolls through a stack of 50 results of
1024 x 1024 in a real window (20 frames a second are asked for). Run them on a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import time

EIGHT = (
    ("wiener", {}),
    ("tikhonov", {}),
    ("tv", {}),
    ("sparse", {}),
    ("hyper-laplacian", {}),
    ("ird", {}),
    ("richardson-lucy", {"iterations": 10}),
    ("richardson-lucy", {"iterations": 50}),
)


def overhead(size: int) -> None:
    import numpy as np
    from skimage import data, transform

    import napari_deconv as nd
    from napari_deconv.comparison.material import Material
    from napari_deconv.comparison.recipe import Comparison
    from napari_deconv.comparison.run import compare
    from napari_deconv.engine.streaming import drain
    from napari_deconv.restoration.base import Method, methods

    known = methods()
    psf = nd.psf.CameraShake(size_px=21, seed=7)()
    sharp = transform.resize(data.camera() / 255.0, (size + 20, size + 20), anti_aliasing=False)
    image, truth = nd.degrade(sharp, psf, noise=0.01, boundary="valid", seed=0)
    chosen = tuple(Method.make(name, **fields) for name, fields in EIGHT if name in known)
    material = Material(image=image.astype(np.float32), axes="YX", psf=psf, truth=truth)
    outcome = drain(compare(Comparison(methods=chosen), material))
    own = sum(row.figure("seconds") for row in outcome.rows)
    for row in outcome.rows:
        print(f"{row.label:40s} {row.figure('seconds'):8.2f} s {row.error}")
    share = 100 * (outcome.seconds / own - 1)
    print(f"{len(chosen)} methods, {image.shape}: {own:.2f} s of their own, "
          f"{outcome.seconds:.2f} s in all: {share:.1f} % more")  # fmt: skip


def frames(count: int = 50, side: int = 1024) -> None:
    import napari
    import numpy as np
    from qtpy.QtWidgets import QApplication

    stack = np.random.default_rng(0).random((count, side, side), np.float32)
    viewer = napari.Viewer()
    viewer.add_image(stack, contrast_limits=(0, 1))
    canvas = viewer.window._qt_viewer.canvas

    def show(index: int) -> None:
        viewer.dims.set_current_step(0, index)
        QApplication.processEvents()
        canvas._scene_canvas.render(alpha=False)

    show(1)
    began = time.perf_counter()
    for index in range(count):
        show(index)
    print(f"{count} results of {side} x {side}: "
          f"{count / (time.perf_counter() - began):.1f} frames a second")  # fmt: skip
    viewer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("overhead", "frames"))
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    if args.what == "overhead":
        overhead(args.size)
    else:
        frames()


if __name__ == "__main__":
    main()
