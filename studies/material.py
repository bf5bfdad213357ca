"""What a study works on: photos, scenes made of them, trained runs, and restorations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deconv.degradation.chain import Chain
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.metrics import Score
from napari_deconv.protocol.attempts import attempt
from napari_deconv.protocol.contestants import Contestant
from napari_deconv.protocol.scenes import Case, gray, images_in, make_case
from napari_deconv.psf import CameraShake
from napari_deconv.restoration.base import Method

Array = NDArray[Any]
_BUNDLED = ("camera", "astronaut", "coffee", "cat", "rocket", "brick")
"""Photos inside scikit-image's wheel, for whoever has no folder."""
_GRAY = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Given:
    """What the command line was told.

    Parameters
    ----------
    images : Path or None
        Folder of sharp photos; None takes those that come with scikit-image.
    count : int
        So many of them, evenly spread over the folder.
    runs : Path
        Folder of trained runs, each with its ``best.safetensors``.
    tell : callable
        Gets a line about what is being done.
    """

    images: Path | None = None
    count: int = 4
    runs: Path = Path("local/one-psf")
    tell: Callable[[str], object] = lambda text: None

    def weights(self, run: str) -> Path:
        """The weight file of a trained run."""
        return self.runs / run / "best.safetensors"

    def photos(self) -> Iterator[tuple[str, Array]]:
        """Names and gray planes on the unit scale."""
        if self.images is None:
            yield from ((name, _bundled(name)) for name in _BUNDLED[: self.count])
            return
        paths = images_in(self.images)
        step = max(1, len(paths) // self.count)
        yield from ((path.stem, gray(path)) for path in paths[::step][: self.count])

    def cases(
        self, psf: Array | Callable[[int], Array] | None = None, noise: float = 0.01, **camera: Any
    ) -> Iterator[Case]:
        """Scenes by the benchmark's protocol; image i has seed i.

        Parameters
        ----------
        psf : ndarray or callable, optional
            The PSF, or what makes the one of image i; by default a camera shake of 21 pixels.
        noise : float
            Standard deviation, where white is 1.
        **camera
            Other fields of `Chain`.
        """
        fields: dict[str, Any] = {"boundary": "valid", "noise": noise} | camera
        chain = Chain(**fields)
        for i, (name, sharp) in enumerate(self.photos()):
            self.tell(f"{name}, noise {noise:g}")
            kernel = shake(i) if psf is None else psf(i) if callable(psf) else psf
            yield make_case(sharp, kernel, replace(chain, seed=i), name)

    @property
    def source(self) -> str:
        """Which photos, in words."""
        if self.images is None:
            return "photos that come with scikit-image"
        return f"`{'/'.join(self.images.parts[-2:])}`, evenly spread"


def shake(i: int) -> NDArray[np.float32]:
    """The camera shake of image i."""
    return CameraShake(size_px=21, seed=i)()


def on_photos(method: Method) -> Method:
    """The method, told that it is given photos, where it would otherwise judge by the image."""
    return method.but(domain="photo") if getattr(method, "domain", "") == "automatic" else method


def restore(case: Case, method: str | Method, **fields: Any) -> Array:
    """An estimate, told the noise."""
    chosen = on_photos(Method.make(method, **fields) if isinstance(method, str) else method)
    chosen = chosen if isinstance(method, str) else chosen.but(**fields)
    return drain(stream(chosen, case.blurred, case.psf, noise=case.noise, device="cpu")).data


def best(case: Case, method: str, field: str = "weight") -> Score:
    """The score of a classical prior with the weight that suits the scene best."""
    who = Contestant(Method.make(method), field, "best")
    return attempt(who, case, noise_given=True).score


def follow(case: Case, method: Method, **options: Any) -> Iterator[Array]:
    """Every estimate of a method."""
    given: dict[str, Any] = {"noise": case.noise, "device": "cpu"} | options
    for step in stream(on_photos(method), case.blurred, case.psf, **given):
        if step.done and (estimate := step.preview()) is not None:
            yield estimate[0]


def mean(values: Sequence[float]) -> float:
    """The mean as a plain number."""
    return float(np.mean(values))


def _bundled(name: str) -> Array:
    from skimage import data

    pixels = getattr(data, name)() / 255.0
    plane: Array = pixels[..., :3] @ np.array(_GRAY) if pixels.ndim == 3 else pixels
    return plane
