from __future__ import annotations

import io
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.optimize import nnls
from scipy.signal import convolve2d, fftconvolve

import napari_deconv as nd
from napari_deconv.cli import main
from napari_deconv.core.errors import Cancelled
from napari_deconv.core.progress import drain
from napari_deconv.engine import streaming as engine
from napari_deconv.engine.regions import RegionPSF
from napari_deconv.estimation import kernel as kernels
from napari_deconv.estimation import stream
from napari_deconv.estimation.across import likeness as likeness_of
from napari_deconv.estimation.across import matched
from napari_deconv.estimation.kernel_fit import fit_kernel
from napari_deconv.estimation.plane import odd_size, plane_of
from napari_deconv.io import read


def photo(size: int = 200, seed: int = 0) -> np.ndarray:
    """Dead leaves: overlapping disks, whose spectrum and edges are those of photos."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((size, size))
    image = np.full((size, size), 0.5)
    for _ in range(500):
        cy, cx = rng.uniform(0, size, 2)
        radius = 4 / rng.uniform(0.05, 1)
        image[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = rng.uniform(0.05, 0.95)
    return image


def blurred(psf: np.ndarray, size: int = 200, noise: float = 0.005, seed: int = 0) -> np.ndarray:
    image = fftconvolve(photo(size, seed), psf, "valid")
    return (image + np.random.default_rng(1).normal(0, noise, image.shape)).astype(np.float32)


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Greatest normalised correlation over shifts."""
    product = convolve2d(a, b[::-1, ::-1])
    return float(product.max() / np.sqrt((a**2).sum() * (b**2).sum()))


def test_camera_shake_is_recovered() -> None:
    psf = nd.psf.CameraShake(size_px=15, seed=5)()
    found = nd.estimation.estimate(blurred(psf), family="camera-shake", size=21, noise=0.005)
    assert found.psf.dtype == np.float32 and abs(found.psf.sum() - 1) < 1e-5
    assert found.family == "camera-shake" and found.spec is None
    delta = np.zeros((15, 15))
    delta[7, 7] = 1
    assert likeness(found.psf, psf) > 0.85 > likeness(delta, psf)
    assert found.curve[-1, 1] < 0.5


@pytest.mark.parametrize(
    ("spec", "key"),
    [
        (nd.psf.Gaussian(sigma_px=2.0), "sigma_px"),
        (nd.psf.Disk(radius_px=5.0), "radius_px"),
        (nd.psf.Motion(length_px=14.0, angle_deg=30.0), "length_px"),
    ],
)
def test_parameters_are_recovered(spec: nd.psf.PSF, key: str) -> None:
    found = nd.estimation.estimate(blurred(spec()), family=spec.name, noise=0.005)
    assert getattr(found.spec, key) == pytest.approx(getattr(spec, key), rel=0.1)
    if key == "length_px":
        assert found.spec.angle_deg == pytest.approx(30.0, abs=2)
    # The criterion's curve has its least value at what was chosen.
    assert found.curve[found.curve[:, 1].argmin(), 0] == pytest.approx(getattr(found.spec, key))


def test_a_blur_is_recovered_from_a_jpeg() -> None:
    """Its noise is in the coarse frequencies: taken for white it looks like another blur."""
    image = 255 * fftconvolve(photo(300), nd.psf.Gaussian(sigma_px=2.7)(), "valid")
    noisy = image + np.random.default_rng(1).normal(0, 2, image.shape)
    file = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=95)
    found = nd.estimation.estimate(np.asarray(Image.open(file)), family="gaussian")
    assert found.spec.sigma_px == pytest.approx(2.7, rel=0.12)


def test_an_edge_tells_its_width() -> None:
    y, x = np.indices((400, 400))
    step = ((x - 200 + 0.2 * (y - 200)) > 0).astype(float).reshape(100, 4, 100, 4).mean((1, 3))
    for spec in (nd.psf.Gaussian(sigma_px=2.5), nd.psf.Disk(radius_px=6.0)):
        image = fftconvolve(np.pad(step, 30, mode="edge"), spec(), "same")[30:-30, 30:-30]
        image += np.random.default_rng(0).normal(0, 0.005, image.shape)
        found = nd.estimation.from_edge(image, [(46, 25), (54, 75)])
        width = getattr(found.spec, "sigma_px" if spec.name == "gaussian" else "radius_px")
        assert found.family == spec.name
        assert width == pytest.approx(2.5 if spec.name == "gaussian" else 6.0, rel=0.03)
    noise = np.random.default_rng(0).normal(size=(80, 80))
    with pytest.raises(nd.DeconvError, match="No edge"):
        nd.estimation.from_edge(noise, [(40, 10), (40, 60)])


def test_kernel_fit_is_the_non_negative_least_squares_solution() -> None:
    rng = np.random.default_rng(0)
    edges = np.zeros((2, 1, 40, 40))
    edges[..., 8:-8, 8:-8] = rng.normal(size=(2, 1, 24, 24)) * (rng.random((24, 24)) < 0.3)
    true = rng.random((5, 5)) ** 3
    seen = np.stack([convolve2d(e[0], true / true.sum(), "same")[None] for e in edges])
    seen += rng.normal(0, 0.3, seen.shape)
    columns = [
        np.roll(edges, (dy, dx), (2, 3)).ravel() for dy in range(-2, 3) for dx in range(-2, 3)
    ]
    expected, _ = nnls(np.stack(columns, 1), seen.ravel())
    tensors = (torch.as_tensor(a, dtype=torch.float32) for a in (edges, seen))
    found = fit_kernel(*tensors, torch.zeros(5, 5), ridge=0.0)
    np.testing.assert_allclose(found.numpy().ravel(), expected, atol=1e-4)
    assert (expected == 0).any()


def test_kernels_are_cleaned_and_centred() -> None:
    k = np.zeros((9, 9))
    k[1, 1:4] = 1.0
    k[7, 7] = 0.2
    k[5, 5] = 0.01
    clean = kernels.centred(kernels.cleaned(k, 0.05, 0.1))
    assert clean.sum() == pytest.approx(1) and np.count_nonzero(clean) == 3
    np.testing.assert_allclose(kernels.centre(clean), 4)
    np.testing.assert_allclose(kernels.centre(kernels.resized(clean, 17, 2.0)), 8, atol=0.05)


def test_bad_input_gets_words() -> None:
    rng = np.random.default_rng(0)
    hazy = np.linspace(0.4, 0.5, 100) + rng.normal(0, 0.02, (100, 100))
    cases = [
        (np.full((100, 100), 7, np.uint8), {}, "flat"),
        (rng.normal(size=(100, 100)), {}, "no edges"),
        (np.hstack([photo(100), hazy]), {"region": (0, 100, 100, 200)}, "no edges"),
        (photo(100), {"size": 24}, "no pixel in its middle"),
        (photo(100), {"size": (9, 15)}, "is not a square"),
        (photo(100), {"size": 61}, "too large"),
        (photo(100), {"region": (0, 0, 20, 20)}, "inside the image"),
        (photo(100), {"region": "here"}, "is not a rectangle"),
        (photo(100), {"family": "box"}, "unknown"),
        (photo(100), {"noise": -1}, "no standard deviation|not a standard deviation"),
        (photo(30), {}, "must have"),
    ]
    for image, options, words in cases:
        with pytest.raises(nd.DeconvError, match=words) as caught:
            nd.estimation.estimate(image, **options)
        assert caught.value.remedy


def test_planes_know_region_colour_and_clipping() -> None:
    rgb = (255 * np.stack([photo(120)] * 3, -1)).astype(np.uint8)
    rgb[10:20, 10:20, 1] = 255
    plane = plane_of(rgb, None, (slice(0, 100), slice(20, 120)), 1.0)
    assert plane.gray.shape == (100, 100) and plane.region == (0, 20, 100, 120)
    whole = plane_of(rgb, None, None, None)
    assert not whole.good[10:20, 10:20].any() and whole.good[30:].all()
    assert odd_size(None, (60, 200)) == 19


def test_a_run_says_where_it_is_and_can_be_cancelled() -> None:
    image = blurred(nd.psf.Disk(radius_px=3.0)(), 120)
    cancel = threading.Event()
    run = stream(image, size=11, family="camera-shake", cancel=cancel)
    step = next(run)
    kernel, latent = step.preview()
    assert 0 < step.done < step.total and step.label
    assert kernel.sum() == pytest.approx(1, abs=1e-5) and latent.ndim == 2
    cancel.set()
    with pytest.raises(Cancelled):
        drain(run)


def test_psf_does_not_load_torch() -> None:
    code = "import sys, napari_deconv.psf as p; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_line_writes_a_psf_and_says_how_sure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("soft.npy", blurred(nd.psf.Disk(radius_px=4.0)(), 140))
    command = ["psf", "estimate", "soft.npy", "--family", "disk"]
    assert main([*command, "-o", "psf.tif"]) == 0
    said = capsys.readouterr().out
    assert "Disk(radius_px=" in said and "Confidence" in said
    written = read("psf.tif")
    assert written.data.sum() == pytest.approx(1, abs=1e-4)
    assert written.recipe["psf"]["estimate"] == "disk"
    assert main([*command, "-o", "psf.tif", "--size", "24"]) == 2
    assert "Give 23 or 25" in capsys.readouterr().err


def test_a_nearly_right_psf_is_refined_with_any_method() -> None:
    true, given = nd.psf.Disk(radius_px=4.0)(), nd.psf.Disk(radius_px=4.7)()
    image = blurred(true, 130)
    found = nd.estimation.refine(image, given, rounds=2, noise=0.005)
    assert found.shape == given.shape and abs(found.sum() - 1) < 1e-5
    assert likeness(found, true) > likeness(given, true) + 0.005
    exact = nd.estimation.refine(image, true, rounds=2, noise=0.005)
    assert likeness(exact, true) > 0.995
    method = nd.methods()["wiener"]()
    result = drain(nd.stream(method, image, given, refine_psf=1))
    assert result.recipe["refine_psf"] == 1 and result.psf.shape == given.shape
    np.testing.assert_array_equal(result.psf, nd.estimation.refine(image, given, "wiener", 1))
    again = drain(engine.stream(method, image, result.psf))
    np.testing.assert_array_equal(result.data, again.data)
    with pytest.raises(nd.DeconvError, match="rounds"):
        nd.estimation.refine(image, given, rounds=0)
    with pytest.raises(nd.DeconvError, match="several"):
        nd.deconvolve(np.stack([image, image]), [given, given], axes="CYX", refine_psf=1)


def test_volumes_are_refined_too() -> None:
    rng = np.random.default_rng(0)
    true = np.einsum("i,j,k->ijk", *[np.exp(-0.5 * (np.arange(-3, 4) / s) ** 2) for s in (1, 1, 1)])
    true = (true / true.sum()).astype(np.float32)
    boxes = np.repeat(np.repeat(np.repeat(rng.random((3, 6, 6)), 8, 0), 8, 1), 8, 2)
    image = fftconvolve(boxes, true, "same").astype(np.float32)
    wide = fftconvolve(true, true[1:-1, 1:-1, 1:-1], "same").astype(np.float32)
    found = nd.estimation.refine(image, wide / wide.sum(), "wiener", rounds=1, noise=0.002)
    assert found.shape == true.shape and found.sum() == pytest.approx(1, abs=1e-5)
    assert np.abs(found - wide / wide.sum()).sum() > 1e-3


def test_regions_with_one_psf_are_as_the_whole_and_blend_where_psfs_differ() -> None:
    image = blurred(nd.psf.Disk(radius_px=2.0)(), 150)
    psf = nd.psf.Disk(radius_px=2.0)()
    whole = nd.deconvolve(image, psf, "wiener", noise=0.005)
    same = nd.deconvolve(image, RegionPSF((2, 1), (psf, psf)), "wiener", noise=0.005)
    np.testing.assert_allclose(same, whole, atol=0.01)
    delta = np.zeros((5, 5), np.float32)
    delta[2, 2] = 1
    mixed = nd.deconvolve(image, RegionPSF((1, 2), (delta, psf)), "wiener", noise=0.005)
    other = nd.deconvolve(image, delta, "wiener", noise=0.005)
    np.testing.assert_allclose(mixed[:, :20], other[:, :20], atol=0.02)
    np.testing.assert_allclose(mixed[:, -20:], whole[:, -20:], atol=0.02)
    rgba = (255 * np.stack([image.clip(0, 1)] * 4, -1)).astype(np.uint8)
    colour = nd.deconvolve(rgba, RegionPSF((1, 2), (delta, psf)), "wiener", axes="YXS")
    assert colour.dtype == np.uint8 and (colour[..., 3] == rgba[..., 3]).all()
    with pytest.raises(nd.DeconvError, match="2 x 2 regions"):
        RegionPSF((2, 2), (psf,))


def test_regions_that_disagree_are_said_to() -> None:
    fine, coarse = nd.psf.Gaussian(sigma_px=1.0)((25, 25)), nd.psf.Disk(radius_px=6.0)((25, 25))
    left, right = (blurred(psf, 200) for psf in (fine, coarse))
    image = np.concatenate([left[:, :90], right[:, 90:]], 1)
    found = nd.estimation.estimate_across(image, (1, 2), 17, "disk", noise=0.005)
    assert found.differs and "disagree" in str(found.confidence)
    assert found.psf.grid == (1, 2) and found.recipe["regions"] == [1, 2]
    with pytest.raises(nd.DeconvError, match="are small"):
        nd.estimation.estimate_across(image, (3, 3))


def test_the_family_that_fits_best_is_found() -> None:
    image = blurred(nd.psf.Disk(radius_px=4.0)(), 150)
    found = nd.estimation.estimate(image, 13, noise=0.005)
    assert found.family == "disk" and set(found.scores) == {
        "gaussian", "disk", "motion", "camera-shake",
    }  # fmt: skip
    assert found.spec.radius_px == pytest.approx(4, rel=0.05)
    assert found.runner_up in found.scores and found.runner_up != "disk"


def test_kernels_are_compared_and_matched_over_shifts() -> None:
    kernel = nd.psf.CameraShake(size_px=11, seed=2)()
    moved = np.pad(kernel, ((6, 0), (0, 4)))
    assert likeness_of(kernel, moved) == pytest.approx(1, abs=0.01)
    back = matched(moved, kernel)
    half = np.array(back.shape) // 2 - 5
    inner = back[half[0] : half[0] + 11, half[1] : half[1] + 11]
    np.testing.assert_allclose(inner, kernel)


def test_regions_and_refining_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("soft.npy", blurred(nd.psf.Disk(radius_px=3.0)(), 200))
    estimate = ["psf", "estimate", "soft.npy", "--regions", "1,2", "--family", "disk"]
    assert main([*estimate, "-o", "psfs.tif"]) == 0
    assert "2 PSFs" in capsys.readouterr().out
    assert read("psfs.tif").data.shape[0] == 2
    wiener = ["deconvolve", "soft.npy", "--method", "wiener"]
    assert main([*wiener, "--psf", "psfs.tif", "-o", "a.tif"]) == 0
    assert read("a.tif").recipe["psf"]["regions"] == [1, 2]
    assert main([*wiener, "--psf", "disk:radius_px=3", "--refine-psf", "1", "-o", "b.tif"]) == 0
    assert read("b.tif").recipe["refine_psf"] == 1
    assert read("b_psf.tif").data.sum() == pytest.approx(1, abs=1e-4)
    assert main([*wiener, "--psf", "psfs.tif", "--refine-psf", "1", "-o", "c.tif"]) == 1
    assert "is for one PSF" in capsys.readouterr().err
