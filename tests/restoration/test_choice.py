"""The method to begin with: by the kind of image and the device, with a reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import tifffile
from skimage.data import astronaut, camera

import napari_deconv as nd
from napari_deconv import deconvolve, degrade, drain, stream
from napari_deconv.cli import main
from napari_deconv.core.errors import DeconvError
from napari_deconv.io import read
from napari_deconv.psf import Disk, Gaussian
from napari_deconv.restoration.choice import Facts, Kind, facts_of, recommended

PSF = Disk(radius_px=2)()
PHOTO = camera()[100:164, 180:244].astype(np.float32) / 255


def cells() -> np.ndarray:
    """A few bright spots on darkness, in the counts of a microscope's camera."""
    y, x = np.mgrid[:64, :64]
    spots = sum(np.exp(-((y - a) ** 2 + (x - b) ** 2) / 18) for a, b in ((20, 15), (40, 50)))
    return (100 + 3000 * spots).astype(np.uint16)


def glowing(photons: float = 200, planes: int = 12) -> np.ndarray:
    """A stack of the cells, with photon noise, in counts."""
    depth = np.exp(-((np.arange(planes) - planes / 2) ** 2) / 8)
    expected = photons * (0.05 + depth[:, None, None] * (cells() - 100.0) / 3000)
    return np.random.default_rng(0).poisson(expected).astype(np.uint16)


@pytest.mark.parametrize(
    ("image", "psf", "kind"),
    [
        (PHOTO, PSF, "gray photo"),
        (astronaut()[:64, 150:214], PSF, "colour photo"),
        (np.minimum(2 * PHOTO, 1), PSF, "clipped photo"),
        (cells(), PSF, "fluorescent plane"),
        (np.stack([cells()] * 3), PSF, "fluorescent plane"),
        (np.stack([cells()] * 3), np.ones((3, 3, 3)), "stack"),
        (glowing(), np.ones((3, 3, 3)), "fluorescent stack"),
        (np.tile(PHOTO, (9, 1, 1)), np.ones((3, 3, 3)), "stack"),
        (np.stack([cells()] * 2), [PSF, PSF], "fluorescent plane"),
        (PHOTO.tolist(), PSF, "gray photo"),
        (np.ma.masked_less(PHOTO, 0.01), PSF, "gray photo"),
    ],
)
def test_kinds_of_images(image: object, psf: object, kind: str) -> None:
    axes = "CYX" if isinstance(psf, list) else None
    kernels = dict(enumerate(psf)) if isinstance(psf, list) else psf
    assert facts_of(image, kernels, axes=axes, device="cpu").kind == kind


def test_every_kind_has_a_method_of_its_dimensions_and_a_reason() -> None:
    for kind in get_args(Kind):
        choice = recommended(Facts(kind))
        assert choice.reason
        assert (3 if "stack" in kind else 2) in choice.method.ndim


def test_what_a_network_would_take_minutes_for_on_a_processor_goes_another_way() -> None:
    names = {
        device: recommended(Facts("gray photo", 40, device, narrow=False)).method.name
        for device in ("cpu", "cuda")
    }
    assert names == {"cpu": "hyper-laplacian", "cuda": "unrolled"}
    assert recommended(Facts("gray photo", 1, "cpu", narrow=False)).method.name == "unrolled"
    assert "40 megapixels" in recommended(Facts("gray photo", 40, narrow=False)).reason


def test_fluorescence_stacks_go_to_the_network_that_learned_from_such_with_a_warning() -> None:
    kernel = Gaussian(sigma_px=(1.0, 1.0, 1.0))()
    facts = facts_of(glowing(), kernel, device="cpu")
    choice = recommended(facts)
    assert choice.method.name == "unrolled-3d"
    assert "invent" in choice.reason and "choose Richardson-Lucy" in choice.reason
    large = recommended(replace(facts, megapixels=200.0))
    assert large.method.name == "richardson-lucy" and "200 megavoxels" in large.reason
    assert recommended(replace(facts, megapixels=200.0, device="cuda")).method.name == "unrolled-3d"


@pytest.mark.parametrize(
    ("stack", "options", "words"),
    [
        (glowing(planes=5), {}, "of 5 planes"),
        (glowing(2e4), {}, "photons where it is brightest"),
        (glowing(1), {}, "photons where it is brightest"),
        (glowing(), {"spacing": (1.5, 0.1, 0.1)}, "z-steps of 15 pixels"),
        (np.minimum(glowing(), 40), {}, "clipped highlights"),
    ],
)
def test_stacks_unlike_those_it_learned_from_go_to_richardson_lucy(
    stack: np.ndarray, options: Any, words: str
) -> None:
    kernel = Gaussian(sigma_px=(1.0, 1.0, 1.0))()
    choice = recommended(facts_of(stack, kernel, device="cpu", **options))
    assert choice.method.name == "richardson-lucy" and words in choice.reason


def test_a_method_left_open_is_the_recommended_one_and_the_recipe_says_why() -> None:
    image, _ = degrade(PHOTO, PSF, noise=0.01, seed=0)
    found = drain(stream("auto", image, PSF, noise=0.01))
    choice = recommended(facts_of(image, PSF))
    assert found.recipe["method"]["name"] == choice.method.name
    assert found.recipe["method_reason"] == choice.reason
    assert np.array_equal(found.data, deconvolve(image, PSF, noise=0.01))
    assert np.array_equal(found.data, deconvolve(image, PSF, "", noise=0.01))
    named = drain(stream(choice.method, image, PSF, noise=0.01))
    assert np.array_equal(found.data, named.data) and "method_reason" not in named.recipe
    assert nd.expected_seconds(image, PSF) > 0


def test_fields_without_a_method_go_to_the_recommended_one_or_the_only_one_with_them() -> None:
    stack, kernel = np.tile(PHOTO[:32, :32], (6, 1, 1)), Gaussian(sigma_px=(1.0, 1.0, 1.0))()
    for image in (stack, glowing()):
        named = deconvolve(image, kernel, "richardson-lucy", iterations=3)
        assert np.array_equal(deconvolve(image, kernel, iterations=3), named)
    named = deconvolve(PHOTO, PSF, "richardson-lucy", tv=0.01, iterations=3)
    assert np.array_equal(deconvolve(PHOTO, PSF, tv=0.01, iterations=3), named)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"iterations": 3}, r"for 'iterations', and 'unrolled'.* does: em-.*richardson-lucy"),
        ({"tv": 0.01, "clip_level": 1.0}, "'tv', 'clip_level'.*No method has them all"),
        ({"iteration": 3}, "no field of a method 'iteration'.*Did you mean 'iterations'"),
    ],
)
def test_fields_without_a_method_that_say_not_which_are_refused(fields: Any, words: str) -> None:
    with pytest.raises(DeconvError, match=words):
        deconvolve(PHOTO, PSF, **fields)


def test_the_command_line_chooses_and_says_so(tmp_path: Path, capsys) -> None:
    tifffile.imwrite(tmp_path / "photo.tif", PHOTO)
    where = [str(tmp_path / "photo.tif"), "-o", str(tmp_path / "out.tif")]
    assert main(["deconvolve", *where, "--psf", "disk:radius_px=2"]) == 0
    assert "Unrolled U-Net was chosen, for a gray photo" in capsys.readouterr().err
    recipe = read(tmp_path / "out.tif").recipe
    assert recipe["method"]["name"] == "unrolled" and "gray photo" in recipe["method_reason"]
    assert main(["deconvolve", *where, "--psf", "disk:radius_px=2", "--set", "weight=1"]) == 1
    assert "No method was named for 'weight'" in capsys.readouterr().err


def test_the_command_line_gives_fields_to_the_method_it_chooses(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "stack.ome.tif", np.tile(cells()[:24, :25], (5, 1, 1)))
    where = [str(tmp_path / "stack.ome.tif"), "-o", str(tmp_path / "out.tif"), "--axes", "ZYX"]
    where += ["--psf", "gaussian:sigma_px=1,1,1", "--set", "background=auto"]
    assert main(["deconvolve", *where, "--iterations", "2"]) == 0
    method = read(tmp_path / "out.tif").recipe["method"]
    assert (method["name"], method["iterations"]) == ("richardson-lucy", 2)
    assert method["background"] == "auto"
