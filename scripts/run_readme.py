"""Run the README's Python blocks and command lines as they stand, in a new folder.

    python scripts/run_readme.py

The package is the one that this interpreter imports and ``napari-deconv`` the one on the path: a
test runs it from a wheel without napari, and ``scripts/fresh.sh`` in a new environment.
"""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import tempfile
import time
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page, in order."""
    fenced = rf"^```{language}\n(.*?)^```"
    return re.findall(fenced, page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def main() -> None:
    photo, stack = blocks(README, "python")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        started = time.perf_counter()
        gain = restore_photo(photo)
        print(f"first result after {time.perf_counter() - started:.1f} s: {gain:+.1f} dB")
        restore_stack(stack)
        for line in "".join(blocks(README, "sh")).splitlines():
            if line.startswith("napari-deconv "):
                print("$", line, flush=True)
                subprocess.run(line, shell=True, check=True, stdout=subprocess.DEVNULL)
        sharp = {path.name for path in Path("sharp").glob("*.jpg")}
        assert sharp == {"a.jpg", "b.jpg"} and Path("sharp.png").exists(), sharp


def restore_photo(code: str) -> float:
    """By how much the photo of the first block gets better, in dB."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    before, after = map(float, printed.getvalue().split())
    assert after > before + 2, (before, after)
    return after - before


def restore_stack(code: str) -> None:
    """Run the second block on a stack, and make photos for the command lines."""
    import numpy as np
    from PIL import Image
    from skimage import data

    import napari_deconv as nd

    stack = np.random.default_rng(0).integers(0, 4096, (2, 9, 20, 21), dtype=np.uint16)
    names = {"nd": nd, "stack": stack}
    exec(code, names)
    assert names["sharp"].max() > 1, "the intensity scale was lost"
    Path("photos").mkdir()
    for name in ("blurred.jpg", "photos/a.jpg", "photos/b.jpg"):
        Image.fromarray(data.chelsea()[:60, :71]).save(name)


if __name__ == "__main__":
    main()
