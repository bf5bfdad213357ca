"""A folder that appears whole or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core.errors import DeconvError
from ..core.paths import exists, inside, is_folder, resolved
from ..io.atomic import refused


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Give a folder beside ``out`` to fill, and rename it to ``out`` when that went well.

    Whatever goes wrong, cancelling included, nothing is left behind.

    Raises
    ------
    DeconvError
        If ``out`` exists and is not an empty folder, or the operating system refuses.
    """
    final = resolved(out)
    if exists(final) and (not is_folder(final) or inside(final)):
        raise DeconvError(f"{out} exists already and is not empty.", "Choose another folder.")
    stage = final.with_name(f".{final.name[:80]}.{secrets.token_hex(4)}.part")
    try:
        stage.mkdir(parents=True)
        yield stage
        if final.exists():
            final.rmdir()
        stage.rename(final)
    except OSError as error:
        raise refused(out, error) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
