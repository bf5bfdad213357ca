"""What is promised is there, and the documentation uses nothing else."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import napari_deconv as nd
from napari_deconv.core.record import RunRecord

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")], key=lambda page: page.as_posix()
)


def promised() -> dict[str, set[str]]:
    """Module -> its promised names, from the table in docs/reference/python.md."""
    text = (ROOT / "docs" / "reference" / "python.md").read_text()
    rows = re.findall(r"^\| `(napari_deconv[\w.]*)` \| (.*) \|$", text, re.MULTILINE)
    return {module: set(re.findall(r"`(\w+)`", names)) for module, names in rows}


PROMISED = promised()


def code_in(page: Path) -> Iterator[str]:
    """Every block of Python of a page, fenced or indented."""
    text = page.read_text()
    yield from re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for block in re.findall(
        r"(?:^    .*\n|^\n)+", re.sub(r"```.*?```", "", text, flags=re.S), re.M
    ):
        if re.search(r"^    (import|from) ", block, re.M):
            yield textwrap.dedent(block)


def used(code: str) -> Iterator[str]:
    """Dotted names of ours that a script uses."""
    tree = ast.parse(code)
    names = {"nd": "napari_deconv"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                if one.name.split(".")[0] == "napari_deconv":
                    names[one.asname or one.name] = one.name
                    yield one.name
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("napari_deconv"):
            for one in node.names:
                names[one.asname or one.name] = f"{node.module}.{one.name}"
                yield f"{node.module}.{one.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            dotted = ast.unparse(node)
            first, _, rest = dotted.partition(".")
            if first in names and re.fullmatch(r"[\w.]+", dotted):
                yield f"{names[first]}.{rest}"


def is_promised(dotted: str) -> bool:
    """Whether a name is one of the table, or an attribute of one."""
    if dotted in PROMISED:
        return True
    for module in sorted(PROMISED, key=len, reverse=True):
        if dotted.startswith(f"{module}."):
            return dotted[len(module) + 1 :].split(".")[0] in PROMISED[module]
    return False


def test_what_is_promised_is_there_and_public() -> None:
    assert set(nd.__all__) == PROMISED["napari_deconv"] | {
        "__version__",
        *(name.partition(".")[2] for name in PROMISED if "." in name),
    }
    for module, names in PROMISED.items():
        found = import_module(module)
        assert all(hasattr(found, name) for name in names), module
        assert names <= set(getattr(found, "__all__", names)), module


def test_what_is_promised_says_what_it_does() -> None:
    for module, names in PROMISED.items():
        found = import_module(module)
        bare = [n for n in names if n != "SUFFIXES" and not getattr(found, n).__doc__]
        assert not bare, (module, bare)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_documentation_uses_what_is_promised(page: Path) -> None:
    for code in code_in(page):
        private = [name for name in used(code) if not is_promised(name)]
        assert not private, private
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    named = re.findall(r"`(?:python -m )?(napari_deconv\.[\w.]+)", prose)
    assert not [name for name in named if not is_promised(name.rstrip("."))]


def test_the_check_of_pages_sees_private_places(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Text:\n\n    from napari_deconv.engine.run import Run\n\n"
        "```python\nimport napari_deconv as nd\nnd.psf.nothing()\nnd.stream\n```\n"
    )
    names = [name for code in code_in(page) for name in used(code) if not is_promised(name)]
    assert names == ["napari_deconv.psf.nothing", "napari_deconv.engine.run.Run"]


METHOD = {"name": "wiener", "nsr": 0.1}
DISK = {"name": "disk", "radius_px": 2.0}


@pytest.mark.parametrize(
    "recipe",
    [
        {"path": "a.tif", "psf": {"spec": DISK, "size": [5, 5]}},
        {"light": "linear", "psf": {"file": "psf.tif", "repaired": True}},
        {"refine_psf": 3, "noise": 0.1, "psf": {"layer": "PSF"}},
        {"psf": {"channels": [{"channel": 0, "spec": DISK}, {"channel": 1, "file": "p.tif"}]}},
        {
            "psf": {
                "spec": {"name": "wide-field"},
                "depths": 3,
                "planes": 9,
                "pixel_size": [1, 1, 1],
            }
        },
    ],
)
def test_a_copied_script_uses_what_is_promised(recipe: dict[str, Any]) -> None:
    script = RunRecord.from_dict(
        {"method": METHOD, "axes": "YX", "source": "photo", **recipe}
    ).as_python()
    names = list(used(script))
    assert names and all(map(is_promised, names)), script


def test_linear_light_is_one_argument_and_stream_takes_what_deconvolve_takes() -> None:
    import numpy as np

    image = np.random.default_rng(0).random((24, 25)).astype(np.float32) / 5 + 0.4
    disk = nd.psf.Disk(radius_px=1)
    result = nd.deconvolve(image, disk, "wiener", linear=True, noise=0.1)
    run = nd.stream("wiener", image, disk, linear=True, noise=0.1)
    made = nd.drain(run)
    assert made.recipe["light"] == "linear"
    np.testing.assert_array_equal(made.data, result)
    assert not np.array_equal(result, nd.deconvolve(image, disk, "wiener", noise=0.1))
    method = nd.Method.make("wiener")
    plain = nd.drain(nd.stream(method, image, disk()))
    np.testing.assert_array_equal(plain.data, nd.deconvolve(image, disk, method))
