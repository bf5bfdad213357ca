"""Apple's devices have no float64: nothing may ask for it there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode

from napari_deconv.core import device
from napari_deconv.engine.streaming import drain, stream
from napari_deconv.psf import Gaussian
from napari_deconv.restoration.base import Method, methods

IMAGE = np.random.default_rng(0).random((20, 22)).astype(np.float32)
PSF = Gaussian(sigma_px=1.2)()
CASES = [
    ("richardson-lucy", {"accelerate": True, "iterations": 3}),
    ("richardson-lucy", {"accelerate": True, "iterations": 3, "tolerance": 1e-3}),
    ("richardson-lucy", {"iterations": 3, "tv": 0.01}),
    ("richardson-lucy-saturated", {"iterations": 3}),
    ("hyper-laplacian", {}),
    ("tv", {}),
    ("wiener", {}),
]


class NoFloat64(TorchFunctionMode):
    """Tensors refuse float64, as on Apple's devices, but for those that ``cpu()`` gave."""

    def __init__(self):
        super().__init__()
        self.home = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.Tensor.cpu:
            self.home.append(func(*args, **kwargs).clone())
            return self.home[-1]
        tensors = [a for a in args if isinstance(a, torch.Tensor)]
        away = [t for t in tensors if t.dtype != torch.float64 and not self.at_home(t)]
        wanted = func is torch.Tensor.double or torch.float64 in (*args[1:], kwargs.get("dtype"))
        if away and wanted:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return func(*args, **kwargs)

    def at_home(self, tensor):
        """Whether it lies in the computer's own memory."""
        return any(tensor is own for own in self.home)


def test_the_stand_in_refuses():
    with NoFloat64():
        x = torch.ones(3)
        for ask in (x.double, lambda: x.sum(dtype=torch.float64), lambda: x.to(torch.float64)):
            with pytest.raises(TypeError, match="float64"):
                ask()
        assert x.cpu().double().dtype == torch.float64


@pytest.mark.parametrize(("name", "fields"), CASES, ids=str)
def test_methods_do_without(name, fields, monkeypatch):
    methods()
    expected = drain(stream(Method.make(name, **fields), IMAGE, PSF, noise=0.01, device="cpu"))
    monkeypatch.setattr(device, "has_float64", lambda where: False)
    with NoFloat64():
        found = drain(stream(Method.make(name, **fields), IMAGE, PSF, noise=0.01, device="cpu"))
    assert np.allclose(found.data, expected.data, rtol=1e-4, atol=1e-6)
