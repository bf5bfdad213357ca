"""Networks made for one PSF: they begin as the inverse that numpy makes, and they learn."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import fftconvolve
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from napari_deconv import deconvolve, degrade
from napari_deconv.core.errors import DeconvError
from napari_deconv.degradation.sampling import Sampler
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import CameraShake, Disk, Gaussian
from napari_deconv.psf.given import GivenPSF
from napari_deconv.restoration.base import Method
from napari_deconv.restoration.networks.crcnet import CRCNet
from napari_deconv.restoration.networks.dcnn import DCNN
from napari_deconv.restoration.networks.layers.separable import separable_inverse
from napari_deconv.restoration.networks.odcnn import ODCNN
from napari_deconv.restoration.networks.one_psf import distance
from napari_deconv.restoration.weights import packed
from napari_deconv.train.pairs import Batch, make_batch
from napari_deconv.train.parallel import team
from napari_deconv.train.recipe import Recipe
from napari_deconv.train.state import advance, begin

PHOTO = data.camera()[60:204, 100:244].astype(np.float32) / 255
DISK = Disk(radius_px=4.0)()
DCNNS = [DCNN(nsr=1e-2), DCNN(nsr=1e-2, second="full"), DCNN(nsr=1e-2, activation="sigmoid")]


def prepared(method: Any, psf: np.ndarray = DISK) -> Any:
    network = method.network()
    network.prepare(iter([psf]))
    return network


def placed(psf: np.ndarray, shape: tuple[int, ...]) -> torch.Tensor:
    """A PSF with its centre at pixel 0."""
    square = np.zeros(shape, np.float32)
    square[: psf.shape[0], : psf.shape[1]] = psf
    return torch.from_numpy(np.roll(square, [-(n // 2) for n in psf.shape], (0, 1)))


def numpy_inverse(psf: np.ndarray, nsr: float) -> np.ndarray:
    """The paper's kernel: Wiener's inverse, its singular values below 0.01 dropped."""
    size, taps = 363, 121
    place = np.zeros((size, size))
    place[: psf.shape[0], : psf.shape[1]] = psf
    otf = np.fft.fft2(np.roll(place, [-(n // 2) for n in psf.shape], (0, 1)))
    inverse = np.fft.ifft2(otf.conj() / (abs(otf) ** 2 + nsr)).real
    middle = np.fft.fftshift(inverse)[taps:-taps, taps:-taps] / inverse.sum()
    fade = np.hanning(taps + 2)[1:-1]
    u, s, v = np.linalg.svd(middle * np.outer(fade, fade))
    kept = s >= 0.01
    kernel = (u[:, kept] * s[kept]) @ v[kept]
    return kernel / kernel.sum()


@pytest.mark.parametrize("method", DCNNS, ids=str)
@pytest.mark.parametrize("psf", [DISK, CameraShake(size_px=15, seed=1)()], ids=["disk", "shake"])
def test_untrained_it_is_the_separable_inverse(method: DCNN, psf: np.ndarray) -> None:
    with torch.no_grad():
        found = prepared(method, psf)(torch.from_numpy(PHOTO.copy())[None, None])[0, 0].numpy()
    kernel = numpy_inverse(psf, 1e-2)
    expected = fftconvolve(np.pad(PHOTO - 0.5, 60, mode="wrap"), kernel, "valid") + 0.5
    assert np.abs(found - expected).max() < 0.02
    assert np.sqrt(np.mean((found - expected) ** 2)) < 2e-3


def test_about_thirty_pairs_remain_at_the_paper_s_ratio() -> None:
    square = torch.zeros(121, 121)
    psf = torch.from_numpy(Disk(radius_px=7.0)())
    square[52:69, 52:69] = psf
    down, along = separable_inverse(square, 1e-4, 121, 38)
    assert 25 <= len(down) <= 38 and down.shape == along.shape
    assert float((down.sum(1) * along.sum(1)).sum()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("fields", "count"), [({}, 9_425), ({"second": "full"}, 179_551)])
def test_the_paper_s_size_and_three_numbers_more_per_map(
    fields: dict[str, Any], count: int
) -> None:
    assert sum(p.numel() for p in DCNN(**fields).network().parameters()) == count


def test_untrained_it_works_at_once_at_any_noise() -> None:
    for noise in (0.001, 0.01, 0.05):
        blurred, truth = degrade(PHOTO, DISK, noise=noise, seed=1)
        found = deconvolve(blurred, DISK, "dcnn", noise=noise).clip(0, 1)
        before = peak_signal_noise_ratio(truth, blurred.clip(0, 1), data_range=1)
        assert peak_signal_noise_ratio(truth, found, data_range=1) > before + 0.5


def recipe(method: Method, **fields: Any) -> Recipe:
    given = {"patch_px": 64, "batch": 2, "steps": 60, "noise_low": 0.02, "noise_high": 0.02}
    return Recipe(method=method, sampler=Sampler(psfs=(GivenPSF.of(DISK),)), **given | fields)


def psnr(network: Any, batch: Batch) -> float:
    with torch.no_grad():
        x = network.unrolled(batch.y, batch.otf, batch.sigma)[-1].clamp(0, 1)
    return float(-10 * (x - batch.truth).square().mean().log10())


def test_training_passes_the_inverse_it_began_as() -> None:
    plan = recipe(DCNN(nsr=3e-3), steps=40, patch_px=64, rate=1e-2)
    state = begin(plan, torch.device("cpu"))
    rng = np.random.default_rng(0)
    exam = make_batch([PHOTO], plan, np.random.default_rng(9), side_px=128)
    before = psnr(state.network, exam)
    with team("cpu") as us:
        for _ in range(plan.steps):
            advance(state, make_batch([PHOTO, PHOTO], plan, rng), plan, us)
    assert psnr(state.average, exam) > before + 0.1


def test_the_first_steps_do_not_destroy_the_inverse() -> None:
    plan = recipe(DCNN(second="full"), patch_px=64, rate=2e-4)
    state, rng = begin(plan, torch.device("cpu")), np.random.default_rng(0)
    exam = make_batch([PHOTO], plan, np.random.default_rng(9), side_px=128)
    before = psnr(state.network, exam)
    with team("cpu") as us:
        for _ in range(20):
            advance(state, make_batch([PHOTO, PHOTO], plan, rng), plan, us)
    assert psnr(state.network, exam) > before - 0.2


def sloped_inverse(psf: np.ndarray, nsr: float) -> np.ndarray:
    """Wiener's kernel with a ratio that is ``nsr`` at a tenth of a cycle per pixel."""
    size, taps = 363, 121
    place = np.zeros((size, size))
    place[: psf.shape[0], : psf.shape[1]] = psf
    otf = np.fft.fft2(np.roll(place, [-(n // 2) for n in psf.shape], (0, 1)))
    f = np.fft.fftfreq(size)
    ratio = 100 * nsr * (f[:, None] ** 2 + f**2)
    middle = np.fft.fftshift(np.fft.ifft2(otf.conj() / (abs(otf) ** 2 + ratio)).real)
    kernel = middle[taps:-taps, taps:-taps] * np.outer(*2 * [np.hanning(taps + 2)[1:-1]])
    return kernel / kernel.sum()


@pytest.mark.parametrize("psf", [DISK, CameraShake(size_px=15, seed=1)()], ids=["disk", "shake"])
def test_odcnn_begins_as_an_inverse_and_its_denoiser_looks_at_five_more(psf: np.ndarray) -> None:
    network, y = prepared(ODCNN(nsr=3e-3), psf), torch.from_numpy(PHOTO.copy())[None, None]
    with torch.no_grad():
        begun, views = network(y)[0, 0].numpy(), network.inverse(y)[0]
    kernels = [sloped_inverse(psf, 3e-3 * 10**step) for step in np.arange(-1, 2, 0.5)]
    framed = np.pad(PHOTO - 0.5, 60, mode="wrap")
    expected = [fftconvolve(framed, kernel, "valid") for kernel in kernels]
    # 36 filters down the columns do not hold all of a camera shake.
    assert np.sqrt(np.mean((begun - 0.5 - expected[2]) ** 2)) < 0.015
    for view, (a, b) in zip(views[1:6].numpy(), itertools.pairwise(expected), strict=True):
        assert np.corrcoef(view.ravel(), (a - b).ravel())[0, 1] > 0.99
    assert np.corrcoef(views[6].numpy().ravel(), PHOTO.ravel())[0, 1] > 0.999
    assert views[7].numpy()[PHOTO < 0.9].max() < -0.9 < 0.9 < network.inverse(y + 1)[0, 7].min()


def test_odcnn_learns_apart_and_then_together_without_a_change_at_the_joint() -> None:
    plan = recipe(ODCNN(train="denoiser"), batch=1, patch_px=48, rate=5e-3, optimiser="muon")
    state, rng = begin(plan, torch.device("cpu")), np.random.default_rng(0)
    exam = make_batch([PHOTO], plan, np.random.default_rng(9), side_px=64)
    before = psnr(state.network, exam)
    with team("cpu") as us:
        for _ in range(8):
            advance(state, make_batch([PHOTO], plan, rng), plan, us)
    apart, joined = state.network, ODCNN().network()
    assert psnr(apart, exam) > before + 0.1
    assert not any(name.startswith("inverse") for name, _ in apart.named_parameters())
    joined.grow(apart.state_dict())
    assert psnr(joined, exam) == psnr(apart, exam)
    assert "inverse.along" in dict(joined.named_parameters())


def test_a_training_that_begins_with_weights_for_another_psf_keeps_its_own(tmp_path: Path) -> None:
    other, file = Disk(radius_px=5.0)(), tmp_path / "other.safetensors"
    for method in (ODCNN(), CRCNet()):
        network = prepared(method, other)
        file.write_bytes(packed(method, network, {}))
        begun = begin(recipe(method, start=str(file)), torch.device("cpu")).network
        assert distance(begun.psf.numpy(), DISK) < 1e-6 < 0.1 < distance(network.psf.numpy(), DISK)
        last = list(begun.state_dict())[-2]
        assert torch.equal(begun.state_dict()[last], network.state_dict()[last].half().float())
        if isinstance(method, ODCNN):  # the inverse is its own, what was learned is taken over
            assert torch.equal(begun.inverse.along, prepared(method).inverse.along)
    file.write_bytes(packed(DCNN(), prepared(DCNN(), other), {}))
    with pytest.raises(DeconvError, match=r"invert another PSF, which differs by \d+%.*your own"):
        begin(recipe(DCNN(), start=str(file)), torch.device("cpu"))
    file.write_bytes(packed(DCNN(second="full"), prepared(DCNN(second="full")), {}))
    with pytest.raises(DeconvError, match="do not fit DCNN as it is set"):
        begin(recipe(DCNN(), start=str(file)), torch.device("cpu"))


@given(st.integers(8, 40), st.integers(8, 40), st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_odcnn_lays_patches_down_where_its_filters_looked(down: int, along: int, at: int) -> None:
    network = prepared(ODCNN())
    row, column = at % down, at // down % along
    with torch.no_grad():
        for layer in (network.first, network.second):
            layer.weight.zero_()
        # A quarter of what lies at the four pixels around half a pixel on, and back again.
        network.first.weight[0, 0, 7:9, 7:9] = 0.25
        network.second.weight[0, 0, 0, 0] = 1
        network.last.weight[[27, 28, 35, 36], 0] = 0.25
        views = torch.zeros(1, 8, down, along)
        views[0, 0, row, column] = 1e-2
        found = network.correction(views)[0, 0].numpy() / 1e-2
    expected = np.zeros((down, along))
    for i, j in itertools.product((-1, 0, 1), repeat=2):
        expected[(row + i) % down, (column + j) % along] = (2 - abs(i)) * (2 - abs(j)) / 16
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_odcnn_works_strip_by_strip_as_on_the_whole_and_can_be_cancelled_in_between() -> None:
    network, views = prepared(ODCNN()), torch.rand(1, 8, 150, 40)
    torch.nn.init.normal_(network.last.weight, std=0.01)
    whole, checks = network.correction(views).detach(), []
    with torch.no_grad():
        strips = network.correction(views, lambda: checks.append(1))
    torch.testing.assert_close(strips, whole, atol=0.01, rtol=0.01)
    assert len(checks) == 3


def test_odcnn_restores_a_large_image() -> None:
    image = np.tile(PHOTO, (5, 5))
    assert deconvolve(image, DISK, "odcnn", noise=0.01, nsr=3e-3).shape == image.shape


def test_crcnet_begins_at_the_sum_that_ird_has_after_as_many_terms() -> None:
    network = CRCNet().network()
    otf = torch.fft.rfft2(placed(DISK, PHOTO.shape))[None, None]
    y = torch.fft.irfft2(torch.fft.rfft2(torch.from_numpy(PHOTO.copy())) * otf, s=PHOTO.shape)
    with torch.no_grad():
        found = network(y, otf)
    term, r = 1 - otf.abs() ** 2, torch.fft.rfft2(y)
    s = r.clone()
    for _ in range(99):
        r = term * r
        s = s + r
    expected = torch.fft.irfft2(otf.conj() * s, s=PHOTO.shape)
    assert float((found - expected).square().mean().sqrt()) < 5e-3  # the layers run in bfloat16


def test_crcnet_has_the_paper_s_widths_and_learns_by_its_own_loss() -> None:
    network = CRCNet(inputs="image").network()
    assert [unit.there.in_channels for unit in network.units] == [3, 6, 12, 24, 48, 96]
    assert network.integrate[0].in_channels == 192
    plan = recipe(CRCNet(inputs="image"), patch_px=32, rate=3e-2)
    state, rng = begin(plan, torch.device("cpu")), np.random.default_rng(0)
    with team("cpu") as us:
        for _ in range(8):
            advance(state, make_batch([PHOTO, PHOTO], plan, rng), plan, us)
    assert state.losses[-1] < 0.9 * state.losses[0]


def test_crcnet_says_that_it_must_be_trained() -> None:
    with pytest.raises(DeconvError, match=r"CRCNet has no weights.*Train"):
        deconvolve(PHOTO, DISK, "crcnet")


@pytest.mark.parametrize("name", ["dcnn", "odcnn", "crcnet"])
def test_weights_of_another_psf_are_used_with_a_warning(name: str, tmp_path: Path) -> None:
    method = Method.make(name)
    file = tmp_path / "mine.safetensors"
    file.write_bytes(packed(method, prepared(method), {}))
    used = replace(method, weights=str(file))
    image = PHOTO[:48, :48]
    assert drain(stream(used, image, DISK, noise=0.01)).notes == ()
    notes = drain(stream(used, image, Disk(radius_px=5.0)(), noise=0.01)).notes
    assert "made for another PSF" in notes[0].text and "%" in notes[0].text


def test_weights_say_themselves_which_network_they_are_of(tmp_path: Path) -> None:
    full = DCNN(second="full", activation="sigmoid")
    file = tmp_path / "full.safetensors"
    file.write_bytes(packed(full, prepared(full), {}))
    used, given = (
        deconvolve(PHOTO, DISK, method, noise=0.01, weights=str(file)) for method in (full, DCNN())
    )
    np.testing.assert_array_equal(used, given)


def test_a_psf_too_large_for_the_filters_is_refused_in_words() -> None:
    with pytest.raises(DeconvError, match=r"too large for a network whose filters have 121 taps"):
        deconvolve(PHOTO, Disk(radius_px=90)(), "dcnn")
    wide = np.pad(DISK, 100)  # large, but empty where it is
    assert deconvolve(PHOTO, wide, "dcnn", noise=0.01).shape == PHOTO.shape


def test_distance_of_psfs() -> None:
    assert distance(DISK, np.pad(DISK, 3)) == pytest.approx(0, abs=1e-6)
    near, far = (distance(Gaussian(sigma_px=s)(), Gaussian(sigma_px=2.0)()) for s in (2.1, 4.0))
    assert 0 < near < 0.15 < 0.5 < far
    # As docs/how-to/train-a-network.md says.
    away = distance(Disk(radius_px=5.0)(), Disk(radius_px=4.0)())
    assert away == pytest.approx(0.49, abs=0.005)
