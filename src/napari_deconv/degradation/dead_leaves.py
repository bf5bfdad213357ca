"""Dead leaves: scenes of things that hide each other, with the statistics of photos."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ..core.errors import DeconvError
from .scenery import Scenery

Array = NDArray[np.float32]

_FINER = 2
"""Drawn on a grid so many times finer, for smooth edges."""
_TEXTURES = 4
_COVERED = 0.995
_MOST_LEAVES = 4000
_GRAY = np.array((0.299, 0.587, 0.114), np.float32)


class DeadLeaves(Scenery, title="Dead leaves", like_photos=True):
    """Ellipses, boxes and blobs of all sizes that hide each other, textured, shaded, in depth.

    Things of radius r are as frequent as r^-3, which makes the scene look alike at every scale, as
    photos do: its spectrum falls as 1 / f^2 and its gradients are mostly small and sometimes large
    (A. B. Lee, D. Mumford, J. Huang, Occlusion models for natural images, IJCV 2001; textures and
    depth as in R. Achddou, Y. Gousseau, S. Ladjal, Synthetic images as a regularity prior for image
    restoration neural networks, SSVM 2021). Some scenes carry lines of strokes like writing.

    Parameters
    ----------
    finest_px, coarsest_px : float
        Radii; a scene's least one is drawn log-uniformly up to eight times the finest.
    texture : float
        Most contrast of the textures.
    writing : float
        Share of scenes with strokes.
    depth : float
        Share of scenes with a background out of focus.
    """

    finest_px: Annotated[float, Interval(ge=0.5, le=50)] = 1.0
    coarsest_px: Annotated[float, Interval(ge=2, le=1000)] = 100.0
    texture: Annotated[float, Interval(ge=0, le=1)] = 0.4
    writing: Annotated[float, Interval(ge=0, le=1)] = 0.25
    depth: Annotated[float, Interval(ge=0, le=1)] = 0.4

    def __post_init__(self) -> None:
        super().__post_init__()
        if 8 * self.finest_px > self.coarsest_px:
            raise DeconvError(
                f"{self.title}: coarsest_px is less than eight times finest_px.", "Raise it."
            )

    def draw(
        self, shape: tuple[int, int], rng: np.random.Generator, *, colours: bool = False
    ) -> Array:
        fine = tuple(_FINER * n for n in shape)
        look = _Look.draw(fine, self.texture, rng)
        radii = _FINER * self.finest_px * math.exp(rng.uniform(0, math.log(8)))
        reach = (radii, _FINER * self.coarsest_px)
        scene = self._behind(fine, reach, look, rng)
        hidden = np.zeros(fine, bool)
        share = rng.uniform(0.3, 0.7) if self.depth > rng.random() else _COVERED
        if share < _COVERED:
            scene = _blurred(scene, _FINER * rng.uniform(0.7, 3.0))
        _cover(scene, hidden, share, reach, look, rng)
        if rng.random() < self.writing:
            _write(scene, look, rng)
        rows, columns = shape
        small = scene.reshape(3, rows, _FINER, columns, _FINER).mean((2, 4))
        bright = np.clip(small * np.float32(rng.uniform(0.6, 1.1)), 0, 1)
        return bright if colours else np.tensordot(_GRAY, bright, 1)

    def _behind(
        self,
        shape: tuple[int, ...],
        reach: tuple[float, float],
        look: _Look,
        rng: np.random.Generator,
    ) -> Array:
        """Draw the background: one surface, or leaves of its own."""
        scene = np.empty((3, *shape), np.float32)
        everywhere = (slice(0, shape[0]), slice(0, shape[1]))
        scene[:] = look.surface(everywhere, rng)
        if rng.random() < self.depth:
            coarse = (min(4 * reach[0], reach[1] / 2), reach[1])
            _cover(scene, np.zeros(shape, bool), 0.8, coarse, look, rng)
        return scene


@dataclass(frozen=True, eq=False)
class _Look:
    """A scene's colours and textures."""

    palette: Array
    textures: Array
    contrast: float

    @classmethod
    def draw(cls, shape: tuple[int, ...], texture: float, rng: np.random.Generator) -> _Look:
        count = int(rng.integers(3, 8))
        light = rng.beta(1.1, 1.3, (count, 1))
        tint = rng.normal(0, 1, (count, 3)) * rng.gamma(1.2, 0.08)
        palette = np.clip(light + tint * np.minimum(1, 2 * light + 0.2), 0.01, 1)
        textures = np.stack([_texture(shape, rng) for _ in range(_TEXTURES)])
        return cls(palette.astype(np.float32), textures, texture * float(rng.uniform(0.1, 1)))

    def surface(self, window: tuple[slice, slice], rng: np.random.Generator) -> Array:
        """Draw the surface of a thing within a window, ``(3, Y, X)``."""
        rows, columns = (w.stop - w.start for w in window)
        colour = self.palette[int(rng.integers(len(self.palette)))]
        colour = colour * np.float32(math.exp(rng.normal(0, 0.15)))
        tone = np.ones((rows, columns), np.float32)
        if rng.random() < 0.7:
            sheet = self.textures[int(rng.integers(_TEXTURES))]
            top, left = (int(rng.integers(n)) for n in sheet.shape)
            part = sheet.take(range(top, top + rows), 0, mode="wrap")
            part = part.take(range(left, left + columns), 1, mode="wrap")
            tone += np.float32(self.contrast * rng.beta(1, 3)) * part
        if rng.random() < 0.5:
            slope = rng.normal(0, 0.2, 2).astype(np.float32)
            y, x = np.ogrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
            tone += slope[0] * y.astype(np.float32) + slope[1] * x.astype(np.float32)
        return colour[:, None, None] * np.maximum(tone, 0)


def _texture(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """A periodic sheet of mean 0 and variance 1: noise of a falling spectrum, or stripes."""
    y, x = np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij", sparse=True)
    turn, stretch = rng.uniform(0, math.pi), math.exp(rng.normal(0, 0.6))
    along, across = y * math.cos(turn) + x * math.sin(turn), x * math.cos(turn) - y * math.sin(turn)
    frequency = np.hypot(along * stretch, across / stretch)
    frequency[0, 0] = 1
    fall = frequency ** -rng.uniform(0.3, 1.6)
    fall[0, 0] = 0
    sheet = np.fft.ifftn(np.fft.fftn(rng.standard_normal(shape)) * fall).real
    sheet /= sheet.std()
    if rng.random() < 0.3:
        waves = rng.uniform(0.02, 0.2)
        rows, columns = np.ogrid[: shape[0], : shape[1]]
        phase = 2 * math.pi * waves * (rows * math.cos(turn) + columns * math.sin(turn))
        sheet = np.sin(phase + rng.uniform(0, 1.5) * sheet)
        if rng.random() < 0.5:
            sheet = np.sign(sheet)
        sheet /= sheet.std()
    return sheet.astype(np.float32)


def _cover(
    scene: Array,
    hidden: NDArray[np.bool_],
    share: float,
    reach: tuple[float, float],
    look: _Look,
    rng: np.random.Generator,
) -> None:
    """Put things behind those that are there already, until a share of the scene is covered."""
    rows, columns = hidden.shape
    low, high = (r**-2 for r in reach)
    left = (1 - share) * hidden.size
    for count in range(_MOST_LEAVES):
        if count % 16 == 0 and hidden.size - np.count_nonzero(hidden) <= left:
            return
        radius = (low - rng.random() * (low - high)) ** -0.5
        y, x = rng.uniform(-radius, rows + radius), rng.uniform(-radius, columns + radius)
        window = (
            slice(max(0, math.floor(y - radius)), min(rows, math.ceil(y + radius) + 1)),
            slice(max(0, math.floor(x - radius)), min(columns, math.ceil(x + radius) + 1)),
        )
        if window[0].start >= window[0].stop or window[1].start >= window[1].stop:
            continue
        free = ~hidden[window]
        if not free.any():
            continue
        v = (np.arange(window[0].start, window[0].stop) - y)[:, None] / radius
        u = (np.arange(window[1].start, window[1].stop) - x)[None] / radius
        new = free & _SHAPES[int(rng.integers(len(_SHAPES)))](v, u, rng)
        if new.any():
            hidden[window] |= new
            np.copyto(scene[(slice(None), *window)], look.surface(window, rng), where=new)


Coordinates = NDArray[np.float64]


def _ellipse(v: Coordinates, u: Coordinates, rng: np.random.Generator) -> NDArray[np.bool_]:
    along, across = _turned(v, u, rng)
    return np.asarray(along**2 + (across * rng.uniform(1, 3)) ** 2 < 1)


def _box(v: Coordinates, u: Coordinates, rng: np.random.Generator) -> NDArray[np.bool_]:
    along, across = _turned(v, u, rng)
    return np.asarray(np.maximum(abs(along), abs(across) * rng.uniform(1, 4)) < 0.7)


def _blob(v: Coordinates, u: Coordinates, rng: np.random.Generator) -> NDArray[np.bool_]:
    angle, edge = np.arctan2(v, u), np.full(np.broadcast(v, u).shape, 0.7)
    for waves in range(2, 6):
        edge += rng.normal(0, 0.2 / waves) * np.cos(waves * angle + rng.uniform(0, 2 * math.pi))
    return np.asarray(v**2 + u**2 < np.clip(edge, 0.2, 1) ** 2)


_SHAPES: tuple[Callable[[Coordinates, Coordinates, np.random.Generator], NDArray[np.bool_]], ...]
_SHAPES = (_ellipse, _box, _blob)


def _turned(
    v: Coordinates, u: Coordinates, rng: np.random.Generator
) -> tuple[Coordinates, Coordinates]:
    turn = rng.uniform(0, math.pi)
    return v * math.sin(turn) + u * math.cos(turn), v * math.cos(turn) - u * math.sin(turn)


def _write(scene: Array, look: _Look, rng: np.random.Generator) -> None:
    """A few lines of signs made of straight strokes, of one colour."""
    rows, columns = scene.shape[1:]
    ink = look.palette[int(rng.integers(len(look.palette)))] * np.float32(rng.uniform(0, 1))
    height = _FINER * math.exp(rng.uniform(math.log(6), math.log(30)))
    pen = max(1.2, height * rng.uniform(0.05, 0.12))
    top, left = rng.uniform(0, rows), rng.uniform(-columns / 2, columns / 2)
    for line in range(int(rng.integers(1, 4))):
        y = top + 1.5 * height * line
        for x in np.arange(left, left + rng.uniform(0.3, 1) * columns, 0.75 * height):
            if rng.random() < 0.85:  # or a gap between words
                ends = np.array([y, x]) + rng.integers(0, 3, (3, 2, 2)) * height * [0.5, 0.25]
                for a, b in ends:
                    _stroke(scene, a, b, pen, ink)


def _stroke(
    scene: Array, a: NDArray[np.float64], b: NDArray[np.float64], pen: float, ink: Array
) -> None:
    low, high = np.floor(np.minimum(a, b) - pen), np.ceil(np.maximum(a, b) + pen) + 1
    (top, left), (bottom, right) = low.clip(0).astype(int), high.astype(int)
    window = (slice(None), slice(top, bottom), slice(left, right))
    part = scene[window]
    if 0 in part.shape:
        return
    y = np.arange(top, top + part.shape[1])[:, None] - a[0]
    x = np.arange(left, left + part.shape[2])[None] - a[1]
    way = b - a
    along = np.clip((y * way[0] + x * way[1]) / max(float(way @ way), 1e-9), 0, 1)
    near = (y - along * way[0]) ** 2 + (x - along * way[1]) ** 2 < (pen / 2) ** 2
    np.copyto(part, ink[:, None, None], where=near)


def _blurred(scene: Array, sigma_px: float) -> Array:
    from scipy.ndimage import gaussian_filter

    return np.stack([gaussian_filter(plane, sigma_px, mode="nearest") for plane in scene])
