"""Which number format a device gets."""

from __future__ import annotations

import pytest
import torch

from napari_deconv.core.errors import DeconvError
from napari_deconv.core.precision import FLOAT32, Precision, choose_precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
BFLOAT16, FLOAT16 = Precision(torch.bfloat16), Precision(torch.float16)


def cpu(monkeypatch, *, capability="AVX512", bf16=True, amx=True, **variables):
    """Play a processor."""
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ({}, BFLOAT16),
        ({"amx": False}, BFLOAT16),
        ({"bf16": False, "amx": False}, FLOAT32),  # AVX-512 of 2017
        ({"capability": "AVX2", "bf16": False, "amx": False}, FLOAT32),
        ({"capability": "AVX2"}, FLOAT32),  # as ATEN_CPU_CAPABILITY has it
        ({"ONEDNN_MAX_CPU_ISA": "AVX2"}, FLOAT32),
        ({"ONEDNN_MAX_CPU_ISA": "avx512_core"}, FLOAT32),
        ({"DNNL_MAX_CPU_ISA": "AVX512_CORE_VNNI"}, FLOAT32),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}, BFLOAT16),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_AMX"}, BFLOAT16),
        ({"ONEDNN_MAX_CPU_ISA": "DEFAULT"}, BFLOAT16),
    ],
)
def test_processors(monkeypatch, machine, expected):
    cpu(monkeypatch, **machine)
    assert choose_precision("auto", CPU) == (expected, "")


@pytest.mark.parametrize(
    ("capability", "inference", "training"),
    [
        ((9, 0), BFLOAT16, BFLOAT16),
        ((8, 0), BFLOAT16, BFLOAT16),
        ((7, 5), FLOAT16, FLOAT32),
        ((6, 1), FLOAT32, FLOAT32),
    ],
)
def test_graphics_cards(monkeypatch, capability, inference, training):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_precision("auto", CUDA)[0] == inference
    assert choose_precision("auto", CUDA, training=True)[0] == training


@pytest.mark.parametrize(("newer", "expected"), [(True, BFLOAT16), (False, FLOAT32)])
def test_apple(monkeypatch, newer, expected):
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda *version: newer)
    assert choose_precision("auto", torch.device("mps"))[0] == expected


def test_what_is_asked_for(monkeypatch):
    cpu(monkeypatch)
    assert choose_precision("float32", CPU) == (FLOAT32, "")
    assert choose_precision("bfloat16", CPU) == (BFLOAT16, "")
    with pytest.raises(DeconvError, match=r"precision = 'half' is unknown.*bfloat16"):
        choose_precision("half", CPU)


def test_what_the_device_has_not_is_said(monkeypatch):
    cpu(monkeypatch, capability="AVX2")
    used, said = choose_precision("bfloat16", CPU)
    assert used == FLOAT32
    assert "no units for bfloat16" in said and "float32 was used" in said
