"""Kill runs at random moments, run them again, and look at what is left.

    python scripts/kills.py --kills 50

Every kind of run that takes long is begun in a process of its own and killed (SIGKILL) after a
random time. The next one of its kind goes on with it. In between no file under its final name may
be half of one, and nothing that was there before may be gone; in the end the result must be the
one of a run that nobody disturbed, and nothing else may lie about.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_deconv.core.errors import DeconvError
from napari_deconv.io import files_in, read, write
from napari_deconv.restoration.base import methods
from napari_deconv.restoration.weights import FOLDER, read_weights

LEFT = (".part", ".partial", "-lock", ".progress")
PAIRS = 12


@dataclass(frozen=True)
class Kind:
    """A run that can be killed.

    Parameters
    ----------
    name : str
        What it is.
    words : tuple of str
        After ``python``; ``@`` is the folder.
    result : str
        Where its result lies.
    whole : callable
        Raises if anything there is half of one.
    exact : bool
        Whether its result is the same, bit for bit, however often it was interrupted.
    once : bool
        Whether it refuses to run where its result is.
    """

    name: str
    words: tuple[str, ...]
    result: str
    whole: Callable[[Path], None]
    exact: bool = True
    once: bool = False


def images_whole(folder: Path) -> None:
    """Every image under its final name can be read."""
    for path in files_in(folder, (".tif", ".png")) if folder.is_dir() else ():
        read(path)


def set_whole(folder: Path) -> None:
    """The data set is complete, or not there."""
    if folder.exists():
        pairs = json.loads((folder / "recipe.json").read_text())["pairs"]
        assert len(pairs) == PAIRS, f"{len(pairs)} pairs"
        images_whole(folder / "truth")


def zarr_whole(folder: Path) -> None:
    """It says that it is finished only when its run does."""
    import zarr

    if folder.exists():
        attributes = zarr.open_group(str(folder), mode="r").attrs
        unfinished = folder.with_name(f"{folder.name}.progress").exists()
        assert "napari_deconv" in attributes or unfinished, "looks finished and is not"


def training_whole(folder: Path) -> None:
    """Weights are sound, if there are any."""
    if (folder / "best.safetensors").exists():
        read_weights(folder / "best.safetensors", *methods())


def library_whole(folder: Path) -> None:
    """Weights are sound, if there are any."""
    for path in files_in(folder, (".safetensors",)) if folder.is_dir() else ():
        read_weights(path, *methods())


IMPORT = """
import sys; from pathlib import Path; from napari_deconv.train import library
for n in range(8):
    name = f"w{n}"
    if not (library.own_folder() / f"{name}.safetensors").exists():
        library.add(Path(sys.argv[1]), name)
"""
CLI = ("-m", "napari_deconv")
DISK = ("--psf", "disk:radius_px=2", "--method", "richardson-lucy", "--iterations", "10", "--quiet")
KINDS = (
    Kind("batch", (*CLI, "deconvolve", "@in", "-o", "@out", *DISK), "out", images_whole),
    Kind("blocks", (*CLI, "deconvolve", "@big.tif", "-o", "@out.zarr", "--memory-gb",
         "0.02", *DISK),
         "out.zarr", zarr_whole),
    Kind("data set", (*CLI, "degrade", "@in", "--pairs", str(PAIRS), "-o", "@set",
                      "--quiet"), "set", set_whole, once=True),
    Kind("training", (*CLI, "train", "@recipe.json", "--images", "@sharp", "--out", "@run",
                      "--quiet"), "run", training_whole, exact=False),
    Kind("import", ("-c", IMPORT, str(next(FOLDER.glob("odcnn*.safetensors")))), "data/weights",
         library_whole),
)  # fmt: skip


def prepared(folder: Path) -> None:
    """Inputs of all kinds."""
    rng = np.random.default_rng(0)
    for name, count in (("in", 6), ("sharp", 6)):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            write(folder / name / f"{i}.png", rng.integers(0, 255, (96, 96), dtype=np.uint8))
    write(folder / "big.tif", rng.poisson(30, (4, 200, 201)).astype("u2"), axes="TYX")
    recipe = {"name": "training-recipe", "method": {"name": "dcnn"}, "steps": 12, "batch": 2}
    recipe |= {"sampler": {"name": "sampler", "psfs": [_fixed()]}, "patch_px": 48, "held_out": 2}
    (folder / "recipe.json").write_text(json.dumps(recipe))


def _fixed() -> dict[str, object]:
    return {"name": "given", "rows": [[0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]]}


def begun(kind: Kind, folder: Path) -> subprocess.Popen[bytes]:
    """The run, in a process of its own."""
    words = [word.replace("@", f"{folder}/") if "@" in word else word for word in kind.words]
    settings = os.environ | {"NAPARI_DECONV_DATA": f"{folder / 'data'}", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, *words], env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def finished(kind: Kind, folder: Path) -> float:
    """Run it to its end; how long that took."""
    began = time.monotonic()
    process = begun(kind, folder)
    output = process.communicate()[1]
    if process.returncode:
        raise AssertionError(
            f"{kind.name} ends with {process.returncode}: {output.decode()[-300:]}"
        )
    return time.monotonic() - began


def content(folder: Path) -> dict[str, str]:
    """Every file and its fingerprint, without what says when it was made."""
    results = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix == ".json":
            continue
        data = read(path).data.tobytes() if path.suffix in (".tif", ".png") else path.read_bytes()
        results[str(path.relative_to(folder))] = hashlib.sha256(data).hexdigest()
    return results


def tried(kind: Kind, kills: int, rng: random.Random) -> list[str]:
    """Kill it so many times, then finish it; what is wrong."""
    problems = []
    with tempfile.TemporaryDirectory() as name:
        calm, rough = Path(name) / "calm", Path(name) / "rough"
        for folder in (calm, rough):
            prepared(folder)
        before = content(rough)
        seconds = finished(kind, calm)
        for number in range(kills):
            process = begun(kind, rough)
            time.sleep(rng.uniform(0.3, 1.0) * seconds)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            try:
                kind.whole(rough / kind.result)
            except (AssertionError, DeconvError, OSError, ValueError) as error:
                problems.append(f"{kind.name}, kill {number}: {error}")
            if kind.once and (rough / kind.result).exists():  # it was done before it was killed
                shutil.rmtree(rough / kind.result)
            now = content(rough)
            lost = [name for name, value in before.items() if now.get(name) != value]
            problems += [f"{kind.name}, kill {number}: {name} was changed" for name in lost]
        try:
            finished(kind, rough)
        except AssertionError as error:
            problems.append(str(error))
        left = [p.name for p in rough.rglob("*") if any(word in p.name for word in LEFT)]
        problems += [f"{kind.name}: {name} is left" for name in left]
        results = [content(folder / kind.result) for folder in (calm, rough)]
        same = results[0] == results[1] if kind.exact else results[0].keys() == results[1].keys()
        problems += [] if same else [f"{kind.name}: not the result of an undisturbed run"]
    return problems


def main() -> int:
    """Kill, and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="over all kinds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=[kind.name for kind in KINDS])
    args = parser.parse_args()
    methods()
    kinds = [kind for kind in KINDS if args.only in (None, kind.name)]
    problems = []
    for kind in kinds:
        new = tried(kind, -(-args.kills // len(kinds)), random.Random(args.seed))
        print(f"{kind.name}: {'; '.join(new) or 'fine'}", flush=True)
        problems += new
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
