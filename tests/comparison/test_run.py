from __future__ import annotations

import csv
import io
import json
import math
import threading

import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import napari_deconv as nd
from napari_deconv.cli import main
from napari_deconv.comparison.export import RECIPE, export
from napari_deconv.comparison.judge import Judge, aligned
from napari_deconv.comparison.material import Material
from napari_deconv.comparison.measures import MEASURES
from napari_deconv.comparison.recipe import Comparison
from napari_deconv.comparison.run import best, compare
from napari_deconv.comparison.sweep import Sweep, corner, spread, swept_fields
from napari_deconv.comparison.table import as_csv, as_text
from napari_deconv.core.errors import Cancelled, DeconvError
from napari_deconv.engine.streaming import drain
from napari_deconv.io import read, write
from napari_deconv.io.locks import only_run
from napari_deconv.restoration.base import Method, methods

methods()
PSF = nd.psf.Disk(radius_px=2.5)()


def make(name, **fields):
    return Method.make(name, **fields)


PAIR = (make("richardson-lucy", iterations=3), make("wiener"))


@pytest.fixture(scope="module")
def photo():
    image, truth = nd.degrade(
        data.camera()[100:196, 150:260] / 255, PSF, noise=0.01, boundary="valid", seed=0
    )
    return Material(image=image, axes="YX", psf=PSF, truth=truth)


def test_recipe_goes_through_json():
    sweep = Sweep(method=PAIR[0], field="iterations", values=(1, 5))
    for recipe in (
        Comparison(methods=(*PAIR, PAIR[0]), noise=0.5, rectangle=(1, 2, 3, 4)),
        Comparison(sweep=sweep, image={"path": "a.tif"}, border_px=3, align=True),
    ):
        assert Comparison.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"method": {"name": "tv"}}, "not a recipe of a comparison"),
        ({"kind": "comparison", "methods": [{"name": "tvv"}]}, "Did you mean 'tv'"),
        ({"kind": "comparison", "noise": "much"}, "noise = 'much'"),
    ],
)
def test_a_bad_recipe_is_refused_in_words(found, said):
    with pytest.raises(DeconvError, match=said):
        Comparison.from_dict(found)


def test_rows_come_one_by_one_and_their_figures_are_scikit_images(photo):
    steps, counts = compare(Comparison(methods=(*PAIR, PAIR[0])), photo), []
    outcome = drain(steps, lambda step: counts.append((step.done, len(step.rows))))
    assert [n for _, n in counts] == sorted(n for _, n in counts)
    assert counts[-1] == (3000, 3)
    labels = [row.label for row in outcome.rows]
    assert labels == [
        "Richardson-Lucy(iterations=3)",
        "Wiener",
        "Richardson-Lucy(iterations=3) (2)",
    ]
    row, border = outcome.rows[1], 3
    x, t = (a[border:-border, border:-border] for a in (row.data, photo.truth))
    peak = 1.0
    assert row.figure("psnr_db") == pytest.approx(
        peak_signal_noise_ratio(t, x, data_range=peak), abs=1e-4
    )
    assert row.figure("ssim") == pytest.approx(
        structural_similarity(
            t, x, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=peak
        ),
        abs=1e-4,
    )
    assert row.figures["residual"] == pytest.approx(
        nd.metrics.reblur_error(row.data, photo.image, PSF), rel=1e-5
    )
    assert set(row.figures) <= set(MEASURES)
    assert "border of 3 x 3" in outcome.notes[0]
    assert row.record.method["name"] == "wiener" and row.record.noise_estimated


def test_a_failure_is_a_row_that_says_why(photo, monkeypatch):
    def broken(self, problem):
        raise RuntimeError("no such thing")
        yield

    monkeypatch.setattr(Method.lookup("tv"), "steps", broken)
    outcome = drain(compare(Comparison(methods=(make("tv"), *PAIR)), photo))
    assert "no such thing" in outcome.rows[0].error
    assert [row.data is None for row in outcome.rows] == [True, False, False]
    assert "no such thing" in as_text(outcome.rows)
    assert best(outcome.rows, "psnr_db") in outcome.rows[1:]


def test_a_truth_that_does_not_fit_is_left_out_in_words(photo):
    def told(**changes):
        material = Material(**{**vars(photo), **changes})
        outcome = drain(compare(Comparison(methods=PAIR[1:]), material))
        return outcome.rows[0], " ".join(outcome.notes)

    row, notes = told(truth=photo.truth[1:])
    assert math.isnan(row.figure("psnr_db")) and "105 pixels" not in notes
    assert "left out" in notes and row.figure("whiteness") > 0
    _, notes = told(truth=photo.truth * 1000)
    assert "Align intensities" in notes
    _, notes = told(truth=(photo.truth * 255).astype(np.uint8))
    assert "Align intensities" in notes


def test_alignment_undoes_factor_and_offset(photo):
    made = photo.truth * 7 - 3
    np.testing.assert_allclose(aligned(made, photo.truth), photo.truth, atol=1e-6)
    figures, _ = Judge(material=photo, align=True).figures(made, 0.01)
    assert figures["psnr_db"] > 100
    assert Judge(material=photo).figures(made, 0.01)[0]["psnr_db"] < 10


def test_a_method_for_another_dimension_does_not_stop_the_rest():
    rng = np.random.default_rng(0)
    volume = rng.poisson(50, (8, 24, 26)).astype(np.float32)
    psf = nd.psf.Gaussian(sigma_px=1.0)((5, 5, 5))
    flat = next(name for name, kind in Method.registry.items() if kind.ndim == (2,))
    runs = (make(flat), make("richardson-lucy", iterations=2))
    material = Material(image=volume, axes="ZYX", psf=psf, truth=volume, pixel_size=0.1, unit="µm")
    outcome = drain(compare(Comparison(methods=runs), material))
    assert "2-D" in outcome.rows[0].error
    assert outcome.rows[1].data.shape == volume.shape


def test_cancel_stops_it(photo):
    cancel = threading.Event()
    steps = compare(Comparison(methods=PAIR), photo, cancel=cancel)
    next(steps)
    cancel.set()
    with pytest.raises(Cancelled):
        drain(steps)
    with pytest.raises(DeconvError, match="no method"):
        drain(compare(Comparison(), photo))


def test_colours_series_and_alpha_are_judged():
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 255, (3, 40, 44, 4)).astype(np.uint8)
    material = Material(image=photo, axes="TYXS", psf=PSF, truth=photo, repeat=photo)
    outcome = drain(compare(Comparison(methods=PAIR[1:]), material))
    row = outcome.rows[0]
    assert not row.error and row.data.shape == photo.shape
    x, t = (a[:, 3:-3, 3:-3, :3].astype(float) for a in (row.data, photo))
    assert row.figure("psnr_db") == pytest.approx(nd.metrics.psnr(x, t, 255), abs=1e-9)


def test_sweep_finds_the_best_iterations_and_names_them(photo):
    values = spread(1, 30, 4, whole=True)
    sweep = Sweep(method=PAIR[0], field="iterations", values=values)
    outcome = drain(compare(Comparison(sweep=sweep), photo))
    assert [row.method.iterations for row in outcome.rows] == [1, 11, 20, 30]
    assert outcome.rows[1].label == "iterations 11"
    db = [row.figure("psnr_db") for row in outcome.rows]
    assert best(outcome.rows, "psnr_db").number == int(np.argmax(db)) > 0
    with pytest.raises(DeconvError, match="no field 'iteration'"):
        Sweep(method=PAIR[0], field="iteration", values=(1,))
    assert "iterations" in swept_fields(type(PAIR[0]))
    assert spread(0.1, 10, 3, logarithmic=True) == (0.1, 1, 10)
    with pytest.raises(DeconvError, match="Begin above 0"):
        spread(0, 10, 3, logarithmic=True)


def test_corner_of_an_l():
    weight = np.geomspace(1e-4, 1e2, 25)
    residual = np.sqrt(0.01 + weight**2)
    norm = 1 + 0.01 / weight
    found = corner(residual, norm)
    assert 0.005 < weight[found] < 0.3
    assert corner([1, 2], [2, 1]) is None
    assert corner([1, 1, 1], [1, 1, 1]) is None


def test_table_of_numbers_reads_back(photo):
    outcome = drain(compare(Comparison(methods=PAIR), photo))
    lines = list(csv.DictReader(io.StringIO(as_csv(outcome.table))))
    assert [line["method"] for line in lines] == ["Blurred image", "Richardson-Lucy", "Wiener"]
    assert float(lines[2]["ssim"]) == outcome.rows[1].figure("ssim")
    assert lines[1]["settings"].startswith("iterations=3")
    blurred = peak_signal_noise_ratio(
        photo.truth[3:-3, 3:-3], photo.image[3:-3, 3:-3], data_range=1
    )
    assert float(lines[0]["psnr_db"]) == pytest.approx(blurred) and not lines[0]["settings"]


def test_export_replays_on_its_own_and_over_a_folder(photo, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    recipe = Comparison(methods=PAIR, rectangle=(10, 10, 40, 50))
    material = Material(**{**vars(photo), "pixel_size": 0.5, "unit": "µm"})
    outcome = drain(compare(recipe, material))
    first, again, many = (tmp_path / name for name in ("first", "again", "many"))
    assert export(outcome, material, first) == ()
    assert {p.suffix for p in first.iterdir()} == {".csv", ".png", ".svg", ".tif", ".npy", ".json"}
    made = read(first / "02-wiener.tif")
    assert made.recipe["method"]["name"] == "wiener"
    assert made.pixel_size["X"] == pytest.approx(0.5)
    assert main(["compare", str(first / RECIPE), "-o", str(again)]) == 0
    np.testing.assert_array_equal(read(again / "02-wiener.tif").data, made.data)
    assert "Wiener" in capsys.readouterr().out

    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        write(tmp_path / "in" / f"{name}.tif", photo.image, axes="YX")
    words = ["compare", str(first / RECIPE), str(tmp_path / "in"), "-o", str(many), "--quiet"]
    assert main([*words, "--truth", str(first / "truth.tif")]) == 0
    lines = list(csv.DictReader(io.StringIO((many / "table.csv").read_text())))
    assert [line["image"] for line in lines] == ["a.tif"] * 3 + ["b.tif"] * 3
    assert float(lines[2]["psnr_db"]) == pytest.approx(outcome.rows[1].figure("psnr_db"), abs=1e-3)
    assert main(["compare", str(first / RECIPE), "-o", str(first)]) == 2


def test_a_second_comparison_into_a_folder_is_refused(photo, tmp_path, capsys):
    write(tmp_path / "a.tif", photo.image, axes="YX")
    out = tmp_path / "out"
    words = ["compare", "--methods", "wiener", "--psf", "disk:radius_px=2"]
    words += [str(tmp_path / "a.tif"), "-o", str(out), "--quiet"]
    with only_run(out):
        assert main(words) == 2
    assert f"Another run is writing {out}" in capsys.readouterr().err
    assert not out.exists()
    assert main(words) == 0
    assert (out / "comparison.json").exists()


def test_methods_named_on_the_command_line(photo, tmp_path, capsys):
    write(tmp_path / "a.tif", photo.image, axes="YX")
    words = ["compare", str(tmp_path / "a.tif"), "-o", str(tmp_path / "out"), "--quiet"]
    assert main(words) == 2
    assert "--methods" in capsys.readouterr().err
    words += ["--psf", "disk:radius_px=2.5", "--methods", "wiener", "wiener:nsr=0.1"]
    assert main(words) == 0
    assert {p.name for p in (tmp_path / "out").glob("0*.tif")} == {
        "01-wiener.tif",
        "02-wiener-nsr-0.1.tif",
    }


def test_without_matplotlib_everything_but_the_figure_is_exported(photo, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    outcome = drain(compare(Comparison(methods=PAIR[1:]), photo))
    (said,) = export(outcome, photo, tmp_path)
    assert "napari-deconv[figure]" in said
    assert (tmp_path / "table.csv").exists() and (tmp_path / RECIPE).exists()


def test_a_psf_that_does_not_fit_is_doubted_with_what_to_do(photo):
    def doubt(**changes):
        comparison = {"methods": PAIR, **changes.pop("comparison", {})}
        outcome = drain(compare(Comparison(**comparison), Material(**{**vars(photo), **changes})))
        assert (outcome.doubt in outcome.notes) == bool(outcome.doubt)
        return outcome.doubt

    assert doubt() == ""
    wrong = nd.psf.Motion(length_px=21.0, angle_deg=30.0)()
    assert "1.6 times the noise: the PSF probably does not fit" in doubt(psf=wrong)
    high = {"comparison": {"noise": 0.1, "methods": PAIR[:1]}}
    assert "No result is nearer to the truth than the blurred image" in doubt(psf=wrong, **high)
    found = {"comparison": {"psf": {"estimate": {"region": [0, 0, 9, 9]}}}}
    assert "Find it in another region" in doubt(psf=wrong, **found)
    low = {"comparison": {"noise": 1e-4, "methods": PAIR[:1]}}
    assert "times the noise: the PSF probably does not fit" in doubt(**low, truth=None)
