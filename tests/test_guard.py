"""Nothing that a run did not make, or that it reads, is replaced or removed without being asked."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from napari_deconv.blocks import run as blocks_run
from napari_deconv.blocks import stream_blocks
from napari_deconv.cli import main
from napari_deconv.cli.batch import Job
from napari_deconv.cli.batch import run as run_batch
from napari_deconv.core.errors import DeconvError
from napari_deconv.core.progress import drain
from napari_deconv.io import Guard, read, sidecar, write
from napari_deconv.io.atomic import partial_name, replacing, sweep, sweep_folders
from napari_deconv.io.locks import only_run
from napari_deconv.psf import Disk
from napari_deconv.restoration.base import Method

WIENER = ("--method", "wiener", "--quiet")
DISK = ("--psf", "disk:radius_px=1", *WIENER)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a photo in two formats, and a PSF."""
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 200, (48, 52), dtype=np.uint8)
    for name in ("img.tif", "img.png"):
        write(name, pixels)
    write("psf.tif", Disk(radius_px=1)())
    return tmp_path


def kept(victim: str, *words: str) -> None:
    """Run a command that must not touch a file, and says so."""
    before = Path(victim).read_bytes()
    done = main(list(words))
    assert Path(victim).read_bytes() == before, f"{victim} was changed by {' '.join(words)}"
    assert done != 0


INPUTS = [
    ("psf.tif", ("deconvolve", "img.tif", "--psf", "psf.tif", "-o", "psf.tif", *WIENER)),
    ("psf.tif", ("deconvolve", "img.tif", "--psf", "psf.tif", "-o", "./sub/../psf.tif", *WIENER)),
    ("psf.tif", ("degrade", "img.tif", "--psf", "psf.tif", "-o", "psf.tif")),
    ("img.tif", ("degrade", "img.tif", "-o", "b.tif", "--truth", "img.tif")),
    ("img.tif", ("deconvolve", "img.tif", "-o", "link.tif", *DISK)),
    ("img.tif", ("deconvolve", "img.tif", "-o", "hard.tif", *DISK)),
    ("img.tif", ("psf", "estimate", "img.tif", "--family", "gaussian", "-o", "img.tif")),
]
OTHERS = [
    ("img.png", ("deconvolve", "img.tif", "-o", "img.png", *DISK)),
    ("img.tif", ("psf", "disk", "-o", "img.tif")),
    ("notes.png.json", ("deconvolve", "img.tif", "-o", "notes.png", *DISK)),
    ("notes.npy.json", ("psf", "disk", "-o", "notes.npy")),
    ("out_psf.tif", ("deconvolve", "img.tif", "--refine-psf", "1", "-o", "out.tif", *DISK)),
    ("cmp/table.csv", ("compare", "img.tif", "--methods", "wiener", *DISK[:2], "-o", "cmp")),
    ("cmp/psf.npy", ("compare", "img.tif", "--methods", "wiener", *DISK[:2], "-o", "cmp")),
    ("bench.json", ("bench", "--images", ".", *DISK[:2], "--methods", "wiener", "-o", "bench.csv")),
    ("demo/photo-psf.tif", ("demo", "--no-window", "--out", "demo")),
]


@pytest.mark.parametrize(
    ("victim", "words"),
    [*INPUTS, *OTHERS, *((victim, (*words, "--overwrite")) for victim, words in INPUTS)],
)
def test_other_peoples_files_and_inputs_stay(
    here: Path, victim: str, words: tuple[str, ...]
) -> None:
    Path("sub").mkdir()
    Path("link.tif").symlink_to("img.tif")
    os.link("img.tif", "hard.tif")
    for name in ("notes.png.json", "notes.npy.json", "bench.json"):
        Path(name).write_text('{"my": "annotations"}')
    write("out_psf.tif", Disk(radius_px=2)(), recipe={"psf": {"spec": {"name": "disk"}}})
    for folder in ("cmp", "demo"):
        Path(folder).mkdir()
    if "cmp" in victim or "demo" in victim:
        Path(victim).write_bytes(b"mine")
    kept(victim, *words)


def test_what_the_same_kind_of_run_made_is_replaced(here: Path) -> None:
    for out in ("out.tif", "out.png", "out.npy"):
        for radius in ("1", "2"):
            assert main(["deconvolve", "img.tif", "--psf", f"disk:radius_px={radius}", *WIENER,
                         "-o", out]) == 0  # fmt: skip
            assert read(out).recipe["psf"]["spec"]["radius_px"] == float(radius)
    assert main(["degrade", "img.tif", "-o", "out.tif"]) != 0  # another kind
    assert main(["degrade", "img.tif", "-o", "out.tif", "--overwrite"]) == 0
    assert "degradation" in read("out.tif").recipe


def test_a_picture_changed_since_is_no_result_any_more(here: Path) -> None:
    command = ["deconvolve", "img.tif", *DISK, "-o", "out.png"]
    assert main(command) == 0
    status = Path("out.png").stat()
    os.utime("out.png", (status.st_atime, status.st_mtime + 60))
    assert main(command) != 0


def test_a_comparison_is_written_again_into_its_folder(here: Path) -> None:
    command = ["compare", "img.tif", "--methods", "wiener", "--psf", "disk:radius_px=1", "-o", "c"]
    assert main([*command, "--quiet"]) == 0
    assert main([*command, "--quiet"]) == 0


def test_a_recipe_beside_the_output_is_an_input(here: Path) -> None:
    assert main(["deconvolve", "img.png", *DISK, "-o", "rec.png"]) == 0
    before = Path("rec.png.json").read_bytes()
    replay = ["deconvolve", "img.png", "--recipe", "rec.png.json", "--nsr", "0.02", "-o", "rec.png"]
    assert main([*replay, "--overwrite"]) == 2
    assert Path("rec.png.json").read_bytes() == before


def test_two_results_that_a_disk_takes_for_one(here: Path) -> None:
    """As ``a.png`` and ``A.png`` on a disk that knows no capitals."""
    guard = Guard()
    Path("out").mkdir()
    Path("out/b.tif").symlink_to("a.tif")

    def work(job: Job) -> None:
        write(job.target, np.zeros((9, 9), "u1"), recipe={"method": {}}, guard=guard)

    jobs = [Job(Path("1"), Path("out/a.tif")), Job(Path("2"), Path("out/b.tif"))]
    assert run_batch(jobs, work) == 1


def test_folders_and_fifos_are_no_targets(here: Path) -> None:
    os.mkfifo("pipe.tif")
    Path("folder.tif").mkdir()
    for name in ("pipe.tif", "folder.tif"):
        with pytest.raises(DeconvError):
            Guard().check(Path(name), "result")
    assert stat.S_ISFIFO(Path("pipe.tif").stat().st_mode)


def test_a_script_may_write_over_its_own_picture_but_over_no_notes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for value in (1, 2):
        write(path, np.full((9, 9), value, "u1"), recipe={"mine": value})
    path.unlink()
    sidecar(path).write_text('{"my": "annotations"}')
    with pytest.raises(DeconvError, match="exists"):
        write(path, np.zeros((9, 9), "u1"), recipe={"mine": 3})


# -- permissions, full disks, what a kill leaves ----------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_permissions_stay_and_protection_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for mode in (0o600, 0o640, 0o666):
        path.write_text("old")
        path.chmod(mode)
        with replacing(path) as part:
            assert stat.S_IMODE(part.stat().st_mode) == mode
            part.write_text("new")
        assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", mode)
    path.chmod(0o444)
    with pytest.raises(DeconvError, match="write-protected"), replacing(path) as part:
        part.write_text("newer")
    assert path.read_text() == "new"
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "b.txt") as part:
            part.write_text("new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "b.txt").stat().st_mode) == 0o640


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", np.ones((9, 9), "u1"))
    code = (
        "import resource, sys, numpy as np; from pathlib import Path\n"
        "from napari_deconv.io import write; from napari_deconv.core.errors import DeconvError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "for name in ('a.tif', 'b.tif', 'c.npy', 'd.png'):\n"
        "    try: write(Path(sys.argv[1]) / name, np.random.default_rng(0).integers(0, 255, "
        "(600, 600), dtype='u1'))\n"
        "    except DeconvError as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True,
                         text=True, check=True)  # fmt: skip
    assert run.stdout.count("no space is left") == 4, run.stdout + run.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]
    assert read(tmp_path / "a.tif").data.shape == (9, 9)


def test_partial_files_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    dead = partial_name(tmp_path / "a.tif")
    dead.write_bytes(b"half")
    foreign = tmp_path / ".a.0123abcd.part.tif"
    foreign.write_bytes(b"another program's")
    with replacing(tmp_path / "b.tif") as part:  # clears the folder as well
        assert not dead.exists() or sweep(tmp_path) is None
        sweep(tmp_path)
        assert part.exists() and foreign.exists() and not dead.exists()
        part.write_bytes(b"whole")
    assert (tmp_path / "b.tif").read_bytes() == b"whole"


def test_unfinished_folders_of_a_name_go(tmp_path: Path) -> None:
    for name in ("set", "other"):
        partial_name(tmp_path / name).mkdir()
    sweep_folders(tmp_path / "set")
    assert [p.name[:6] for p in tmp_path.iterdir()] == [".other"]


# -- locks -----------------------------------------------------------------------------------


def test_a_second_run_is_refused_and_a_dead_one_holds_nobody_up(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from napari_deconv.io.locks import only_run\n"
        "with only_run(Path(sys.argv[1])): print('on', flush=True); time.sleep(60)\n"
    )
    target = tmp_path / "out.zarr"
    other = subprocess.Popen([sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE)
    assert other.stdout is not None and other.stdout.readline() == b"on\n"
    with pytest.raises(DeconvError, match="Another run"), only_run(target):
        pass
    other.kill()
    other.wait()
    other.stdout.close()
    assert list(tmp_path.iterdir())  # its lock is left
    with only_run(target):
        pass
    assert not list(tmp_path.iterdir())


def test_a_lock_holds_within_a_process_too(tmp_path: Path) -> None:
    refused = []

    def second() -> None:
        try:
            with only_run(tmp_path / "x"):
                pass
        except DeconvError:
            refused.append(True)

    with only_run(tmp_path / "x"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert refused == [True]


# -- block-wise runs ---------------------------------------------------------------------------


def zarr_in(folder: Path) -> Path:
    import zarr

    array = zarr.create_array(str(folder / "in.zarr"), shape=(80, 90), chunks=(64, 64), dtype="u2")
    array[...] = np.random.default_rng(0).integers(100, 5000, (80, 90))
    return folder / "in.zarr"


def restore(source: Path, target: Path, **options: object) -> object:
    wiener = Method.make("wiener")
    kernel = np.ones((3, 3)) / 9
    return drain(stream_blocks(wiener, source, target, kernel, axes="YX", **options))


class Killed(BaseException):
    pass


def killed(*_: object) -> None:
    raise Killed


def test_what_came_after_a_kill_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = zarr_in(tmp_path), tmp_path / "out.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(blocks_run, "create_for", killed)
        with pytest.raises(Killed):
            restore(source, target)
    target.mkdir()
    (target / "months.txt").write_text("precious")
    with pytest.raises(DeconvError, match="something else lies there"):
        restore(source, target)
    assert (target / "months.txt").read_text() == "precious"
    (target / "months.txt").unlink()
    target.rmdir()
    assert restore(source, target).finished_before == 0


def test_a_result_removed_meanwhile_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    import zarr

    source, target = zarr_in(tmp_path), tmp_path / "out.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(blocks_run, "keep", killed)  # all blocks are on disk by then
        with pytest.raises(Killed):
            restore(source, target)
    shutil.rmtree(target)
    outcome = restore(source, target)
    assert outcome.finished_before == 0 and zarr.open_group(target, mode="r")["0"][...].any()


def test_zarrs_are_removed_only_when_asked_and_inputs_never(tmp_path: Path) -> None:
    import zarr

    source, target = zarr_in(tmp_path), tmp_path / "out.zarr"
    zarr.create_array(str(target), shape=(4, 4), dtype="u1")
    with pytest.raises(DeconvError, match="exists already"):
        restore(source, target)
    assert restore(source, target, overwrite=True).blocks
    plain = tmp_path / "plain.zarr"
    plain.mkdir()
    (plain / "a.txt").write_text("mine")
    with pytest.raises(DeconvError, match="not a Zarr"):
        restore(source, plain, overwrite=True)
    for inside in (source, source / "c" / "x.zarr"):
        with pytest.raises(DeconvError, match="input"):
            restore(source, inside, overwrite=True)
    inner = tmp_path / "group.zarr"
    zarr.create_group(str(inner)).create_array("0", data=np.arange(6400).reshape(80, 80))
    with pytest.raises(DeconvError, match="input"):
        restore(inner / "0", inner, overwrite=True)
    assert (inner / "0").exists() and source.exists()


def test_a_folder_that_looks_like_our_progress_is_left_alone(tmp_path: Path) -> None:
    source, target = zarr_in(tmp_path), tmp_path / "out.zarr"
    progress = tmp_path / "out.zarr.progress"
    progress.mkdir()
    (progress / "psf-0.npy").write_bytes(b"mine")
    with pytest.raises(DeconvError, match="no unfinished run"):
        restore(source, target)
    assert (progress / "psf-0.npy").read_bytes() == b"mine"


def test_a_second_run_waits_and_finds_it_finished(tmp_path: Path) -> None:
    source, target = zarr_in(tmp_path), tmp_path / "out.zarr"
    wiener, kernel = Method.make("wiener"), np.ones((3, 3)) / 9
    first, second = (
        stream_blocks(wiener, source, target, kernel, axes="YX", memory_bytes=2_000_000)
        for _ in range(2)
    )
    next(first)
    assert "Another run is writing" in next(second).label
    assert drain(first).finished_before == 0
    outcome = drain(second)
    assert outcome.finished_before == outcome.blocks and "finished already" in outcome.notes[0].text


def test_a_finished_run_says_so_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = zarr_in(tmp_path), tmp_path / "out.zarr"
    command = ["deconvolve", str(source), "--axes", "YX", "--psf", "disk:radius_px=1",
               "--method", "wiener", "-o", str(target)]  # fmt: skip
    assert main(command) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.zarr", "out.zarr"]
    assert main(command) == 0
    assert "finished already" in capsys.readouterr().err
    assert main([*command, "--noise", "3"]) == 2
    assert json.loads((target / "zarr.json").read_text())["attributes"]["napari_deconv"]["method"]
