"""A study's page, table and picture, and the index of them all."""

from __future__ import annotations

import csv
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from napari_deconv.io.atomic import replacing
from napari_deconv.protocol.plot import check_plot

from .base import Findings, Row, Study

_MOST_ROWS = 40
_WIDE = 100


def write(study: Study, findings: Findings, folder: Path, source: str, command: str) -> Path:
    """Write ``NAME.md``, ``NAME.csv`` and ``NAME.svg``, and return the first.

    Parameters
    ----------
    study, found : Study, Findings
        What was done, and what came out.
    folder : Path
        Made if it is not there.
    source : str
        What it was done on, in words; empty where no photo was needed.
    command : str
        That does it again.

    Raises
    ------
    DeconvError
        If matplotlib is missing or the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _save(findings.figure, folder / f"{study.name}.svg")
    with (
        replacing(folder / f"{study.name}.csv") as part,
        part.open("w", newline="", encoding="utf-8") as file,
    ):
        table = csv.DictWriter(file, list(findings.rows[0]))
        table.writeheader()
        table.writerows({k: _cell(v) for k, v in row.items()} for row in findings.rows)
    page = folder / f"{study.name}.md"
    with replacing(page) as part:
        part.write_text(_page(study, findings, source, command), encoding="utf-8")
    return page


def write_index(every: Iterable[Study], folder: Path) -> None:
    """Write ``README.md``: a line for each study, with its page or what it waits for."""
    lines = [_line(one, (folder / f"{one.name}.md").exists()) for one in every]
    text = "\n".join([*_INDEX, *lines, "", _wrapped(_RUNS)]) + "\n"
    with replacing(folder / "README.md") as part:
        part.write_text(text, encoding="utf-8")


_INDEX = (
    "# The papers' experiments repeated",
    "",
    "The analyses of the five papers, repeated with the methods of this package, next to what the",
    "papers report. From a checkout of the repository, `python -m studies NAME --images",
    "FOLDER` makes a page, its table and its picture; `python -m studies --list` names them all.",
    "The networks here are not the papers' to the letter (see",
    "[Networks](../reference/networks.md)), and the photos are different: compare",
    "the shape of a result, not its decibels. Nothing was tuned on these photos.",
    "",
    "You can look inside a network on any image: for DCNN, ODCNN, FCNN, GLRA and",
    "RGDN the Deconvolve panel has a button **Show what happens inside**; it adds the maps of the",
    "visible region as layers. From Python it is `napari_deconv.maps`.",
    "",
    "| study | of | state |",
    "|---|---|---|",
)


_RUNS = (
    "Runs for one PSF are trained with `python benchmarks/one_psf.py train --images FOLDER --only "
    "NAME`, for each PSF in the order dcnn, denoiser, odcnn, those of `fcnn-loss`, `fcnn-domain` "
    "and `glra-random-start` with `benchmarks/study_runs.py`; a study is given their folder as "
    "`--runs`. `python -m studies --list` says what is missing."
)


def markdown(rows: Sequence[Row]) -> str:
    """Rows as a table."""
    heads = list(rows[0])
    lines = [heads, ["---"] * len(heads), *([_cell(row[h]) for h in heads] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _page(study: Study, findings: Findings, source: str, command: str) -> str:
    shown = findings.rows[:_MOST_ROWS]
    parts = [
        f"# {study.title}",
        _wrapped(study.about),
        f"![{study.title}]({study.name}.svg)",
        _wrapped(findings.summary),
        markdown(shown),
    ]
    if len(findings.rows) > len(shown):
        parts.append(f"The first {len(shown)} rows; all are in `{study.name}.csv`.")
    parts += ["## The paper", _wrapped(study.says), _wrapped(f"{study.paper}.")]
    parts += [_wrapped(f"Done on {source}.")] if source else []
    parts += [f"Made by:\n\n```text\n{command}\n```"]
    return "\n\n".join(part for part in parts if part) + "\n"


def _line(one: Study, done: bool) -> str:
    if done:
        return f"| [{one.title}]({one.name}.md) | {_authors(one)} | made |"
    runs = f"needs the runs {', '.join(f'`{run}`' for run in one.needs)}" if one.needs else ""
    reason = f": {runs or ' '.join(one.train.split())}" if runs or one.train else ""
    return f"| `{one.name}`: {one.title} | {_authors(one)} | not made yet{reason} |"


def _authors(one: Study) -> str:
    return f"{one.paper.split(',')[0]} {one.paper[-4:]}"


def _wrapped(text: str) -> str:
    """Paragraphs of prose at the width of the other pages; tables and lists stay as they are."""
    parts = text.strip().split("\n\n")
    return "\n\n".join(
        part if part.lstrip().startswith(("|", "-", "```")) else _filled(part) for part in parts
    )


def _filled(paragraph: str) -> str:
    joined = " ".join(paragraph.split()).replace("``", "`")
    return textwrap.fill(joined, _WIDE, break_long_words=False, break_on_hyphens=False)


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _save(figure: Any, path: Path) -> None:
    check_plot(path)
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "napari-deconv"}), replacing(path) as part:
        figure.savefig(part, dpi=120, metadata={"Date": None})
