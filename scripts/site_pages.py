"""Pages of the site that are made from the code: the command line, the Python API, changes.

MkDocs calls these functions while it builds; see ``hooks`` in mkdocs.yml.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path
from unittest import mock

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that no file in docs/ holds."""
    pages = {
        "reference/every-option.md": command_line(),
        "reference/api.md": api(),
        "contributing.md": (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
        "changes.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
    }
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Lead links to files beside docs/ to their pages in the site, and say for whom evidence is."""
    uri = page.file.src_uri
    up = "../" * uri.count("/")
    markdown = re.sub(r"\]\((\.\./)+CONTRIBUTING\.md", f"]({up}contributing.md", markdown)
    markdown = re.sub(r"\]\((\.\./)+CHANGELOG\.md", f"]({up}changes.md", markdown)
    for folder, reader in _READERS.items():
        if uri.startswith(folder):
            markdown = re.sub(r"\A(# .*\n)", rf"\1\n{reader}\n", markdown)
    return re.sub(r"\]\(docs/", "](", markdown)  # links of files at the repository's top


_READERS = {
    "benchmarks/": "For anyone who wants the figures behind a claim, or wants to measure again.",
    "studies/": "For anyone who knows the paper and wants to see its analysis repeated.",
}
"""Folder of pages that commands write -> whom they are for."""


def command_line() -> str:
    """Every command with its options, as its parser declares them."""
    from napari_deconv.cli import COMMANDS

    parts = [
        "# Command line options",
        "For anyone writing scripts. See also the [command line by example](command-line.md). "
        "`napari-deconv COMMAND --help` prints the same.",
    ]
    for name, summary in COMMANDS.items():
        parts += [f"## {name}", f"{summary[0].upper()}{summary[1:]}.", _help(name)]
    for name in ("beads", "estimate", *psf_names()):
        parts += [f"## psf {name}", _help("psf", name)]
    return "\n\n".join(parts) + "\n"


def psf_names() -> list[str]:
    """The generators of PSFs by the name that the command line gives them."""
    from napari_deconv.psf import PSF

    return sorted(PSF.registry)


def _help(*words: str) -> str:
    """What ``--help`` prints, as a block."""
    from napari_deconv.cli import main

    text = io.StringIO()
    with (
        mock.patch.dict(os.environ, {"COLUMNS": "90"}),
        contextlib.redirect_stdout(text),
        contextlib.suppress(SystemExit),
    ):
        main([*words, "--help"])
    return f"```text\n{text.getvalue().strip()}\n```"


def api() -> str:
    """The public names, for mkdocstrings to describe."""
    import napari_deconv
    from napari_deconv import metrics, psf

    parts = [
        "# Python API",
        "For anyone calling the package from Python: everything that is public and documented. "
        "See also [Python by example](python.md).",
    ]
    modules = {"psf": psf, "metrics": metrics}
    plain = [n for n in napari_deconv.__all__ if n not in modules and not n.startswith("_")]
    sections = {"napari_deconv": (napari_deconv, plain)}
    sections |= {f"napari_deconv.{n}": (m, list(m.__all__)) for n, m in modules.items()}
    for title, (module, names) in sections.items():
        parts.append(f"## {title}")
        for name in names:
            value = getattr(module, name)
            if not callable(value):
                continue
            parts.append(f"::: {value.__module__}.{value.__qualname__}")
    return "\n\n".join(parts) + "\n"
