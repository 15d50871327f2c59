"""The command line: what it writes, and that expected errors are one line."""

import contextlib
import csv
import gzip
import io
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

import kerasnas as kn
from kerasnas.cli import main
from kerasnas.data import csv_files
from kerasnas.data.stored_tables import stored_table
from kerasnas.errors import ArtifactError
from kerasnas.fit_command import guess_task
from kerasnas.results.decisions import Decisions

# A search keeps its files in a temporary folder that goes with the last reference to its result.
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A classification file with a column of codes, and a model that `fit` made of it."""
    path = tmp_path_factory.mktemp("cli")
    data = load_breast_cancer(as_frame=True)
    frame = data.data.iloc[:, :4].assign(
        # Codes as strings, some of which read as numbers that would be written in another way.
        code=np.where(data.target == 1, "01", "x"),
        diagnosis=data.target.map({0: "malignant", 1: "benign"}),
    )
    frame.iloc[:200].to_csv(path / "train.csv", index=False)
    frame.iloc[200:240].drop(columns="diagnosis").to_csv(path / "new.csv", index=False)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert fit(path / "train.csv", path / "model.keras", "diagnosis") == 0
    (path / "said.txt").write_text(said.getvalue())
    return path


def fit(data, out, target, *more):
    arguments = ["fit", data, "--target", target, "--out", out, "--trials", "1", "--seed", "0"]
    return main([str(a) for a in (*arguments, "--quiet", *more)])


def one_line(capsys):
    err = capsys.readouterr().err
    assert err.endswith("\n") and err.count("\n") == 1, err
    assert err.startswith("kerasnas: ")
    return err


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from kerasnas.cli import main\n"
        "try:\n    main(['fit', '--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "assert not {'tensorflow', 'keras', 'pandas', 'numpy'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--target COLUMN" in done.stdout


def test_fit_says_the_task_and_shows_the_leaderboard(tmp_path, capsys):
    frame = load_diabetes(as_frame=True, scaled=False).frame.iloc[:120]
    frame.to_csv(tmp_path / "train.csv", index=False)
    out = str(tmp_path / "model.keras")
    arguments = ["fit", str(tmp_path / "train.csv"), "--target", "target", "--out", out]
    assert main([*arguments, "--trials", "1", "--budget", "60", "--objective", "val_mae"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("Task: regression, as `target` holds ")
    assert "0000 " in said.out and "linear (baseline)" in said.out
    assert said.out.rstrip().endswith(f"Saved in '{out}'. Next: kerasnas predict {out} NEW.csv")
    assert "trial 0000  val_mae" in said.err
    assert isinstance(kn.load(out), kn.TabularRegressor)


def test_quiet_prints_nothing(folder):
    assert (folder / "said.txt").read_text() == ""


def test_predict_adds_columns_and_leaves_the_others_as_written(folder, tmp_path, capsys):
    out = tmp_path / "answers.csv"
    given = [str(folder / "model.keras"), str(folder / "new.csv")]
    assert main(["predict", *given, "--out", str(out)]) == 0
    assert "40 rows" in capsys.readouterr().out
    before = list(csv.reader(io.StringIO((folder / "new.csv").read_text())))
    after = list(csv.reader(io.StringIO(out.read_text())))
    width = len(before[0])
    assert [row[:width] for row in after] == before
    assert after[0][width:] == ["prediction", "probability_benign", "probability_malignant"]

    assert main(["predict", *given]) == 0
    assert list(csv.reader(io.StringIO(capsys.readouterr().out))) == after


def test_predict_decides_by_the_threshold_of_the_file(folder, tmp_path, capsys):
    estimator = kn.load(folder / "model.keras")
    estimator.fitted_ = replace(estimator.fitted_, decisions=Decisions(threshold=2.0))
    path = tmp_path / "strict.keras"
    estimator.save(path)
    assert main(["predict", str(path), str(folder / "new.csv")]) == 0
    printed = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert set(printed["prediction"]) == {"benign"}
    assert printed["probability_malignant"].max() > 0.5


def test_predict_answers_as_the_estimator_does(folder, capsys):
    assert main(["predict", str(folder / "model.keras"), str(folder / "new.csv")]) == 0
    printed = pd.read_csv(io.StringIO(capsys.readouterr().out))
    rows = pd.read_csv(folder / "new.csv", dtype={"code": str})
    estimator = kn.load(folder / "model.keras")
    assert printed["prediction"].tolist() == estimator.predict(rows).tolist()
    shares = printed[["probability_benign", "probability_malignant"]]
    np.testing.assert_allclose(shares, estimator.predict_proba(rows), atol=1e-6)


def test_codes_stay_strings_where_all_of_them_read_as_numbers(folder, tmp_path, capsys):
    rows = pd.read_csv(folder / "new.csv", dtype={"code": str})
    only = rows[rows["code"] == "01"]
    only.to_csv(tmp_path / "only.csv", index=False)
    assert main(["predict", str(folder / "model.keras"), str(tmp_path / "only.csv")]) == 0
    printed = pd.read_csv(io.StringIO(capsys.readouterr().out))
    wanted = kn.load(folder / "model.keras").predict_proba(only)
    np.testing.assert_allclose(printed["probability_benign"], wanted[:, 0], atol=1e-6)


def test_parquet_in_and_out(folder, tmp_path):
    pytest.importorskip("pyarrow")
    rows = pd.read_csv(folder / "new.csv", dtype={"code": str})
    rows.to_parquet(tmp_path / "new.parquet")
    given = [str(folder / "model.keras"), str(tmp_path / "new.parquet")]
    assert main(["predict", *given, "--out", str(tmp_path / "out.parquet")]) == 0
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == len(rows)


def test_parquet_without_pyarrow_names_the_extra(folder, tmp_path, capsys, monkeypatch):
    (tmp_path / "new.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow.dataset", None)
    assert main(["predict", str(folder / "model.keras"), str(tmp_path / "new.parquet")]) == 2
    assert 'pip install "kerasnas[parquet]"' in one_line(capsys)


def test_many_files_are_fitted_on_and_answered_part_by_part(folder, tmp_path, capsys, monkeypatch):
    rows = pd.read_csv(folder / "train.csv", dtype={"code": str})
    (tmp_path / "data").mkdir()
    for number, part in enumerate((rows.iloc[:90], rows.iloc[90:])):
        part.to_csv(tmp_path / "data" / f"{number}.csv", index=False)
    model = tmp_path / "model.keras"
    assert fit(tmp_path / "data", model, "diagnosis", "--memory", "100GB") == 0
    monkeypatch.setattr(csv_files, "_PART", 2000)  # characters: several parts for each file
    for new, out in (("data/*.csv", "out.csv"), ("data", "out.parquet")):
        given = ["predict", str(model), str(tmp_path / new), "--out", str(tmp_path / out)]
        assert main(given) == 0
    assert "200 rows with their answers" in capsys.readouterr().out
    written, stored = pd.read_csv(tmp_path / "out.csv"), pd.read_parquet(tmp_path / "out.parquet")
    rows = rows.drop(columns="diagnosis")
    assert written["prediction"].tolist() == stored["prediction"].tolist()
    assert written["prediction"].tolist() == kn.load(model).predict(rows).tolist()


def test_columns_that_fit_did_not_see_are_said(folder, tmp_path, capsys):
    rows = pd.read_csv(folder / "new.csv", dtype={"code": str}).assign(spare=1)
    rows.to_csv(tmp_path / "new.csv", index=False)
    assert main(["predict", str(folder / "model.keras"), str(tmp_path / "new.csv")]) == 0
    assert "`spare`" in one_line(capsys)


def test_leaderboard_of_a_file(folder, capsys):
    assert main(["leaderboard", str(folder / "model.keras")]) == 0
    lines = capsys.readouterr().out.splitlines()
    columns = ["rank", "model", "val_log_loss", "held_out", "size_bytes", "seconds"]
    assert lines[0].split() == columns
    assert max(map(len, lines)) <= 100
    assert main(["leaderboard", "--full", str(folder / "model.keras")]) == 0
    assert "val_accuracy" in capsys.readouterr().out.splitlines()[0]
    assert {"majority", "linear", "hist_gradient_boosting"} <= {line.split()[1] for line in lines}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "diagnosys"], "did you mean `diagnosis`"),
        (["--target", "diagnosis", "--oracle", "randem"], "Did you mean 'random'"),
        (["--target", "diagnosis", "--objective", "val_acuracy"], "Did you mean 'val_accuracy'"),
        (["--target", "diagnosis", "--budget", "soon"], "'soon'"),
        (["--target", "diagnosis", "--trials", "0"], "`trials`"),
        (["--target", "diagnosis", "--out", "nowhere/model.keras"], "'nowhere'"),
        (["--target", "diagnosis", "--out", "model.h5"], "`--out` must end in '.keras'"),
        (["--target", "diagnosis", "--out", "."], "`--out` must end in '.keras'"),
        (["--target", "diagnosis", "--out", "/proc/model.keras"], "cannot be written"),
    ],
)
def test_mistakes_in_fit_are_one_line(folder, tmp_path, capsys, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    given = ["fit", str(folder / "train.csv"), "--out", "model.keras", "--quiet", *arguments]
    assert main(given) == 2
    assert words in one_line(capsys)


def test_files_that_cannot_be_read_are_one_line(folder, tmp_path, capsys):
    (tmp_path / "ragged.csv").write_text('a,b\n1,2\n"3,4,5\n')
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "rowless.csv").write_text("a,b\n")
    (tmp_path / "other.keras").write_text("no model")
    model = str(folder / "model.keras")
    for arguments, words in [
        (["predict", model, str(tmp_path / "nothing.csv")], "There is no file or folder"),
        (["predict", model, str(tmp_path / "ragged.csv")], "cannot be read as CSV"),
        (["predict", model, str(tmp_path / "empty.csv")], "cannot be read as CSV"),
        (["predict", model, str(tmp_path / "rowless.csv")], "has no rows"),
        (["predict", str(tmp_path / "other.keras"), str(folder / "new.csv")], "`.keras` file"),
        (["leaderboard", str(tmp_path / "nothing.keras")], "There is no file"),
    ]:
        assert main(arguments) == 2
        assert words in one_line(capsys)


def test_a_column_that_predict_would_add_is_refused(folder, tmp_path, capsys):
    rows = pd.read_csv(folder / "train.csv").rename(columns={"diagnosis": "prediction"})
    rows.to_csv(tmp_path / "new.csv", index=False)
    assert main(["predict", str(folder / "model.keras"), str(tmp_path / "new.csv")]) == 2
    assert "already has a column `prediction`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["yes", "no"] * 30, "classification"),
        ([True, False] * 30, "classification"),
        ([0, 1, 2] * 20, "classification"),
        ([1.0, 2.0] * 30, "classification"),
        ([0.5, 1.0] * 30, "regression"),
        (list(range(60)), "regression"),
    ],
)
def test_the_task_is_told_by_the_target(values, task):
    assert guess_task(pd.Series(values))[0] == task


def test_export_writes_another_format(folder, tmp_path, capsys):
    out = tmp_path / "saved"
    assert main(["export", str(folder / "model.keras"), str(out)]) == 0
    assert (out / "saved_model.pb").is_file()
    assert "answers as" in capsys.readouterr().out


def test_export_says_what_is_wrong_in_one_line(folder, tmp_path, capsys):
    out = tmp_path / "model.wrong"
    assert main(["export", str(folder / "model.keras"), str(out), "--format", "onnx"]) == 2
    one_line(capsys)


def test_out_is_checked_before_anything_is_read(folder, tmp_path, capsys):
    nothing = str(tmp_path / "nothing")  # to read it would be another error
    for arguments, words in [
        (["fit", nothing, "--target", "y", "--out", "model.h5"], "`--out` must end in '.keras'"),
        (["predict", nothing, nothing, "--out", "a.xlsx"], "`--out` must end in '.csv'"),
        (["predict", nothing, nothing, "--out", "model.keras"], "`--out` must end in '.csv'"),
        (["export", nothing, str(folder)], "did not write"),
        (["export", nothing, "m.onnx/x.tflite", "--format", "onnx"], "onnx"),
    ]:
        assert main(arguments) == 2
        assert words in one_line(capsys)
    out = str(tmp_path / "model.keras")
    for given, words in [
        (["--oracle", "randem"], "Did you mean 'random'"),
        (["--objective", "val_acuracy"], "Did you mean 'val_accuracy'"),
        (["--objective", "val_accuracy", "--task", "regression"], "is not a metric"),
        (["--budget", "soon"], "'soon'"),
        (["--trials", "0"], "`trials`"),
        (["--seed", "-1"], "`seed`"),
        (["--directory", "/proc/search"], "cannot be written"),
    ]:
        assert main(["fit", nothing, "--target", "y", "--out", out, *given]) == 2
        assert words in one_line(capsys)


def test_export_leaves_folders_of_the_user_alone(folder, tmp_path, capsys, monkeypatch):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "notes.txt").write_text("years of work")
    (tmp_path / "link").symlink_to(tmp_path / "p")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "p"))
    for out in ("p", "p/", ".", "..", "link", "/", str(tmp_path / "p")):
        assert main(["export", str(folder / "model.keras"), out]) == 2
        assert "not replaced" in (err := one_line(capsys)) or "did not write" in err
    assert (tmp_path / "p" / "notes.txt").read_text() == "years of work"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "p"]


def test_a_model_that_cannot_be_written_to_out_is_saved_beside(
    folder, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "out" / "model.keras"
    out.parent.mkdir()
    monkeypatch.chdir(tmp_path)
    save = kn.TabularClassifier.save

    def full(self, path):
        if path == out or str(path).startswith(str(out.parent)):
            raise ArtifactError(f"'{path}' cannot be written: the disk is full.")
        save(self, path)

    monkeypatch.setattr(kn.TabularClassifier, "save", full)
    assert fit(folder / "train.csv", out, "diagnosis") == 2
    said = one_line(capsys)
    (beside,) = tmp_path.glob("model-*.keras")
    assert "the disk is full" in said and f"saved in '{beside}'" in said
    assert isinstance(kn.load(beside), kn.TabularClassifier)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a,b\n1,2\n3\n", "line 3 has 1 value, the first line names 2 columns"),
        ("a,b\n1,2\n\n3,4,5\n", "line 4 has 3 values"),
        ("a,b\n1,2,3\n4,5,6\n", "line 2 has 3 values"),  # pandas takes `a` for row names
        ("a,b\n1,2,\n4,5,\n", "line 2 has 3 values"),
        ('a,b\n"1\n1",2\n3\n', "line 4 has 1 value"),
    ],
)
def test_ragged_lines_are_refused_with_their_number(folder, tmp_path, capsys, text, line):
    path = tmp_path / "ragged.csv"
    path.write_text(text)
    assert main(["predict", str(folder / "model.keras"), str(path)]) == 2
    assert line in one_line(capsys)
    assert fit(path, tmp_path / "model.keras", "b") == 2
    assert line in one_line(capsys)


def test_cells_of_all_kinds_are_not_ragged(tmp_path):
    text = 'a,b\r\n"1,5","x ""y"""\r\n\r\n"two\r\nlines",\r\n' + "x" * 200_000 + ",z\r\n"
    for name, write in [
        ("a.csv", lambda path, data: path.write_bytes(data)),
        ("a.csv.gz", lambda path, data: path.write_bytes(gzip.compress(data))),
    ]:
        write(tmp_path / name, ("\ufeff" + text).encode())
        frame = stored_table(tmp_path / name).whole()
        assert frame.columns.tolist() == ["a", "b"] and len(frame) == 3
        assert frame["b"][0] == 'x "y"'


def test_predictions_onto_the_input(folder, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes((folder / "new.csv").read_bytes())
    assert main(["predict", str(folder / "model.keras"), str(path), "--out", str(path)]) == 0
    assert {"mean radius", "prediction"} <= set(pd.read_csv(path))
    assert len(list(tmp_path.iterdir())) == 1


def test_predictions_that_cannot_be_written_leave_the_older_file(
    folder, tmp_path, capsys, monkeypatch
):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    (tmp_path / "out.csv").write_text("old")
    given = [str(folder / "model.keras"), str(folder / "new.csv"), "--out"]
    assert main(["predict", *given, str(tmp_path / "out.csv")]) == 2
    assert "No space left on device" in one_line(capsys)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_rows_through_a_pipe(folder, capsys):
    read, write = os.pipe()
    os.write(write, (folder / "new.csv").read_bytes())
    os.close(write)
    assert main(["predict", str(folder / "model.keras"), f"/dev/fd/{read}"]) == 0
    os.close(read)
    assert len(pd.read_csv(io.StringIO(capsys.readouterr().out))) == 40


def test_formulas_are_escaped_on_request(folder, tmp_path, capsys):
    rows = pd.read_csv(folder / "new.csv", dtype=str).head(3).assign(**{"=note": "=cmd()"})
    rows.loc[1, "=note"] = "-1.5"
    rows.loc[2, "=note"] = "\t=1"
    rows.to_csv(tmp_path / "new.csv", index=False)
    given = [str(folder / "model.keras"), str(tmp_path / "new.csv")]
    assert main(["predict", *given, "--escape-formulas"]) == 0
    printed = pd.read_csv(io.StringIO(capsys.readouterr().out), dtype=str)
    assert printed["'=note"].tolist() == ["'=cmd()", "-1.5", "'\t=1"]
    assert main(["predict", *given]) == 0
    assert "=note" in pd.read_csv(io.StringIO(capsys.readouterr().out), dtype=str)


def test_nothing_that_is_printed_steers_the_terminal(folder, tmp_path, capsys):
    assert main(["predict", str(folder / "model.keras"), str(tmp_path / "no\x1b[31m\u202e")]) == 2
    said = one_line(capsys)
    assert "\x1b" not in said and "\u202e" not in said


def test_what_should_not_happen_is_a_sentence_too(folder, capsys, monkeypatch):
    monkeypatch.setattr(kn, "load", lambda path: {}[path])
    assert main(["leaderboard", str(folder / "model.keras")]) == 3
    assert "please report it" in one_line(capsys)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["{}", "--target", "y"], "takes neither `--target`"),
        (["{}", "--task", "regression"], "nor `--task regression`"),
        (["{}/empty"], "without images, text files, recordings or tables"),
        (["{}/none.csv"], "`--target` is missing"),
        (["{}/none.csv", "--target", "y", "--task", "forecasting"], "`--time` is missing"),
        (["{}/none.csv", "--target", "y", "--task", "forecasting", "--time", "t"], "`--horizon`"),
    ],
)
def test_what_does_not_fit_the_data_is_said_before_they_are_read(tmp_path, capsys, given, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "spam").mkdir()
    (tmp_path / "spam" / "1.txt").write_text("no text is read")
    arguments = ["fit", *(a.format(tmp_path) for a in given), "--out", str(tmp_path / "m.keras")]
    assert main(arguments) == 2
    assert words in one_line(capsys)


def test_folders_of_texts_in_and_out(tmp_path, capsys):
    for number in range(24):
        path = tmp_path / "data" / ("spam" if number % 2 else "ham") / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{'money prize' if number % 2 else 'lunch meeting'} {number}")
    out = str(tmp_path / "m.keras")
    arguments = ["fit", str(tmp_path / "data"), "--out", out, "--trials", "1", "--seed", "0"]
    assert main([*arguments, "--quiet"]) == 0
    assert main(["predict", out, str(tmp_path / "data" / "spam")]) == 0
    printed = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert printed.columns.tolist() == ["file", "prediction", "probability_ham", "probability_spam"]
    assert len(printed) == 12 and printed["file"][0].endswith("1.txt")
    pd.DataFrame({"text": ["money prize", "lunch"]}).to_csv(tmp_path / "t.csv", index=False)
    assert main(["predict", out, str(tmp_path / "t.csv")]) == 0
    assert len(pd.read_csv(io.StringIO(capsys.readouterr().out))) == 2


def test_series_in_and_forecasts_out(tmp_path, capsys):
    steps = np.arange(120)
    times = pd.date_range("2024-01-01", periods=120, freq="D")
    frame = pd.DataFrame({"day": times, "sold": np.sin(steps / 3) + 3})
    frame.to_csv(tmp_path / "sales.csv", index=False)
    out = str(tmp_path / "m.keras")
    arguments = ["fit", str(tmp_path / "sales.csv"), "--out", out, "--trials", "1", "--seed", "0"]
    arguments += ["--task", "forecasting", "--target", "sold", "--time", "day", "--horizon", "5"]
    assert main([*arguments, "--quiet"]) == 0
    assert main(["predict", out, str(tmp_path / "sales.csv")]) == 0
    printed = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert len(printed) == 5 and printed.columns[:2].tolist() == ["day", "sold"]
    assert printed["day"][0].startswith("2024-04-30")


def test_a_folder_of_pictures(tmp_path, capsys):
    from PIL import Image

    for number in range(24):
        path = tmp_path / "data" / ("dark" if number % 2 else "light") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shade = np.full((8, 8), 20 if number % 2 else 200, "uint8")
        Image.fromarray(shade + np.uint8(number)).save(path)
    out = str(tmp_path / "m.keras")
    arguments = ["fit", str(tmp_path / "data"), "--out", out, "--trials", "1", "--seed", "0"]
    assert main([*arguments, "--quiet", "--budget", "60"]) == 0
    assert main(["predict", out, str(tmp_path / "data" / "dark" / "1.png")]) == 0
    printed = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert len(printed) == 1 and printed["prediction"][0] in ("dark", "light")


def test_the_package_can_be_run_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "kerasnas", "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, kn.__version__)
