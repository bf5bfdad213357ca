"""Each regularised method against its objective, its closed form or somebody else's code."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.restoration
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.data import camera
from torch import Tensor

from napari_deconv.engine.problem import Problem
from napari_deconv.psf import Gaussian
from napari_deconv.restoration import hyper_laplacian, sparse, tv
from napari_deconv.restoration.base import Method, methods
from napari_deconv.restoration.ird import IterativeResidual
from napari_deconv.restoration.wiener import Wiener
from napari_deconv.signal.edges import pad_and_taper, settle_ring
from napari_deconv.signal.gradients import gradient, gradient_adjoint, gradient_power

methods()
SHAPE = (48, 50)
PSF = Gaussian(sigma_px=1.5)()


def periodic(noise: float = 0.01) -> tuple[Problem, Tensor]:
    """A problem without an unseen ring, so that closed forms hold; and the truth."""
    photo = camera()[100:148, 200:250] / 255
    truth = torch.as_tensor(gaussian_filter(photo, 0.7, mode="wrap"), dtype=torch.float32)[None]
    problem = Problem(seen=truth, psf=torch.as_tensor(PSF), grid=SHAPE, offset=(0, 0), noise=noise)
    torch.manual_seed(0)
    seen = problem.blur.forward(truth) + noise * torch.randn(truth.shape)
    return Problem(seen=seen, psf=problem.psf, grid=SHAPE, offset=(0, 0), noise=noise), truth


def last(method: Method, problem: Problem) -> Tensor:
    *_, answer = method.steps(problem)
    return answer


@given(st.lists(st.integers(1, 9), min_size=2, max_size=3))
def test_gradient_adjoint_and_power(shape: list[int]) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, *shape, dtype=torch.float64)
    steps = (2.0, 1.0, 1.0)[: len(shape)]
    g = gradient(x, steps)
    v = torch.randn_like(g)
    torch.testing.assert_close((g * v).sum(), (x * gradient_adjoint(v, steps)).sum())
    axes = tuple(range(1, x.ndim))
    spectrum = torch.fft.rfftn(x, dim=axes) * gradient_power(shape, steps).double()
    expected = torch.fft.irfftn(spectrum, s=shape, dim=axes)
    torch.testing.assert_close(gradient_adjoint(g, steps), expected, atol=1e-5, rtol=1e-5)


def test_wiener_with_one_ratio_is_skimages() -> None:
    problem, _ = periodic()
    flat = np.ones((SHAPE[0], SHAPE[1] // 2 + 1), complex)
    expected = skimage.restoration.wiener(
        problem.seen[0].double().numpy(), PSF.astype(float), 0.02, reg=flat, clip=False
    )
    found = last(Wiener(nsr=0.02), problem) - problem.mean
    # Theirs shrinks the mean too.
    np.testing.assert_allclose(found[0], expected - problem.mean / 1.02, atol=2e-5)


def test_wiener_beats_every_flat_ratio() -> None:
    problem, truth = periodic()
    error = float((last(Wiener(), problem) - truth).square().mean())
    for nsr in 10.0 ** np.arange(-4, 0.5, 0.25):
        assert error < float((last(Wiener(nsr=float(nsr)), problem) - truth).square().mean())


def objective(problem: Problem, x: Tensor, weight: float, power: float) -> float:
    """Data term, and the gradient's length to a power (1: TV)."""
    rest = (problem.blur.forward(x) - problem.seen).double()
    length = gradient(x).double().square().sum(0).sqrt()
    return float(rest.square().sum() / 2 + weight * length.pow(power).sum())


def test_tikhonov_is_where_the_gradient_vanishes() -> None:
    problem, _ = periodic()
    x = last(Method.make("tikhonov", weight=0.05), problem)
    slope = problem.blur.adjoint(problem.blur.forward(x) - problem.seen)
    slope += 0.05 * gradient_adjoint(gradient(x))
    assert float(slope.abs().max()) < 1e-5


def test_tv_ends_at_the_minimum() -> None:
    problem, truth = periodic()
    weight, torch_rng = 0.002, torch.Generator().manual_seed(0)
    x = last(Method.make("tv", weight=weight, iterations=600), problem)
    least = objective(problem, x, weight, 1)
    flat = torch.full_like(x, float(x.mean()))
    noise = torch.randn(x.shape, generator=torch_rng)
    for other in (truth, flat, problem.seen, problem.blur.forward(x), x + noise, x.roll(1, -1)):
        for share in (0.003, 0.03, 0.3, 1):
            assert objective(problem, x + share * (other - x), weight, 1) > least
    default = last(Method.make("tv", weight=weight), problem)
    assert objective(problem, default, weight, 1) < 1.01 * least


def test_tv_shrinkage_shortens_vectors() -> None:
    v = torch.tensor([[3.0, 0.3, 0.0], [4.0, 0.4, 0.0]])
    expected = torch.tensor([[2.4, 0.0, 0.0], [3.2, 0.0, 0.0]])
    torch.testing.assert_close(tv.shrink(v, 1.0), expected)


@pytest.mark.parametrize("alpha", [2 / 3, 1 / 2])
@pytest.mark.parametrize("beta", [1.0, 22.6, 181.0])
def test_hyper_laplacian_shrinkage_against_a_search(alpha: float, beta: float) -> None:
    v = torch.linspace(-2, 2, 81, dtype=torch.float64)
    w = torch.linspace(-2.2, 2.2, 44001, dtype=torch.float64)

    def cost(w: Tensor) -> Tensor:
        return w.abs() ** alpha + beta / 2 * (w - v[:, None]) ** 2

    found = hyper_laplacian.shrink(v, alpha, beta)
    searched = cost(w).min(dim=1).values
    assert float((cost(found[:, None])[:, 0] - searched).max()) < 1e-9
    assert 0 < int((found == 0).sum()) < 81 or beta == 1.0
    assert torch.equal(found, -hyper_laplacian.shrink(-v, alpha, beta))


def test_sparse_solves_its_normal_equations() -> None:
    torch.manual_seed(0)
    x, d = torch.randn(2, 7, 9).double(), torch.randn(5, 2, 7, 9).double()
    left = (sparse.derivatives(x) * d).sum()
    torch.testing.assert_close(left, (x * sparse.derivatives_adjoint(d)).sum())
    problem, _ = periodic()
    power = problem.blur.otf.abs() ** 2
    v = 0.001 * sparse.reweight(problem.seen)
    system, inverse = sparse._system(problem, power, v)
    right = problem.blur.adjoint(problem.seen)
    *_, answer = sparse.conjugate_gradients(system, right, problem.seen, inverse, 30)
    assert float((system(answer) - right).abs().max()) < 1e-4
    for exact in sparse.conjugate_gradients(system, torch.zeros_like(right), 0 * right, inverse, 3):
        assert not exact.any()


@pytest.mark.parametrize("prior_px", [0.0, 1.0])
def test_ird_by_its_own_algorithm_and_to_its_limit(prior_px: float) -> None:
    problem, _ = periodic()
    blur, sigma = problem.blur, 0.05
    patch = torch.exp(-0.5 * prior_px**2 * gradient_power(SHAPE))
    s = r = problem.seen - problem.mean
    for _ in range(7):
        r = (1 - sigma) * r - blur.forward(blur.filter(blur.adjoint(r), patch))
        s = s + r
    expected = blur.filter(blur.adjoint(s), patch) + problem.mean
    method = IterativeResidual(sigma=sigma, iterations=7, prior_px=prior_px)
    torch.testing.assert_close(last(method, problem), expected, atol=1e-5, rtol=0)
    if prior_px == 0:
        limit = last(IterativeResidual(sigma=sigma, iterations=2000), problem)
        torch.testing.assert_close(limit, last(Wiener(nsr=sigma), problem), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["tikhonov", "tv", "hyper-laplacian", "sparse"])
def test_more_weight_is_smoother(name: str) -> None:
    problem, _ = periodic()
    rough = [
        float(gradient(last(Method.make(name, weight=w), problem)).abs().mean())
        for w in (1e-4, 1e-3, 1e-2)
    ]
    assert rough == sorted(rough, reverse=True)


def test_a_settled_ring_agrees_with_its_estimate_and_restores_the_border() -> None:
    scene = torch.as_tensor(camera()[100:200, 180:284] / 255, dtype=torch.float32)
    box = torch.full((1, 1, 9, 9), 1 / 81)
    seen = torch.nn.functional.conv2d(scene[None, None], box)[0]
    truth = scene[None, 4:-4, 4:-4]
    problem = Problem(seen=seen, psf=box[0, 0], grid=(100, 105), offset=(4, 4), noise=0.01)
    first = pad_and_taper(seen, problem.grid, problem.offset, problem.mean)
    power = problem.blur.otf.abs() ** 2
    response = power / (power + problem.nsr)
    settled = settle_ring(first.clone(), problem.window, problem.blur, response, passes=400)
    assert torch.equal(settled[problem.window], seen)
    again = problem.blur.filter(settled, response)
    again[problem.window] = seen
    assert float((again - settled).abs().max()) < 1e-3

    def error(y: Tensor) -> float:
        inverse = problem.blur.otf.conj() / (power + problem.nsr)
        return float((problem.blur.filter(y, inverse)[problem.window] - truth).square().mean())

    assert error(problem.y) < 0.7 * error(first)
    assert error(problem.y) < 2 * error(settled)
