"""Scenes and PSF sets: the protocol against a direct computation, the syntax of sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import convolve2d
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from napari_deconv.cli.bench_names import contestant_in, kernel_set_in, range_in
from napari_deconv.core.errors import DeconvError
from napari_deconv.io import write
from napari_deconv.protocol.kernels import kernels_in
from napari_deconv.protocol.scenes import Camera, Case, Noise, Scene, gray, images_in, paired

RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five small colour images, b0 to b4, and a file that is none."""
    for i in range(5):
        write(tmp_path / f"b{i}.png", RNG.integers(0, 256, (40, 45, 3), dtype=np.uint8))
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def scene(folder: Path, camera: Camera, noise: Noise, seed: int = 3) -> Scene:
    kernels = kernel_set_in("gaussian:sigma_px=0.8..1.6/3")
    return paired(images_in(folder), kernels, camera, noise)[seed]


def test_plain_scene_is_the_protocol(folder: Path) -> None:
    found = scene(folder, Camera(), Noise(0.05))
    case, k = found.case(), found.kernel.array.astype(float)
    sharp = gray(folder / "b3.png")
    assert found.kernel.label == "gaussian:sigma_px=0.8;angle_deg=0", "image 3 takes PSF 3 mod 3"
    blurred = convolve2d(sharp, k / k.sum(), mode="valid")
    noise = np.random.default_rng(3).normal(0, 0.05, blurred.shape)
    np.testing.assert_allclose(case.blurred, blurred + noise, atol=1e-6)
    rim = k.shape[0] // 2
    np.testing.assert_allclose(case.truth, sharp[rim:-rim, rim:-rim], atol=1e-6)
    assert case.blurred.dtype == np.float32 and case.noise == pytest.approx(0.05)


def test_score_leaves_out_half_the_psf() -> None:
    truth = RNG.random((40, 50)).astype(np.float32)
    estimate = truth + RNG.normal(0, 0.3, truth.shape).astype(np.float32)
    case = Case("", truth, truth, np.ones((7, 4), np.float32), 0.0)
    x, t = np.clip(estimate, 0, 1)[3:-3, 2:-2], truth[3:-3, 2:-2]
    ssim = structural_similarity(
        x, t, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    psnr_db = peak_signal_noise_ratio(t, x, data_range=1)
    assert case.score(estimate) == pytest.approx((psnr_db, ssim), abs=1e-4)


def test_saturated_scene_clips_what_was_exposed(folder: Path) -> None:
    camera = Camera(gain=(2.0, 2.0))
    case = scene(folder, camera, Noise(0.01)).case()
    plain = scene(folder, Camera(), Noise(0.01)).case()
    np.testing.assert_allclose(case.truth, np.clip(2 * plain.truth, 0, 1), atol=1e-6)
    assert case.blurred.max() == 1, "so much light must clip"
    assert camera.label == "gain 2, clipped"


def test_jpeg_is_coded_at_a_quality_per_image(folder: Path) -> None:
    camera = Camera(gain=(1.0, 1.5), jpeg=(75, 90))
    case = scene(folder, camera, Noise(0.01)).case()
    np.testing.assert_allclose(case.blurred * 255, np.rint(case.blurred * 255), atol=1e-4)
    chains = [camera.chain(Noise(0.01), seed) for seed in range(20)]
    assert all(75 <= c.jpeg_quality <= 90 and 1 <= c.gain <= 1.5 for c in chains)
    assert len({c.jpeg_quality for c in chains}) > 3, "drawn per image"
    assert camera.label == "gain 1..1.5, clipped, JPEG 75..90"


def test_photons_are_those_of_the_brightest_pixel(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", np.full((200, 200), 51, np.uint8))  # all at the peak, 0.2
    case = scene(tmp_path, Camera(), Noise(photons=100), 0).case()
    assert case.blurred.mean() == pytest.approx(0.2, rel=0.01)
    assert case.blurred.std() == pytest.approx(0.2 / 10, rel=0.05)
    assert case.noise == pytest.approx(0.02)


def test_every_other_file(folder: Path) -> None:
    assert [p.stem for p in images_in(folder, "odd")] == ["b0", "b2", "b4"]
    assert [p.stem for p in images_in(folder, "even")] == ["b1", "b3"]
    assert [p.stem for p in images_in(folder, limit=2)] == ["b0", "b1"]


def test_cross_pairs_everything(folder: Path) -> None:
    kernels = kernel_set_in("disk:radius_px=1..3/3")
    cross = paired(images_in(folder), kernels, Camera(), Noise(0.01), cross=True)
    assert len({(s.image, s.kernel.label) for s in cross}) == 15
    assert all(s.seed == int(s.image.stem[1]) for s in cross)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("disk:radius_px=7", ["disk:radius_px=7"]),
        (
            "gaussian:sigma_px=1.5..3.25/8",
            [f"gaussian:sigma_px={1.5 + 0.25 * i:g};angle_deg=0" for i in range(8)],
        ),
        ("disk:radius_px=3..6.5/8", [f"disk:radius_px={3 + 0.5 * i:g}" for i in range(8)]),
        (
            "camera-shake:size_px=21,seed=3..5/3",
            [f"camera-shake:size_px=21;seed={i};exposure=1;jolts=2" for i in (3, 4, 5)],
        ),
    ],
)
def test_generators_run_over_ranges(text: str, labels: list[str]) -> None:
    found = kernel_set_in(text)
    assert [k.label for k in found.kernels] == labels
    assert found.label == text
    assert all(k.array.sum() == pytest.approx(1, abs=1e-5) for k in found.kernels)


def test_psfs_from_files_and_folders(tmp_path: Path) -> None:
    one, two = np.ones((3, 3), np.float32), np.eye(5, dtype=np.float32)
    np.savez(tmp_path / "set.npz", b=two, a=one)
    named = kernels_in(tmp_path / "set.npz").kernels
    assert [k.label.split()[0] for k in named] == ["set:a", "set:b"]
    np.save(tmp_path / "one.npy", one)
    assert [k.array.shape for k in kernels_in(tmp_path).kernels] == [(3, 3), (3, 3), (5, 5)]
    np.savez(tmp_path / "set.npz", b=two, a=one + np.eye(3, dtype=np.float32))
    changed = kernels_in(tmp_path / "set.npz").kernels
    assert changed[0].label != named[0].label, "another PSF under the same name is another"
    assert changed[1].label == named[1].label


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: kernel_set_in("disk:radius_px=1..2/0"), "same N everywhere"),
        (lambda: kernel_set_in("motion:length_px=3..9/3,angle_deg=0..90/4"), "same N"),
        (lambda: kernel_set_in("none.npz"), "none.npz"),
        (lambda: range_in("--jpeg", "90..75", 1, 100, int), "'90..75'"),
        (lambda: images_in(Path("nowhere")), "nowhere"),
        (lambda: contestant_in("wienr"), "wiener"),
        (lambda: contestant_in("wiener:weight=best"), "no number 'weight'"),
        (lambda: contestant_in("sparse:iterations=best"), "one estimate per iteration"),
        (lambda: contestant_in("richardson-lucy:tv=best-of-level"), "Use tv=best"),
    ],
)
def test_wrong_words_are_said_so(call: object, said: str) -> None:
    with pytest.raises(DeconvError, match=said):
        call()  # type: ignore[operator]
