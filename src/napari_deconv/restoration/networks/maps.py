"""What happens inside a network: its intermediate maps, taken out while it runs."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...core.device import choose_device
from ...core.errors import DeconvError
from ...core.progress import Step
from ...engine.problem import Problem
from ...engine.streaming import check_psf, drain, prepare, translated
from ...signal.fourier import Blur
from ..base import Method, methods
from ..weights import load_network
from .base import Call, LearnedMethod, NetworkModule, Tap

_GRID = 512


@dataclass(frozen=True, eq=False)
class Map:
    """Something a network computed on its way.

    Parameters
    ----------
    name : str
        Such as ``"2 R(x)"``: the step and what it is.
    data : ndarray
        float32 ``(Y, X)``, or ``(maps, Y, X)``, on the image's unit scale.
    pixels : int
        Image pixels per pixel of it.
    origin : tuple of float
        Where the centre of its first pixel lies, in pixels of the image.
    matrix : bool
        Whether it is not a picture, but numbers in rows and columns.
    """

    name: str
    data: NDArray[Any]
    pixels: int = 1
    origin: tuple[float, ...] = (0.0, 0.0)
    matrix: bool = False


def has_maps(kind: type[Method]) -> bool:
    """Whether a method is a network whose intermediate maps can be shown."""
    return issubclass(kind, LearnedMethod) and kind.has_maps


def maps(
    method: Method, image: NDArray[Any], psf: NDArray[Any], *, noise: float | None = None
) -> tuple[Map, ...]:
    """Restore a plane and return the intermediate maps of the network.

    Parameters
    ----------
    method : Method
        A network for planes; see `has_maps`.
    image, psf : ndarray
        ``(Y, X)``; keep the image small, since a network has hundreds of maps.
    noise : float, optional
        As for `deconvolve`.

    Returns
    -------
    tuple of Map
        In the order they were computed.

    Raises
    ------
    DeconvError
        As `deconvolve`; and if the method has none.
    """
    return drain(stream_maps(method, image, psf, noise=noise, device="cpu"))


def stream_maps(
    method: Method,
    image: NDArray[Any],
    psf: NDArray[Any],
    *,
    noise: float | None = None,
    device: str = "auto",
    precision: str = "auto",
    cancel: threading.Event | None = None,
) -> Generator[Step, None, tuple[Map, ...]]:
    """Restore a plane step by step; what it returns are the maps in the order they were computed.

    Parameters
    ----------
    method : Method
        One that `has_maps`.
    image : ndarray
        ``(Y, X)``; keep it small, since a network has hundreds of maps.
    psf : ndarray
        ``(Y, X)``.
    noise : float, optional
        On the image's own scale; estimated by default.
    device, precision : str
        As in `stream`.
    cancel : threading.Event, optional
        Stops it.

    Raises
    ------
    DeconvError
        If the method has no maps or the image is not a plane, and as `stream`.
    """
    if not has_maps(type(method)):
        shown = ", ".join(name for name, kind in methods().items() if has_maps(kind))
        raise DeconvError(f"{method.title} has no maps inside.", f"Choose one of {shown}.")
    if image.ndim != 2:
        raise DeconvError(f"The image has {image.ndim} axes.", "Give one plane.")
    with translated(method):
        options: dict[str, Any] = {"device": device, "precision": precision, "cancel": cancel}
        run, block = prepare(method, image, psf, noise=noise, **options)
        yield from run.settle(block)
        kept: Any = _Kept(run.method)
        run.method = kept
        with _watched(kept):
            yield from run.stream()
    return tuple(kept.maps)


def middle_matrix(method: Method, psf: NDArray[Any], noise: float = 0.01) -> NDArray[Any]:
    """GLRA's matrix M of a PSF (Eq. 7 of Ren et al. 2018), ``(inverses, m, m)``.

    Parameters
    ----------
    method : GLRA
        Whose bases it is in.
    psf : ndarray
        ``(Y, X)``, smaller than 512 pixels.
    noise : float
        On the unit scale; the pseudo-inverses depend on it.
    """
    kernel = torch.from_numpy(check_psf(psf, method))
    otf = Blur(kernel, (_GRID, _GRID)).otf[None]
    chosen: Any = method
    network = load_network(chosen, choose_device("cpu"))
    with torch.inference_mode():
        return _numpy(network.middle(otf, _GRID, torch.full((1, 1, 1, 1), noise))[0])


class _Kept:
    """A method that remembers the problem it works on and what was seen of its network."""

    def __init__(self, method: Any) -> None:
        self._method = method
        self.problem: Problem | None = None
        self.maps: list[Map] = []
        self.calls: list[Call] = []
        self.step = 0

    def __getattr__(self, key: str) -> Any:
        return getattr(self._method, key)

    def steps(self, problem: Problem) -> Iterator[Tensor]:
        """Run the method's own steps, and keep the problem."""
        self.problem = problem
        yield from self._method.steps(problem)

    def see(self, module: nn.Module, args: Any, output: Any) -> None:
        """After a module was called: parts are collected until the whole network was."""
        if not isinstance(module, NetworkModule):
            self.calls.append((module, args, output))
            return
        self.step += 1
        self.maps += [self._placed(tap) for tap in module.taps(args, output, self.calls)]
        self.calls = []

    def _placed(self, tap: Tap) -> Map:
        """A part as it was, cut to the pixels that were observed."""
        name, tensor, pixels = tap
        shown = Map(f"{self.step} {name}", _numpy(tensor), pixels or 1, matrix=not pixels)
        if not pixels or self.problem is None:
            return shown
        places = list(zip(self.problem.offset, self.problem.seen.shape[1:], strict=True))
        first = [o // pixels for o, _ in places]
        rows, columns = (
            slice(a, -(-(o + n) // pixels)) for a, (o, n) in zip(first, places, strict=True)
        )
        origin = tuple(
            pixels * a - o + (pixels - 1) / 2 for a, (o, _) in zip(first, places, strict=True)
        )
        return replace(shown, data=shown.data[..., rows, columns].copy(), origin=origin)


@contextmanager
def _watched(kept: _Kept) -> Iterator[None]:
    """Show ``kept`` every module that this thread calls; the runs of others are their own."""
    here = threading.get_ident()

    def after(module: nn.Module, args: Any, output: Any) -> None:
        if threading.get_ident() == here:
            kept.see(module, args, output)

    handle = nn.modules.module.register_module_forward_hook(after)
    try:
        yield
    finally:
        handle.remove()


def _numpy(tensor: Tensor) -> NDArray[Any]:
    """As ``(maps, Y, X)``, or ``(Y, X)`` of one map."""
    array: NDArray[Any] = tensor.detach().float().cpu().numpy()
    array = array[0] if array.ndim == 4 else array
    return array[0] if array.ndim == 3 and len(array) == 1 else array
