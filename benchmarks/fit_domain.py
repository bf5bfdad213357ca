"""Fit what tells fluorescence from photos: `python benchmarks/fit_domain.py PHOTOS FLUORESCENCE`.

Looks at every photo, at every second file of the fluorescence folder from the first on, and at as
many generated planes, blurred and noisy; prints the weights for restoration/networks/domain.py, and
how often they are right on files that the fit has not seen (five folds).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize

from napari_deconv.degradation.structures import Structures
from napari_deconv.engine.excerpt import excerpt
from napari_deconv.engine.intensity import robust_maximum
from napari_deconv.restoration.networks.domain import features
from napari_deconv.train.images import read_gray

_CAUTION = 6.0
"""How much worse a photo taken for fluorescence is than the reverse."""
_DRAWS = (1, 4, 1)
"""How often each photo, fluorescence file and generated plane is degraded."""


def seen(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Features of an image, blurred and noisy, its offset unknown."""
    blurred = gaussian_filter(image, rng.uniform(0.7, 4), mode="reflect")
    blurred = blurred / robust_maximum(blurred)
    blurred = (
        blurred
        + rng.choice([0, 0, rng.uniform(0, 0.5)])
        + rng.uniform(0.003, 0.05) * (rng.standard_normal(image.shape))
    )
    return features(excerpt(blurred[None] / robust_maximum(blurred), (15, 15)))


def fit(x: np.ndarray, label: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Logistic regression with a little ridge; the last weight is the constant."""
    x = np.column_stack([x, np.ones(len(x))])
    sign = np.where(label, 1, -1)

    def loss(w: np.ndarray) -> float:
        return float(weight @ np.logaddexp(0, -sign * (x @ w)) + 1e-3 * w[:-1] @ w[:-1])

    return minimize(loss, np.zeros(x.shape[1])).x


def main() -> None:
    """Fit on all, test on folds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("fluorescence", type=Path)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    groups = [
        read_gray(given.photos, 64, 2)[0],
        read_gray(given.fluorescence, 64, 2, 2)[0],
        [Structures().draw((256, 256), rng) for _ in range(100)],
    ]
    draws = [image for group, n in zip(groups, _DRAWS, strict=True) for image in group * n]
    x = np.array([seen(image, rng) for image in draws])
    counts = [n * len(group) for group, n in zip(groups, _DRAWS, strict=True)]
    kind = np.repeat([0, 1, 2], counts)
    weight = np.array([_CAUTION, 0.7, 0.3])[kind] / np.bincount(kind)[kind]
    right = np.zeros(len(x), bool)
    # All draws of a file lie in one fold.
    folds = [np.arange(len(group)) * 5 // len(group) for group in groups]
    fold = np.concatenate([np.tile(f, n) for f, n in zip(folds, _DRAWS, strict=True)])
    for part in range(5):
        w = fit(x[fold != part], kind[fold != part] > 0, weight[fold != part])
        here = fold == part
        right[here] = (x[here] @ w[:-1] + w[-1] > 0) == (kind[here] > 0)
    for number, name in enumerate(("photos", "fluorescence", "generated")):
        print(f"{name}: {right[kind == number].mean():.1%} of {np.sum(kind == number)} right")
    print("weights", np.round(fit(x, kind > 0, weight), 3).tolist())


if __name__ == "__main__":
    main()
