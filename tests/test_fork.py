"""A process that was forked after a run can run, too."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import os, signal, sys
import numpy as np
import napari_deconv as nd
y = np.random.default_rng(0).random((256, 256), np.float32)
run = lambda: nd.deconvolve(y, np.ones((5, 5)) / 25, "richardson-lucy", iterations=3, device="cpu")
here = run()
child = os.fork()
if not child:
    signal.alarm(60)  # a child that hangs ends by this signal
    os._exit(0 if np.allclose(run(), here, rtol=1e-4, atol=1e-5) else 3)
sys.exit(abs(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_runs_after_its_parent_did() -> None:
    threads = os.environ | {"OMP_NUM_THREADS": "2"}
    assert subprocess.run([sys.executable, "-c", CODE], env=threads, check=False).returncode == 0
