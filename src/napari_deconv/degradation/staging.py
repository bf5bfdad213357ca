"""A folder that appears whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core.errors import DeconvError
from ..core.paths import exists, inside, is_folder, resolved
from ..io.atomic import partial_name, refused, sweep_folders
from ..io.locks import only_run


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Give a folder beside ``out`` to fill, and rename it to ``out`` when that went well.

    Whatever goes wrong, cancelling included, nothing is left behind; what a killed run left is
    cleared away.

    Raises
    ------
    DeconvError
        If ``out`` exists and is not an empty folder, another run is making it, or the operating
        system refuses.
    """
    final = resolved(out)
    if exists(final) and (not is_folder(final) or inside(final)):
        raise DeconvError(f"{out} exists already and is not empty.", "Choose another folder.")
    with only_run(final):
        sweep_folders(final)
        stage = partial_name(final)
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
