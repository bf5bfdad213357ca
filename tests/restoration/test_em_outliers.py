"""Outlier EM: what no blurred scene can be does no harm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.data import camera
from skimage.metrics import peak_signal_noise_ratio

from napari_deconv import deconvolve, degrade
from napari_deconv.engine.problem import Problem
from napari_deconv.psf import Disk
from napari_deconv.restoration.em_outliers import inliers

SHARP = camera()[100:228, 180:308].astype(np.float32) / 255
PSF = Disk(radius_px=4)()


def psnr_db(truth: NDArray[Any], image: NDArray[Any], method: str) -> float:
    found = np.clip(deconvolve(image, PSF, method, noise=0.01), 0, 1)
    return float(peak_signal_noise_ratio(truth, found, data_range=1))


def lights() -> tuple[NDArray[Any], NDArray[Any]]:
    """Small lights eight times as bright as white, clipped by the camera; and the scene."""
    scene = SHARP.copy()
    for y, x in ((30, 40), (60, 90), (90, 30), (100, 100)):
        scene[y : y + 3, x : x + 3] = 8
    return degrade(scene, PSF, noise=0.01, seed=1, saturation=1.0)


def test_clipped_lights_do_not_ring() -> None:
    image, truth = lights()
    assert psnr_db(truth, image, "em-outliers") > psnr_db(truth, image, "hyper-laplacian") + 3


def test_hot_and_dead_pixels_do_not_ring() -> None:
    image, truth = degrade(SHARP, PSF, noise=0.01, seed=1)
    rng = np.random.default_rng(2)
    spoilt = rng.random(image.shape) < 0.02
    noisy = np.where(spoilt, rng.integers(0, 2, image.shape), image).astype(np.float32)
    assert psnr_db(truth, noisy, "em-outliers") > psnr_db(truth, image, "em-outliers") - 1
    assert psnr_db(truth, noisy, "hyper-laplacian") < psnr_db(truth, noisy, "em-outliers") - 8


def test_nothing_is_lost_where_there_are_no_outliers() -> None:
    image, truth = degrade(SHARP, PSF, noise=0.01, seed=1)
    assert psnr_db(truth, image, "em-outliers") > psnr_db(truth, image, "sparse") - 0.2


def test_inliers() -> None:
    seen = torch.tensor([[[0.5, 0.5, 1.0, 1.0]]])
    psf = torch.ones(1, 1)
    problem = Problem(seen=seen, psf=psf, grid=(1, 6), offset=(0, 1), noise=0.01)
    expected = torch.tensor([[[0.3, 0.5, 0.8, 1.2, 0.99, 0.2]]])
    m = inliers(problem, expected, problem.white)
    certain = 0.9 / (0.9 + 0.1 * 0.01 * np.sqrt(2 * np.pi))
    assert m[0, 0, 1].item() == pytest.approx(certain, rel=1e-5)
    assert m[0, 0, 4].item() > 0.9  # one standard deviation off
    assert m[0, 0, [0, 2, 3, 5]].abs().max() < 1e-6  # ring, far off, above white, ring
