"""The code that the README and the contribution guide show does what they say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

ROOT = Path(__file__).parents[1]


def blocks(page: str, language: str = "python") -> list[str]:
    """The code blocks of a page, in order."""
    fenced = rf"^```{language}\n(.*?)^```"
    return re.findall(fenced, (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)


def test_readme_photo_gets_sharper(capsys: pytest.CaptureFixture[str]) -> None:
    exec(blocks("README.md")[0], {})
    before, after = map(float, capsys.readouterr().out.split())
    assert after > before + 2


def test_readme_stack_keeps_shape_and_dtype() -> None:
    import napari_deconv as nd

    stack = np.random.default_rng(0).integers(0, 4096, (2, 9, 20, 21), dtype=np.uint16)
    names: dict[str, Any] = {"nd": nd, "stack": stack}
    exec(blocks("README.md")[1], names)
    assert names["sharp"].max() > 1, "the intensity scale was lost"


def test_readme_command_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_deconv.__main__ import main

    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for name in ("blurred.jpg", "photos/a.jpg", "photos/b.jpg"):
        Image.fromarray(data.chelsea()[:60, :71]).save(name)
    lines = "".join(blocks("README.md", "sh")).splitlines()
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("napari-deconv ")]
    assert [main(command) for command in commands] == [0] * 4
    assert np.asarray(Image.open("sharp.png")).shape == (60, 71, 3)
    assert {path.stem for path in Path("sharp").glob("*.jpg")} == {"a", "b"}


def test_contributing_method_is_one_file(tmp_path: Path) -> None:
    """The method shown, as a file of its own, can be called by name and sharpens an image."""
    (tmp_path / "landweber.py").write_text(blocks("CONTRIBUTING.md")[0])
    script = f"""
from skimage import data
import napari_deconv.restoration as package
package.__path__.append({str(tmp_path)!r})  # stands for putting the file there
import napari_deconv as nd
assert nd.methods()["landweber"].title == "Landweber"
psf = nd.psf.Disk(radius_px=3)()
blurred, truth = nd.degrade(data.camera()[60:160, 150:261] / 255, psf, seed=0)
sharp = nd.deconvolve(blurred, psf, "landweber", iterations=30)
assert nd.metrics.psnr(sharp, truth) > nd.metrics.psnr(blurred, truth) + 1
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
