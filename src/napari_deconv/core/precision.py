"""The number format that layers of networks run in, and how their maps lie in memory."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .errors import DeconvError

NAMES = ("auto", "float32", "bfloat16")
"""What a person may ask for."""


@dataclass(frozen=True)
class Precision:
    """A number format for layers.

    Parameters
    ----------
    dtype : torch.dtype
        Of the maps; sums within a layer are in float32 in every format.
    """

    dtype: torch.dtype = torch.float32

    @property
    def name(self) -> str:
        """``"float32"``, ``"bfloat16"`` or ``"float16"``."""
        return str(self.dtype).removeprefix("torch.")

    def narrowed(self, x: Tensor) -> Tensor:
        """Convert values to this format."""
        return x.to(self.dtype)

    def layers(self, device: torch.device) -> AbstractContextManager[object]:
        """A context whose layers run in this format, whatever that of their weights is."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(device.type, self.dtype)


FLOAT32 = Precision()


class Layered(nn.Module):
    """A module that runs layers in a number format it is given; see `at_precision`."""

    precision: Precision = FLOAT32


def at_precision(network: nn.Module, precision: Precision) -> None:
    """Set the number format that a network's layers run in."""
    for module in network.modules():
        if isinstance(module, Layered):
            module.precision = precision


def arranged(x: Tensor) -> Tensor:
    """Maps ``(B, C, Y, X)`` as they lie best in memory: channels last.

    On CPUs that is 1.4 to 2 times as fast as planes one after the other in float32 (64 to 192
    maps, with AVX2 and with AVX-512), and in bfloat16 14 times. Apple's devices order maps
    themselves.
    """
    return x if x.device.type == "mps" else x.contiguous(memory_format=torch.channels_last)


def choose_precision(
    name: str, device: torch.device, *, training: bool = False
) -> tuple[Precision, str]:
    """Choose the number format for a device, with a note where it is not the one requested.

    Parameters
    ----------
    name : str
        ``"auto"``, ``"float32"`` or ``"bfloat16"``. ``auto`` is bfloat16 where the device has units
        for it, float16 on CUDA cards that have units for that only, else float32.
    device : torch.device
        What computes.
    training : bool
        Whether gradients are taken: float16 loses the small ones, so it is float32 then.

    Raises
    ------
    DeconvError
        If the name is unknown.
    """
    if name == "float32":
        return FLOAT32, ""
    best = _best(device)
    best = FLOAT32 if training and best.dtype == torch.float16 else best
    if name in ("auto", best.name):
        return best, ""
    if name not in (*NAMES, "float16"):
        raise DeconvError(f"precision = {name!r} is unknown.", f"Use {', '.join(NAMES)}.")
    return best, (
        f"This {_KINDS.get(device.type, device.type)} has no units for {name}; {best.name} was "
        "used instead."
    )


_KINDS = {"cpu": "processor", "cuda": "graphics card", "mps": "device"}


def _best(device: torch.device) -> Precision:
    """The narrowest format that a device computes fast."""
    if device.type == "cpu":
        return Precision(torch.bfloat16) if _cpu_has_bfloat16() else FLOAT32
    if device.type == "mps":
        newer = torch.backends.mps.is_macos_or_newer(14, 0)  # since when Metal has it
        return Precision(torch.bfloat16) if newer else FLOAT32
    major, _ = torch.cuda.get_device_capability(device)
    if major >= 8:
        return Precision(torch.bfloat16)
    return Precision(torch.float16) if major == 7 else FLOAT32


def _cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 (AVX512-BF16 or AMX), and is allowed to.

    Elsewhere it is emulated, at a tenth to a twentieth of float32's speed.
    """
    if torch.backends.cpu.get_cpu_capability() != "AVX512":  # follows ATEN_CPU_CAPABILITY
        return False
    allowed = os.environ.get("ONEDNN_MAX_CPU_ISA", os.environ.get("DNNL_MAX_CPU_ISA", ""))
    if allowed and not any(word in allowed.upper() for word in _WITH_BFLOAT16):
        return False
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


_WITH_BFLOAT16 = ("BF16", "FP16", "AMX", "AVX10", "ALL", "DEFAULT")
"""What stands in the names of oneDNN's instruction sets that have it."""


def instruction_set() -> str:
    """What the CPU's layers run on, as it is named in figures: ``"AVX2"``, ``"AVX512 + AMX"``."""
    name = str(torch.backends.cpu.get_cpu_capability())
    if not _cpu_has_bfloat16():
        return name
    return f"{name} + AMX" if torch.cpu._is_amx_tile_supported() else f"{name} + BF16"
