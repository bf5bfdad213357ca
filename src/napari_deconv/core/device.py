"""Where tensors live, and how much memory there is."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

import psutil
import torch

from .errors import DeconvError


def choose_device(name: str = "auto") -> torch.device:
    """The device of this name.

    Parameters
    ----------
    name : str
        ``"auto"`` (CUDA, then Apple's MPS, then CPU), ``"cpu"``, ``"mps"``, ``"cuda"`` or
        ``"cuda:1"``.

    Raises
    ------
    DeconvError
        If it is unknown or not there.
    """
    mps = torch.backends.mps.is_available()
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeconvError(
            f"device = {name!r} is unknown.", "Use auto, cpu, cuda or mps."
        ) from error
    cuda = device.type == "cuda" and (device.index or 0) < torch.cuda.device_count()
    if not (device.type == "cpu" or cuda or (device.type == "mps" and mps)):
        raise DeconvError(
            f"device = {name!r} is not available here.", "Use device='cpu' or 'auto'."
        )
    return device


def default_budget(device: torch.device) -> int:
    """Bytes a run may use: 80 % of a GPU's free memory, half of what the computer has free."""
    if device.type == "cuda":
        return int(0.8 * torch.cuda.mem_get_info(device)[0])
    return psutil.virtual_memory().available // 2


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that memory ran out, on any device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        any(words in text for words in ("out of memory", "allocate memory", "alloc_failed"))
    )


def release(device: torch.device) -> None:
    """Give back what allocators keep of arrays that are gone."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif sys.platform == "linux":
        # glibc keeps freed arrays of up to 32 MB, as many as ever were at once.
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def has_float64(device: torch.device) -> bool:
    """Whether a device computes in float64."""
    return device.type != "mps"


def total(x: torch.Tensor) -> float:
    """The sum of a float32 tensor, in float64 as far as its device has that: Apple's has none."""
    if not has_float64(x.device):
        return float(x.sum(-1).cpu().double().sum())
    return float(x.sum(dtype=torch.float64))
