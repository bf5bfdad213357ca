"""The code that the documentation shows does what it says, and its links and cards are right."""

from __future__ import annotations

import os
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


@pytest.mark.filterwarnings("ignore::UserWarning")  # notes on clipped pixels
@pytest.mark.parametrize(
    "page",
    [
        "reference/python.md",
        "reference/psfs.md",
        "how-to/degrade-and-data-sets.md",
        "understand/faithful-numerics.md",
        "start/first-photo.md",
        "start/first-stack.md",
    ],
)
def test_python_of_a_page_runs_from_top_to_bottom(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks(f"docs/{page}")):
        exec(compile(block, f"{page}, block {number}", "exec"), names)


def test_command_lines_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_deconv.__main__ import main
    from napari_deconv.io import write

    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for name in ("photo.png", "photos/a.png", "photos/b.png"):
        Image.fromarray(data.chelsea()[:60, :71]).save(name)
    volume = np.random.default_rng(0).poisson(20, (8, 24, 25)).astype(np.uint16)
    write("stack.tif", volume, axes="ZYX")
    for line in "".join(blocks("docs/reference/command-line.md", "sh")).splitlines():
        assert main(shlex.split(line)[1:]) == 0, line
    assert Path("again.png").read_bytes() == Path("sharp.png").read_bytes()


def test_links_of_the_documentation_lead_somewhere() -> None:
    broken = []
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            name, _, heading = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            if not link.startswith("http") and not (
                target.exists() and (not heading or heading in anchors(target))
            ):
                broken.append(f"{page.name}: {link}")
    assert not broken


def test_site_builds_without_a_warning(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(
        build,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    index = (tmp_path / "index.html").read_text()
    assert not re.search(r"""<(script|link)[^>]+(src|href)="?https?://""", index), "not offline"
    assert "--radius-px" in (tmp_path / "reference" / "every-option.html").read_text()
    assert "flux_ratio" in (tmp_path / "reference" / "api.html").read_text()


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links, as code hosts do it."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


def test_method_cards_are_up_to_date() -> None:
    script = [sys.executable, str(ROOT / "scripts" / "method_cards.py"), "--check"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


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
