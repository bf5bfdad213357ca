"""The most memory that was taken while something ran."""

from __future__ import annotations

import threading
from types import TracebackType

import psutil
import torch

_EVERY_S = 0.01
_MIB = 2**20


class PeakMemory:
    """How far the process (or the GPU's allocations) rose above where it stood on entering.

    A thread reads the resident memory every 10 ms, so shorter peaks are missed, and memory that
    other parts of the program take meanwhile is counted in.

    Parameters
    ----------
    device : torch.device
        Where the work is done; only CUDA counts its own allocations.
    """

    def __init__(self, device: torch.device) -> None:
        self._cuda = device if device.type == "cuda" else None
        self._process = psutil.Process()
        self._done = threading.Event()
        self._base = self._peak = 0

    def __enter__(self) -> PeakMemory:
        self._base = self._peak = self._process.memory_info().rss
        if self._cuda is not None:
            torch.cuda.reset_peak_memory_stats(self._cuda)
        self._thread = threading.Thread(target=self._watch, name="napari-deconv-memory")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()
        self._look()

    @property
    def mib(self) -> float:
        """Mebibytes above the start."""
        if self._cuda is not None:
            return float(torch.cuda.max_memory_allocated(self._cuda) / _MIB)
        return (self._peak - self._base) / _MIB

    def _watch(self) -> None:
        while not self._done.wait(_EVERY_S):
            self._look()

    def _look(self) -> None:
        self._peak = max(self._peak, self._process.memory_info().rss)
