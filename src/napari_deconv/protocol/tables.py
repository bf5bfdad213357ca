"""Results as Markdown and JSON, and put into a page of documentation."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..core.errors import DeconvError
from ..core.paths import exists, make_folder, read_text
from ..io.atomic import replacing
from .running import Plan
from .summary import DRAWS, Interval, Line


def markdown(plan: Plan, lines: Sequence[Line], baseline: str = "") -> str:
    """The table, what the marks in it mean, and what failed."""
    many = len({line.kernels for line in lines}) > 1
    head = ["PSFs"] * many + ["noise", "method", "PSNR (dB)", "SSIM"]
    head += [f"over {baseline} (dB)", "(SSIM)"] if baseline else []
    head += ["seconds", "n"]
    table = [_cells(head), _cells(["---"] * len(head))]
    for line in lines:
        cells = [f"`{line.kernels}`"] * many + [noise_in_words(line.noise), _method(line)]
        cells += [_shown(line.psnr_db, 2), _shown(line.ssim, 3)]
        cells += [_shown(line.margin_db, 2, "+"), _shown(line.margin_ssim, 3, "+")] * bool(baseline)
        seconds = "" if math.isnan(line.median_seconds) else f"{line.median_seconds:.2f}"
        table.append(_cells([*cells, seconds, str(line.n)]))
    return "\n".join([*table, *_remarks(plan, lines)])


def protocol(plan: Plan, lines: Sequence[Line], images: str, cross: bool = False) -> str:
    """Describe what was measured and how, in a paragraph to stand beside every table."""
    scene = plan.groups[0].scenes[0]
    sets = ", ".join(dict.fromkeys(f"`{group.kernels}`" for group in plan.groups))
    pairs = "every image with every PSF of" if cross else "image i with PSF i mod n of"
    counts = sorted({len(group.scenes) for group in plan.groups})
    level = "The methods are told the noise level." if plan.noise_given else (
        "The methods get the blurred image and the PSF; they estimate the noise level."
    )  # fmt: skip
    photons = any(group.scenes[0].noise.photons for group in plan.groups)
    places = sorted({place for line in lines for place in line.ran_on})
    clipped = scene.camera.gain or scene.camera.jpeg
    return " ".join([
        f"{' and '.join(map(str, counts))} scenes: {images}, gray, {pairs} {sets}, valid blur.",
        f"Scenes: {scene.camera.label}" + (" (truth: gain times the image, clipped)" if clipped else
                                           ", not clipped") + ".",
        *(["Photons: expected count at the sharp image's brightest pixel."] if photons else []),
        "Scored on the area the blurred image covers, less half the PSF on every side: PSNR of the "
        "estimate clipped to [0, 1], SSIM 11x11, sigma 1.5, data range 1.",
        f"{level} Mean over n scenes with the bootstrap 95 % interval ({DRAWS} draws); median "
        f"seconds per image, run on: {'; '.join(places) or 'nothing yet'}.",
    ])  # fmt: skip


def as_json(plan: Plan, lines: Sequence[Line], header: str, command: str, baseline: str) -> str:
    """The table for programs; what is not a number is null."""
    table = [{k: _plain(v) for k, v in asdict(line).items()} for line in lines]
    return json.dumps(
        {"command": command, "protocol": header, "noise_given": plan.noise_given,
         "baseline": baseline or None, "table": table},
        indent=1,
    )  # fmt: skip


def put_into(page: Path, section: str, text: str) -> None:
    """Replace what stands between the markers of a section in a page.

    A page that does not exist is made. Markers are ``<!-- bench NAME -->`` and
    ``<!-- end of bench NAME -->``, each on a line of its own.

    Parameters
    ----------
    page : Path
        Markdown file.
    section : str
        NAME.
    text : str
        What is to stand there.

    Raises
    ------
    DeconvError
        If the page has no such section, or cannot be written.
    """
    old = check_section(page, section)
    new = _between(section).sub(lambda _: f"\n{text.strip()}\n\n", old, count=1)
    make_folder(page.parent)
    with replacing(page) as part:
        part.write_text(new, encoding="utf-8")


def check_section(page: Path, section: str) -> str:
    """The page as it stands, or as it begins; before the hours do.

    Raises
    ------
    DeconvError
        If it has no such section.
    """
    first, last = _marks(section)
    old = read_text(page) if exists(page) else f"# Benchmark\n\n{first}\n{last}\n"
    if not _between(section).search(old):
        raise DeconvError(
            f"{page} has no section {section!r} to put results into.",
            f"Add the lines {first} and {last}.",
        )
    return old


def _marks(section: str) -> tuple[str, str]:
    return f"<!-- bench {section} -->", f"<!-- end of bench {section} -->"


def _between(section: str) -> re.Pattern[str]:
    first, last = map(re.escape, _marks(section))
    return re.compile(f"(?<={first}\n).*?(?={last})", re.DOTALL)


def _remarks(plan: Plan, lines: Sequence[Line]) -> list[str]:
    chosen = [line for line in lines if line.oracle and line.setting]
    many = len({group.kernels for group in plan.groups}) > 1

    def row(line: Line) -> str:
        where = f"`{line.kernels}`, " if many else ""
        return f"- {where}{noise_in_words(line.noise)}, `{line.method}`"

    remarks = ["", "(*) was shown the truth, to choose:", ""] if chosen else []
    remarks += [f"{row(line)}: {line.setting}" for line in chosen]
    failed = [line for line in lines if line.failed]
    remarks += ["", "Failed:", ""] if failed else []
    for line in failed:
        remarks.append(f"{row(line)}, {line.failed} of {line.n + line.failed}: {line.why}")
    return remarks


def _method(line: Line) -> str:
    return f"`{line.method}`{' (*)' * line.oracle}"


def noise_in_words(label: str) -> str:
    """``1 %`` of ``0.01``; photons as they are."""
    try:
        return f"{100 * float(label):g} %"
    except ValueError:
        return label


def _shown(value: Interval | None, digits: int, sign: str = "") -> str:
    if value is None or math.isnan(value.mean):
        return ""
    mean, low, high = (f"{v:{sign}.{digits}f}" for v in value)
    return f"{mean} ({low} to {high})"


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
