"""`Study`: what is looked at, what the paper says of it, and what is needed."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from napari_deconv.core.errors import DeconvError

from .material import Given

Row = Mapping[str, Any]
"""A line of a table: heading to text, whole number or float."""

XU = "L. Xu et al., Deep Convolutional Neural Network for Image Deconvolution, NeurIPS 2014"
ZHANG = (
    "J. Zhang et al., Learning Fully Convolutional Networks for Iterative Non-blind "
    "Deconvolution, CVPR 2017"
)
REN = "W. Ren et al., Deep Non-Blind Deconvolution via Generalized Low-Rank Approximation, 2018"
GONG = (
    "D. Gong et al., Learning Deep Gradient Descent Optimization for Image Deconvolution, "
    "IEEE TNNLS 2020"
)
LI = "Li S.-Y. et al., A Concatenated Residual Network for Image Deblurring, 2018"


@dataclass(frozen=True, eq=False)
class Findings:
    """What a study found.

    Parameters
    ----------
    rows : tuple of mapping
        The table, each row with the same keys; floats are rounded to three places.
    figure : matplotlib.figure.Figure
        The picture.
    summary : str
        The result in a sentence or two, made from the rows.
    """

    rows: tuple[Row, ...]
    figure: Any
    summary: str


@dataclass(frozen=True)
class Study:
    """One analysis of a paper.

    Parameters
    ----------
    name : str
        For the command line and the files.
    title : str
        Heading of the page.
    paper : str
        Whose analysis it is.
    says : str
        What the paper reports, with its numbers, in Markdown.
    about : str
        What is done here, and where that differs.
    count : int
        Photos that are taken unless another number is asked for; 0 needs none.
    needs : tuple of str
        Trained runs without which it cannot be done.
    train : str
        How they come about, in words.
    run : callable
        `Given` to `Findings`.
    """

    name: str
    title: str
    paper: str
    says: str
    about: str
    count: int = 4
    needs: tuple[str, ...] = ()
    train: str = ""
    run: Callable[[Given], Findings] = field(kw_only=True, repr=False)

    def __call__(self, given: Given) -> Findings:
        """Do it.

        Raises
        ------
        DeconvError
            If a trained run is missing, naming it and the way to it, and as the methods raise.
        """
        missing = [run for run in self.needs if not given.weights(run).exists()]
        if missing:
            raise DeconvError(
                f"The study {self.name} needs trained weights: no {', '.join(missing)} in "
                f"{given.runs}.",
                self.train,
            )
        return self.run(given)


_REGISTRY: dict[str, Study] = {}


def study(
    name: str, title: str, paper: str, *, says: str, **fields: Any
) -> Callable[[Callable[[Given], Findings]], Callable[[Given], Findings]]:
    """Register a function as a study; its docstring says what is done here."""

    def register(run: Callable[[Given], Findings]) -> Callable[[Given], Findings]:
        _add(Study(name, title, paper, says, inspect.getdoc(run) or "", run=run, **fields))
        return run

    return register


def studies() -> dict[str, Study]:
    """Every study by name, in the order of the papers."""
    from napari_deconv.restoration.base import methods

    from . import __name__ as package
    from . import __path__ as folders

    methods()
    for module in pkgutil.iter_modules(folders):
        if module.name == "__main__":
            continue
        importlib.import_module(f"{package}.{module.name}")
    order: Sequence[str] = ("xu", "fcnn", "glra", "rgdn", "ird", "crcnet")
    return dict(sorted(_REGISTRY.items(), key=lambda item: order.index(item[0].split("-")[0])))


def _add(one: Study) -> None:
    if one.name in _REGISTRY:
        raise ValueError(f"two studies are called {one.name!r}")
    _REGISTRY[one.name] = one
