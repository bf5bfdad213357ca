"""What every step of the registry owes: documented fields, round trip, neutral defaults."""

from __future__ import annotations

import numpy as np
import pytest

from napari_deconv import DeconvError
from napari_deconv.core.spec import dumps
from napari_deconv.degradation import Degradation, PSFRange, Sampler, Scene

SPECS = sorted(Degradation.registry.values(), key=lambda cls: cls.name)
IMAGE = np.random.default_rng(0).random((9, 12)).astype(np.float32)


def test_the_registry_holds_every_step() -> None:
    steps = {"blur", "exposure", "saturation", "photon-noise", "read-noise", "quantisation", "jpeg"}
    assert set(Degradation.registry) == steps | {"chain"}


@pytest.mark.parametrize("cls", [*SPECS, Scene, PSFRange, Sampler], ids=lambda cls: cls.name)
def test_every_field_is_documented(cls: type[Degradation]) -> None:
    assert all(field.text for field in cls.fields().values())


@pytest.mark.parametrize("cls", SPECS, ids=lambda cls: cls.name)
def test_defaults_are_the_identity(cls: type[Degradation]) -> None:
    for image in (IMAGE, IMAGE * 5 - 1, (IMAGE * 255).astype(np.uint8)):
        degraded, truth = cls()(image)
        np.testing.assert_array_equal(degraded, image)
        np.testing.assert_array_equal(truth, image)
        assert degraded.dtype == truth.dtype == image.dtype


@pytest.mark.parametrize("cls", SPECS, ids=lambda cls: cls.name)
def test_round_trip(cls: type[Degradation]) -> None:
    field, *_ = cls.fields()
    value = "zero" if field == "boundary" else 2
    spec = cls(**{field: value})
    assert Degradation.from_dict(spec.to_dict()) == spec != cls()
    assert dumps(spec.to_dict()) == dumps(Degradation.from_dict(spec.to_dict()).to_dict())


@pytest.mark.parametrize("cls", SPECS, ids=lambda cls: cls.name)
def test_the_input_is_left_alone(cls: type[Degradation]) -> None:
    harsh = {
        "gain": 2, "level": 0.5, "saturation": 0.5, "photons": 50, "sd": 0.1, "noise": 0.1,
        "bits": 3, "quality": 20, "jpeg_quality": 20,
    }  # fmt: skip
    image = IMAGE.copy()
    step = cls(**{k: v for k, v in harsh.items() if k in cls.fields()})
    degraded, _ = step(image, np.ones((3, 3)))
    np.testing.assert_array_equal(image, IMAGE)
    assert not np.array_equal(degraded, image) or cls.name == "blur"
    again, _ = step(image, np.ones((3, 3)))
    np.testing.assert_array_equal(degraded, again)


def test_out_of_bounds_names_field_and_value() -> None:
    with pytest.raises(DeconvError, match=r"bits = 17 is out of bounds.*<= 16"):
        Degradation.make("quantisation", bits=17)
