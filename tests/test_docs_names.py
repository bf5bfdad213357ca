"""Nothing in the documentation names a thing that does not exist, and a newcomer finds the rest."""

from __future__ import annotations

import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import napari_deconv as nd
from napari_deconv.cli import _parser

ROOT = Path(__file__).parents[1]
# Of the changelog what is not yet history.
PAGES = {
    page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8").partition("\n## 0.1.0")[0]
    for page in sorted({*ROOT.glob("[A-Z]*.md"), *(ROOT / "docs").rglob("*.md")})
}
TUTORIALS = {n: text for n, text in PAGES.items() if n.startswith(("docs/start/", "docs/how-to/"))}
MENUS = (
    "Plugins > Deconvolution", "File > Open Sample", "File > New Layer > PSF",
    "Layers > Filter > Networks",
)  # fmt: skip
OF_NAPARI = {
    "Coffee (RGB)", "File", "File > Open", "File > Preferences > Deconvolution",
    "File > Save Selected Layers", "Roll dimensions order",
}  # fmt: skip


def commands(text: str) -> Iterator[str]:
    """The lines that call the program: in blocks, continued lines joined, and within a sentence."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for line in joined.splitlines():
        if line.strip().startswith("napari-deconv ") and " | " not in line:
            yield line.strip()
    prose = re.sub(r"^```.*?^```", "", joined, flags=re.DOTALL | re.MULTILINE)
    for code in re.findall(r"`(napari-deconv\s[^`|]+)`", prose):
        words = code.split()  # a command's bare name is a name, not a call
        yield " ".join(words if len(words) > 2 else [*words, "--help"])


def test_every_command_line_parses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = []
    for page, line in ((page, line) for page, text in PAGES.items() for line in commands(text)):
        # A recipe would be read, which other tests do; COMMAND stands for any.
        words = shlex.split(re.sub(r"--recipe \S+|COMMAND", "", line), comments=True)[1:]
        try:
            args = _parser(words).parse_args(words)
            if getattr(args, "method", None) not in {None, "auto", *nd.methods()}:
                wrong.append(f"{page}: {line}: no such method")
        except SystemExit as stop:
            if stop.code not in (0, None):
                wrong.append(f"{page}: {line}: {capsys.readouterr().err.splitlines()[-1:]}")
    assert not wrong, "\n".join(wrong)


def test_every_python_name_exists() -> None:
    missing = []
    for page, text in PAGES.items():
        for dotted in sorted(set(re.findall(r"\b(?:nd|napari_deconv)\.(\w+(?:\.\w+)*)", text))):
            try:
                _resolve(dotted.split("."))
            except (AttributeError, ImportError):
                missing.append(f"{page}: {dotted}")
    assert not missing


def _resolve(names: list[str]) -> object:
    """What a dotted name below the package stands for."""
    thing: object = nd
    for i, name in enumerate(names):
        if not hasattr(thing, name):
            thing = importlib.import_module("napari_deconv." + ".".join(names[: i + 1]))
        else:
            thing = getattr(thing, name)
    return thing


def test_every_extra_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {e for text in PAGES.values() for e in re.findall(r"napari-deconv\[([\w,-]+)\]", text)}
    assert named and named <= set(project["optional-dependencies"])


def test_every_file_of_the_repository_exists() -> None:
    folders = "docs|scripts|benchmarks|studies|recipes|src|tests"
    missing = []
    for page, text in PAGES.items():
        words = re.sub(r"\]\([^)]*\)", "]", text)  # links have a test of their own
        named = re.findall(rf"(?<![\w./-])((?:{folders})/[\w./-]*\w)", words)
        missing += [f"{page}: {name}" for name in named if not (ROOT / name).exists()]
    assert not missing


def test_every_menu_entry_exists() -> None:
    """What stands after *Plugins > Deconvolution >*, *Open Sample > Deconvolution >* and so on."""
    manifest = yaml.safe_load((ROOT / "napari.yaml").read_text(encoding="utf-8"))["contributions"]
    entries = {
        "Plugins": {widget["display_name"] for widget in manifest["widgets"]},
        "Open Sample": {sample["display_name"] for sample in manifest["sample_data"]},
    }
    for page, text in PAGES.items():
        flat = " ".join(text.split())
        for menu, there in entries.items():
            named = set(re.findall(rf"{menu} > Deconvolution > ([^*]+?)\*", flat))
            assert named <= there, page
        for menu, submenu in (("New Layer > PSF", "psf"), ("Filter > Networks", "networks")):
            below = {item["command"] for item in manifest["menus"][f"napari-deconv/{submenu}"]}
            there = {x["title"] for x in manifest["commands"] if x["id"] in below}
            assert set(re.findall(rf"\*{_ABOVE[submenu]} > {menu} > ([^*]+?)\*", flat)) <= there, (
                page
            )


_ABOVE = {"psf": "File", "networks": "Layers"}


def test_every_button_and_field_of_a_tutorial_stands_in_the_window() -> None:
    """The bold words of numbered steps, as the panels' code has them."""
    package = ROOT / "src" / "napari_deconv"
    code = "\n".join(file.read_text(encoding="utf-8") for file in package.rglob("*.py"))
    known = re.sub(r"[&_]", lambda sign: "" if sign[0] == "&" else " ", code).lower()
    missing = []
    for page, text in TUTORIALS.items():
        steps = re.findall(r"^\d\. .*?(?=^\S|\Z)", text, re.DOTALL | re.MULTILINE)
        for bold in re.findall(r"\*\*(.+?)\*\*", " ".join(" ".join(steps).split())):
            label = bold.strip(".?")
            menu = label.startswith(MENUS)
            if not (
                menu or label in OF_NAPARI or all(p.lower() in known for p in label.split(" > "))
            ):
                missing.append(f"{page}: {bold}")
    assert not missing


# A newcomer's question -> the heading that answers it, and words that stand below it.
QUESTIONS = {
    "My photo is blurred, and I don't know its PSF": (
        "how-to/unknown-blur.md#one-button",
        "Deblur this photo",
    ),
    "My file has metadata: must I type the optics?": (
        "start/from-my-file.md#see-what-the-file-says",
        "ASSUMED",
    ),
    "My stack has two channels": (
        "start/first-stack.md#channels-and-time",
        "One PSF per channel",
    ),
    "I have an image of beads": ("reference/psfs.md#from-beads", "PSF: from beads"),
    "Which method should I take?": (
        "how-to/compare-methods.md#1-a-photo-with-a-known-original",
        "Compare",
    ),
    "The result rings": ("how-to/something-went-wrong.md#the-result-looks-wrong", "rings"),
    "May I measure intensities afterwards?": (
        "understand/intensities.md#what-to-do",
        "raw image",
    ),
    "A thousand images, one blur": ("how-to/batch.md#process-a-folder-of-images", "photos/"),
    "My file is larger than memory": (
        "how-to/larger-than-memory.md#images-larger-than-memory",
        ".zarr",
    ),
    "I want a network for my own lens": ("how-to/train-a-network.md#1-open-the-panel", "Train"),
    "With CUDA or without?": ("start/install.md#choosing-a-pytorch-build", "CUDA"),
    "May I use the weights in a company?": ("reference/networks.md#networks", "non-commercial"),
}


def test_a_newcomers_questions_are_answered_within_two_clicks() -> None:
    clicks = {"docs/index.md": 0}
    frontier = ["docs/index.md"]
    for distance in (1, 2):
        frontier = [link for page in frontier for link in _links(page) if link not in clicks]
        clicks |= dict.fromkeys(frontier, distance)
    lost = []
    for question, (place, words) in QUESTIONS.items():
        page, _, heading = place.partition("#")
        if f"docs/{page}" not in clicks or words not in _below(PAGES[f"docs/{page}"], heading):
            lost.append(question)
    assert not lost


def _links(page: str) -> list[str]:
    """The pages that a page leads to."""
    targets = re.findall(r"(?<!!)\[[^\]]+\]\(([^)#\s]+\.md)", PAGES[page])
    paths = [((ROOT / page).parent / target).resolve() for target in targets]
    return [path.relative_to(ROOT).as_posix() for path in paths if path.is_relative_to(ROOT)]


def _below(text: str, heading: str) -> str:
    """What stands below a heading, up to the next of any level."""
    for part in re.split(r"^#+ ", text, flags=re.MULTILINE):
        title, _, body = part.partition("\n")
        if re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") == heading:
            return body
    return ""
