"""Learn the Gaussian mixture over 8x8 patches that EPLL takes for what photos look like.

Gray patches of photos less their mean; every sixth photo of a folder is held out, as in trainings.
Each photo is taken as it is and at half its size. The mixture is scikit-learn's, full covariances,
by expectation maximisation in rounds with new patches each. Every patch gets a random sign: an
image and its negative are equally likely, which holds the means at 0. The file is written after
every round; at the end its scores are those of crops of ``bsds500/train``.

    python benchmarks/learn_epll_prior.py --images FOLDER FOLDER --out NEW.safetensors
    python benchmarks/learn_epll_prior.py --images FOLDER --start FILE --rounds 500000:6 --out NEW

Needs scikit-learn, which the package itself does not.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from napari_deconv.train.images import read_sharp

Floats = NDArray[np.float32]
Mixture = tuple[NDArray[np.float64], NDArray[np.float64]]
SIDE_PX = 8
LEVELS = 5  # of contrast, among the groups the mixture starts from
FLOOR = 3e-6  # variance added to each covariance: half a step of 8 bits
HELD_OUT = 6  # every so-many-th photo of a folder


def sharp_photos(folders: list[Path]) -> dict[str, Floats]:
    """Gray photos by name, without those held out."""
    photos: dict[str, Floats] = {}
    for folder in folders:
        sharp, remarks = read_sharp(folder, 4 * SIDE_PX, 1)
        print(*remarks, sep="\n")
        photos |= {name: image for i, (name, image) in enumerate(sharp.items()) if i % HELD_OUT}
    return photos


def halved(image: Floats) -> Floats:
    """Means over squares of 2x2 pixels."""
    rows, columns = (n // 2 for n in image.shape)
    return image[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean((1, 3))


def patches(images: list[Floats], count: int, rng: np.random.Generator) -> Floats:
    """Random ones of random sign, ``(count, 64)``, without their mean."""
    each = -(-count // len(images))
    drawn = []
    for image in images:
        windows = np.lib.stride_tricks.sliding_window_view(image, (SIDE_PX, SIDE_PX))
        rows, columns = (rng.integers(0, n, each) for n in windows.shape[:2])
        drawn.append(windows[rows, columns].reshape(each, -1))
    x = rng.permutation(np.concatenate(drawn))[:count]
    x = x - x.mean(1, keepdims=True)
    return x * rng.choice(np.float32([-1, 1]), (len(x), 1))


def first_groups(x: Floats, components: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which of the components a patch begins in: by its likeness to a drawn one, and contrast."""
    contrast = x.std(1)
    seeds = x[contrast > np.median(contrast)][: components // LEVELS]
    likeness = np.abs(x @ (seeds / np.linalg.norm(seeds, axis=1, keepdims=True)).T)
    level = np.digitize(contrast, np.quantile(contrast, np.arange(1, LEVELS) / LEVELS))
    return likeness.argmax(1) * LEVELS + level


def covariances(x: Floats, groups: NDArray[np.int64], components: int) -> NDArray[np.float64]:
    """Of each group about 0, drawn a little towards that of all."""
    every = np.cov(x.T).astype(np.float64)
    parts = [x[groups == k].astype(np.float64) for k in range(components)]
    return np.stack([(p.T @ p + 10 * every) / (len(p) + 10) for p in parts])


def begin(images: list[Floats], components: int, count: int, rng: np.random.Generator) -> Mixture:
    """Weights and covariances of rough groups."""
    x = patches(images, count, rng)
    groups = first_groups(x, components, rng)
    return np.bincount(groups, minlength=components) + 1.0, covariances(x, groups, components)


def known(name: str) -> tuple[Mixture, list[str]]:
    """Weights and covariances of a file or of the shipped mixture, and the rounds it has had."""
    from napari_deconv.restoration.weights import locate, read_weights

    tensors, header = read_weights(locate(name), "epll")
    log_weights, directions, deviations = (
        tensors[key].double().numpy() for key in ("log_weights", "directions", "deviations")
    )
    spread = (directions * deviations[:, None] ** 2) @ directions.transpose(0, 2, 1)
    return (np.exp(log_weights), spread + FLOOR * np.eye(SIDE_PX**2)), header["recipe"]["rounds"]


def learn(
    images: list[Floats], mixture: Mixture, rounds: list[tuple[int, int]], rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64], float]]:
    """Yield weights, covariances and mean log likelihood after each ``(patches, iterations)``."""
    weights, spread = mixture
    components = len(weights)
    for count, iterations in rounds:
        mixture = GaussianMixture(
            components,
            tol=0,
            reg_covar=FLOOR,
            max_iter=iterations,
            weights_init=weights / weights.sum(),
            means_init=np.zeros((components, SIDE_PX**2)),
            precisions_init=np.linalg.inv(spread),
        )
        x = patches(images, count, rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it runs for so many iterations
            mixture.fit(x)
        means = mixture.means_.astype(np.float64)
        spread = mixture.covariances_.astype(np.float64) + means[:, :, None] * means[:, None]
        weights = mixture.weights_.astype(np.float64)
        yield weights, spread, float(mixture.lower_bound_)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.safetensors")
    parser.add_argument("--components", type=int, default=200)
    parser.add_argument("--start", default="", help="a mixture to go on from: id or file")
    parser.add_argument(
        "--rounds",
        nargs="+",
        default=["40000:6", "80000:4", "160000:3"],
        metavar="PATCHES:ITERATIONS",
    )
    parser.add_argument("--images", nargs="+", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--trained-on", required=True, help="the photos in words, for the file")
    parser.add_argument("--licence", default="BSD-3-Clause", help="of the file")
    given = parser.parse_args()
    photos = sharp_photos(given.images)
    images = [size for photo in photos.values() for size in (photo, halved(photo))]
    rounds = [tuple(map(int, text.split(":"))) for text in given.rounds]
    began, past = time.time(), []
    rng = np.random.default_rng(0)
    if given.start:
        mixture, past = known(given.start)
        rng = np.random.default_rng(len(past))  # new patches
    else:
        mixture = begin(images, given.components, rounds[0][0], rng)
    for number, found in enumerate(learn(images, mixture, rounds, rng), 1):
        *mixture, likelihood = found
        print(f"round {number}: {likelihood:.2f}, {time.time() - began:.0f} s", flush=True)
        recipe = {
            "learned": "scikit-learn GaussianMixture",
            "rounds": past + given.rounds[:number],
            "mean_log_likelihood": round(likelihood, 3),
            "images": list(photos),
        }
        save(given.out, *mixture, recipe, given.trained_on, given.licence)
    rescore(given.out)


def save(
    path: Path,
    weights: NDArray[np.float64],
    spread: NDArray[np.float64],
    recipe: dict[str, object],
    trained_on: str,
    licence: str,
) -> None:
    """Write the mixture and what it is."""
    from napari_deconv.restoration.epll import EPLL, Prior
    from napari_deconv.restoration.weights import packed

    header = {
        "trained_on": trained_on,
        "licence": licence,
        "recipe": recipe,
        "scores": {"held_out_psnr": {}},
    }
    path.write_bytes(packed(EPLL(), Prior.of(weights, spread), header))


def rescore(path: Path) -> None:
    """Write into the file what EPLL makes with it of the crops that `epll_schedule` steers by."""
    from epll_schedule import cases, psnr_db

    from napari_deconv.restoration.epll import EPLL
    from napari_deconv.restoration.weights import packed, read_weights

    tensors, header = read_weights(path, EPLL.name)
    method = EPLL(prior=str(path.resolve()))
    found = {str(n): round(psnr_db(method, cases(n, 3), n), 4) for n in (0.01, 0.03, 0.05)}
    header["scores"] = {"held_out_psnr": found}
    header.pop("fields")
    prior = EPLL().network()
    prior.load_state_dict(tensors)
    path.write_bytes(packed(EPLL(), prior, header))


if __name__ == "__main__":
    main()
