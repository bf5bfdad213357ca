"""`napari-deconv bench`: oracles, resume, failures as rows, tables, the page."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import napari_deconv.protocol.attempts as attempts
from napari_deconv.cli import main
from napari_deconv.cli.bench_names import contestant_in
from napari_deconv.core.errors import DeconvError
from napari_deconv.degradation import Chain
from napari_deconv.io import write
from napari_deconv.io.locks import only_run
from napari_deconv.protocol.contestants import weights_hash
from napari_deconv.protocol.plot import check_plot
from napari_deconv.protocol.scenes import make_case
from napari_deconv.protocol.summary import interval
from napari_deconv.protocol.tables import put_into
from napari_deconv.psf import Gaussian
from napari_deconv.restoration.base import Method
from napari_deconv.restoration.networks.base import LearnedMethod


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three smooth images."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for i in range(3):
        image = gaussian_filter(rng.normal(size=(48, 52)), 2)
        image = np.uint8(255 * (image - image.min()) / np.ptp(image))
        write(tmp_path / "images" / f"b{i}.png", image)
    return tmp_path


def bench(folder: Path, *methods: str, more: tuple[object, ...] = ()) -> int:
    words = ["bench", "--images", folder / "images", "--psf", "gaussian:sigma_px=1..1.5/2"]
    words += ["--noise", 0.02, "--methods", *methods, "-o", folder / "r.csv", "--quiet", *more]
    return main([str(word) for word in words])


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "r.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_method_on_every_image_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(folder, "wiener", "tikhonov:weight=0.01", more=("--baseline", "wiener")) == 0
    found = rows(folder)
    assert [(r["image"], r["method"]) for r in found] == [
        (f"images/b{i}", method)
        for i in range(3)
        for method in ("(blurred)", "wiener", "tikhonov:weight=0.01")
    ]
    assert [r["kernel"].split(";")[0][-3:] for r in found[::3]] == ["x=1", "1.5", "x=1"]
    table = json.loads((folder / "r.json").read_text())["table"]
    mean = np.mean([float(r["psnr_db"]) for r in found if r["method"] == "wiener"])
    wiener = next(line for line in table if line["method"] == "wiener")
    assert wiener["psnr_db"][0] == pytest.approx(mean) and wiener["n"] == 3
    assert "| 2 % | `wiener` |" in capsys.readouterr().out


def test_goes_on_after_a_kill(folder: Path) -> None:
    bench(folder, "wiener")
    path = folder / "r.csv"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4]) + lines[4][:30])  # torn in the middle of a row
    kept = path.read_bytes().splitlines()[:4]
    assert bench(folder, "wiener") == 0
    after = path.read_bytes().splitlines()
    assert after[:4] == kept and len(after) == 7, "rows that were whole are as they were"
    assert bench(folder, "wiener") == 0
    assert path.read_bytes().splitlines() == after, "nothing left to do"
    path.write_text(path.read_text().replace(",noise_given,", ",told,", 1))
    assert bench(folder, "wiener") == 0
    assert path.read_bytes().splitlines()[1:] == after[1:], "the heading of older versions"


def test_another_spec_is_another_row_and_a_changed_default_is_computed_again(
    folder: Path,
) -> None:
    bench(folder, "tikhonov")
    bench(folder, "tikhonov:weight=0.02")
    assert len(rows(folder)) == 9, "the blurred images once"
    path = folder / "r.csv"
    path.write_text(path.read_text().replace("weight=0,", "weight=0.5,"))
    bench(folder, "tikhonov")
    assert len(rows(folder)) == 12, "made with another default"
    bench(folder, "tikhonov", more=("--tell-noise",))
    assert len(rows(folder)) == 18, "told is not untold"


def test_changed_weights_are_other_rows(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    method = Method.make("fcnn", weights=str(file))
    file.write_bytes(b"one")
    before = weights_hash(method)
    file.write_bytes(b"two")
    assert weights_hash(method) != before
    assert weights_hash(Method.make("wiener")) == ""


def test_a_network_that_chooses_by_the_scene_has_the_fingerprint_of_all_it_may_take() -> None:
    chooses, photos = Method.make("fcnn"), Method.make("fcnn", weights="fcnn-3")
    assert isinstance(chooses, LearnedMethod)
    assert set(chooses.candidates()) == {"fcnn-3", "fcnn-fluorescence"}
    assert weights_hash(chooses) != weights_hash(photos)
    assert Method.make("fcnn", iterations=1).candidates() == ("fcnn-1",)


def test_a_failure_is_a_row_that_says_why(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lost = "fcnn:weights=lost.safetensors"
    assert bench(folder, lost, "wiener") == 1
    bad = [r for r in rows(folder) if r["failed"]]
    assert len(bad) == 3 and not bad[0]["psnr_db"]
    assert "no weight file lost.safetensors" in bad[0]["failed"]
    assert len(rows(folder)) == 9, "the others went on"
    assert f"`{lost}`, 3 of 3: There is no weight file" in capsys.readouterr().out
    assert bench(folder, lost, more=("--retry",)) == 1
    assert len(rows(folder)) == 12


def test_workers_find_the_same(folder: Path) -> None:
    bench(folder, "wiener")
    alone = {r["image"]: r["psnr_db"] for r in rows(folder) if r["method"] == "wiener"}
    (folder / "r.csv").unlink()
    assert bench(folder, "wiener", more=("--workers", 2)) == 0
    together = {r["image"]: r["psnr_db"] for r in rows(folder) if r["method"] == "wiener"}
    assert together == alone


@pytest.fixture(scope="module")
def case() -> attempts.Case:
    """One blurred image."""
    sharp = gaussian_filter(np.random.default_rng(1).normal(size=(70, 72)), 1.5)
    sharp = (sharp - sharp.min()) / np.ptp(sharp)
    return make_case(sharp, Gaussian(sigma_px=1.5)(), Chain(boundary="valid", noise=0.03))


def test_best_iteration_is_the_best_of_all(case: attempts.Case) -> None:
    found = attempts.attempt(contestant_in("richardson-lucy:iterations=best"), case)
    where = attempts.USUAL
    each = [attempts.once(Method.make("richardson-lucy", iterations=n), case, False, where).score
            for n in range(1, 16)]  # fmt: skip
    best = int(np.argmax([score.psnr_db for score in each]))
    assert 0 < best < 14, "or the test tells nothing"
    assert found.setting == f"iterations={best + 1}"
    assert found.score == pytest.approx(each[best], abs=1e-4)


@pytest.mark.parametrize("name", ["hyper-laplacian", "tikhonov"])
def test_best_weight_beats_its_neighbours(case: attempts.Case, name: str) -> None:
    found = attempts.attempt(contestant_in(f"{name}:weight=best"), case)
    weight = float(found.setting.removeprefix("weight="))
    for factor in (0.6, 0.85, 1.2, 1.7):
        other = attempts.once(
            Method.make(name, weight=weight * factor), case, False, attempts.USUAL
        )
        assert other.score.psnr_db <= found.score.psnr_db + 0.005, factor


def test_best_of_a_level_is_one_weight_for_all(folder: Path) -> None:
    bench(folder, "hyper-laplacian:weight=best-of-level")
    tried: dict[str, list[float]] = {}
    for row in rows(folder):
        tried.setdefault(row["method"], []).append(float(row["psnr_db"]))
    tried.pop("(blurred)")
    assert len(tried) == 7 and all("@image" in method for method in tried)
    table = json.loads((folder / "r.json").read_text())["table"]
    line = next(line for line in table if line["oracle"])
    assert line["psnr_db"][0] == pytest.approx(max(map(np.mean, tried.values())))


def test_the_noise_given_is_the_true_one(
    case: attempts.Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    stream = attempts.stream

    def overheard(*args: Any, noise: float | None, **more: Any) -> Any:
        told.append(noise)
        return stream(*args, noise=noise, **more)

    monkeypatch.setattr(attempts, "stream", overheard)
    for knows in (True, False):
        attempts.attempt(contestant_in("wiener"), case, noise_given=knows)
    assert told == [pytest.approx(0.03), None]


def test_interval_holds_the_mean_and_shrinks() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    mean, low, high = interval(list(values))
    assert mean == pytest.approx(values.mean())
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_results_stand_in_the_page_between_its_markers(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    page = folder / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text("# Mine\n\n<!-- bench a -->\nold\n<!-- end of bench a -->\n\nAfter.\n")
    more = ("--docs", page, "--section", "a", "--plot", folder / "docs" / "p.svg")
    assert bench(folder, "wiener", more=(*more, "--baseline", "wiener")) == 0
    text = page.read_text()
    assert text.startswith("# Mine\n") and text.endswith("\nAfter.\n") and "old" not in text
    assert "(p.svg)" in text and "| `wiener` |" in text and "napari-deconv bench --images" in text
    assert "</svg>" in (folder / "docs" / "p.svg").read_text()
    once = page.read_text()
    bench(folder, "wiener", more=(*more, "--baseline", "wiener"))
    assert page.read_text() == once
    with pytest.raises(DeconvError, match="no section 'b'"):
        put_into(page, "b", "text")


def test_a_plot_that_cannot_be_is_refused_before_the_hours(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("napari_deconv.protocol.plot.find_spec", lambda name: None)
    assert bench(folder, "wiener", more=("--plot", "p.svg")) == 2
    assert "napari-deconv[figure]" in capsys.readouterr().err
    assert not (folder / "r.csv").exists()
    with pytest.raises(DeconvError, match=r"\.svg or \.png"):
        check_plot(Path("p.gif"))


def test_another_kind_of_file_is_not_written_to(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "r.csv").write_text("a,b\n1,2\n")
    assert bench(folder, "wiener") == 2
    assert "holds other results" in capsys.readouterr().err
    assert (folder / "r.csv").read_text() == "a,b\n1,2\n"


def test_a_second_run_into_a_table_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with only_run(folder / "r.csv"):
        assert bench(folder, "wiener") == 2
    assert f"Another run is writing {folder / 'r.csv'}" in capsys.readouterr().err
    assert not (folder / "r.csv").exists()
    assert bench(folder, "wiener") == 0
