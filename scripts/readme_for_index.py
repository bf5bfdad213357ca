"""What the package index shows: the README with links that lead somewhere, and the addresses.

The repository's home is known only to whoever publishes it, so it comes from the environment
(``NAPARI_DECONV_HOME``, which the release job sets). With it, links and pictures become absolute
and the project's addresses are listed; without it, the README keeps its words and leaves out what
could not be followed there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_PICTURE = re.compile(r"!\[([^\]]*)\]\((?!https?:)([^)]+)\)\n*")
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|#)([^)]+)\)")


class CustomMetadataHook(MetadataHookInterface):
    """Sets the dynamic fields ``readme`` and ``urls``."""

    def update(self, metadata: dict[str, Any]) -> None:
        home = os.environ.get("NAPARI_DECONV_HOME", "").rstrip("/")
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": index_readme(text, home)}
        metadata["urls"] = addresses(home)


def index_readme(text: str, home: str) -> str:
    """The README with absolute links, or without links that lead nowhere.

    Parameters
    ----------
    text : str
        The README of the repository.
    home : str
        The repository's address, or nothing.
    """
    if home:
        text = _PICTURE.sub(rf"![\1]({home}/raw/main/\2)\n\n", text)
        return _LINK.sub(rf"[\1]({home}/blob/main/\2)", text)
    return _LINK.sub(r"\1", _PICTURE.sub("", text))


def addresses(home: str) -> dict[str, str]:
    """Where code, documentation, changes and issues are."""
    if not home:
        return {}
    return {
        "Source": home,
        "Documentation": f"{home}/blob/main/docs/index.md",
        "Changes": f"{home}/blob/main/CHANGELOG.md",
        "Issues": f"{home}/issues",
    }
