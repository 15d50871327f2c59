"""The command line, a thin front to the estimators.

Nothing heavy is imported before a command needs it, so that `kerasnas --help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kerasnas
from kerasnas.errors import ArtifactError, KerasNASError, ObjectiveError, SchemaError
from kerasnas.files import check_file, fresh_folder
from kerasnas.quiet import import_tensorflow
from kerasnas.serving import answered, class_named, escaped, folder_kind, printable
from kerasnas.table_files import check_table_path, write_csv, write_tables

if TYPE_CHECKING:
    import pandas as pd

    from kerasnas.estimators.estimator import Estimator

_GUESSED_FROM = 10**6  # rows that tell labels from amounts
_MOST_CLASSES = 20  # a target of whole numbers with more distinct values is taken for an amount


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: Arguments without the program's name; default is the command line.

    Returns:
        The exit status: 0, 2 after an error that is the caller's to solve, 3 after one that is a
        mistake in kerasnas, 130 after Ctrl-C.
    """
    arguments = _parser().parse_args(argv)
    try:
        import_tensorflow()
        arguments.run(arguments)
    except KerasNASError as error:
        return _failed(str(error))
    except BrokenPipeError:  # such as `kerasnas predict … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        place = f": '{error.filename}'" if error.filename else ""
        return _failed(f"{error.strerror or error}{place}")
    except KeyboardInterrupt:
        _failed("interrupted.")
        return 130
    except Exception as error:
        _failed(
            f"{type(error).__name__}: {error}. This should not happen: please report it with the "
            "command and a few lines of the data."
        )
        return 3
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kerasnas",
        description="A table and a time budget in, one tuned .keras file out.",
    )
    parser.add_argument("--version", action="version", version=kerasnas.__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_fit(commands)

    predict = commands.add_parser("predict", help="answer for the rows of a table")
    predict.add_argument("model", help=".keras file that `fit` wrote")
    predict.add_argument(
        "data",
        help="CSV or Parquet files with the columns of the training table: a file, a folder, a "
        "glob in quotes; a folder of images, text files or recordings; for a forecaster the "
        "history to go on from",
    )
    predict.add_argument("--out", help="CSV or Parquet file to write; default: CSV to stdout")
    predict.add_argument(
        "--escape-formulas",
        action="store_true",
        help="write ' in front of cells that a spreadsheet would take for formulas",
    )
    predict.set_defaults(run=_predict)

    leaderboard = commands.add_parser("leaderboard", help="show what a search tried")
    leaderboard.add_argument("model", help=".keras file that `fit` wrote")
    leaderboard.add_argument("--full", action="store_true", help="show all metrics")
    leaderboard.set_defaults(run=_leaderboard)

    report = commands.add_parser("report", help="write what was asked, tried and found")
    report.add_argument("model", help=".keras file that `fit` wrote, or the directory of a search")
    report.add_argument(
        "--out",
        default="report.html",
        metavar="FILE",
        help=".html for a page, .json for its facts, .md for a model card; default: report.html",
    )
    report.set_defaults(run=_report)

    export = commands.add_parser("export", help="write the model for another runtime")
    export.add_argument("model", help=".keras file that `fit` wrote")
    export.add_argument("out", help="folder for savedmodel; .onnx or .tflite file for the others")
    export.add_argument(
        "--format",
        choices=("savedmodel", "onnx", "litert"),
        default="savedmodel",
        help="default: savedmodel; onnx and litert need the extras of the same names",
    )
    export.set_defaults(run=_export)

    _add_serve(commands)

    demo = commands.add_parser("demo", help="two small searches on real data, under two minutes")
    demo.add_argument("--directory", help="folder to keep the files in; default: keep none")
    demo.set_defaults(run=_demo)
    return parser


def _add_serve(commands: Any) -> None:
    serve = commands.add_parser("serve", help="answer rows of JSON over HTTP")
    serve.add_argument("model", help=".keras file that `fit` wrote")
    serve.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1, this machine only")
    serve.add_argument("--port", type=int, default=8000, metavar="N", help="default: 8000")
    most = "most rows of one request; default: 1000"
    serve.add_argument("--rows", type=int, default=1000, metavar="N", help=most)
    most = "largest body of one request; default: 4"
    serve.add_argument("--megabytes", type=float, default=4.0, metavar="N", help=most)
    most = "longest time for one request; default: 10"
    serve.add_argument("--seconds", type=float, default=10.0, metavar="N", help=most)
    serve.set_defaults(run=_serve)


def _add_fit(commands: Any) -> None:
    fit = commands.add_parser("fit", help="search for a model of a table")
    fit.add_argument(
        "data",
        help="CSV or Parquet files of any size, one row an example: a file, a folder, a glob in "
        "quotes; or a folder with one folder of images, text files or recordings for each class",
    )
    fit.add_argument("--target", metavar="COLUMN", help="column to predict; for tables and series")
    fit.add_argument("--out", required=True, metavar="FILE", help=".keras file to write")
    fit.add_argument(
        "--task",
        choices=("auto", "classification", "regression", "forecasting"),
        default="auto",
        help="default: auto, by the values of the target",
    )
    fit.add_argument("--time", metavar="COLUMN", help="for forecasting: the column of times")
    fit.add_argument("--series", metavar="COLUMN", help="for forecasting: which series a row is of")
    fit.add_argument("--horizon", type=int, metavar="N", help="for forecasting: steps to forecast")
    fit.add_argument(
        "--budget", help="time for everything: 90, 10min, 1h30min; default: 5min, or see --trials"
    )
    fit.add_argument("--trials", type=int, metavar="N", help="most configurations to try")
    fit.add_argument("--objective", help="validation metric, such as val_auc or val_mae")
    fit.add_argument("--oracle", default="auto", help="search strategy; default: auto")
    fit.add_argument(
        "--memory",
        metavar="SIZE",
        help="memory to take, such as 4GB; default: most of what is free",
    )
    fit.add_argument("--seed", type=int, metavar="N", help="seed of everything random")
    fit.add_argument(
        "--directory", help="folder for the search; the same command continues it after a stop"
    )
    loudness = fit.add_mutually_exclusive_group()
    loudness.add_argument("--verbose", action="store_true", help="one line for every trial")
    loudness.add_argument("--quiet", action="store_true", help="print nothing but errors")
    fit.set_defaults(run=_fit)


def _fit(arguments: argparse.Namespace) -> None:
    check_file(arguments.out, (".keras",), "`--out`")
    kind = _check_data(arguments)
    _check_search(arguments, kind)
    say = (lambda *_: None) if arguments.quiet else _say
    if kind != "Tabular":
        estimator = _estimator(arguments, kind, "classification")
        estimator.fit(Path(arguments.data))
    else:
        table, task = _target_of(arguments, say)
        estimator = _estimator(arguments, kind, task)
        if task == "forecasting":
            estimator.fit(table.whole())
        else:
            estimator.fit(table, arguments.target)
    say("\n" + _leaderboard_of(estimator, full=False) + "\n")
    _save(estimator, arguments.out)
    new = "NEW.csv" if kind == "Tabular" else "NEW_FILES"
    say(f"Saved in '{arguments.out}'. Next: kerasnas predict {arguments.out} {new}")


def _check_data(arguments: argparse.Namespace) -> str:
    """Whether the arguments fit the data, found out by names alone; the modality."""
    kind = folder_kind(arguments.data) if Path(arguments.data).is_dir() else "Tabular"
    forecasting = arguments.task == "forecasting"
    wanted = {"--target": arguments.target}
    if forecasting:
        wanted |= {"--time": arguments.time, "--horizon": arguments.horizon}
    missing = [name for name, value in wanted.items() if value is None]
    if kind == "Tabular":
        if missing:
            raise SchemaError(f"`{missing[0]}` is missing. Add {missing[0]} and its value.")
    elif arguments.target is not None or arguments.task in ("regression", "forecasting"):
        raise SchemaError(
            f"'{arguments.data}' is a folder, whose folders are the classes: it takes neither "
            f"`--target` nor `--task {arguments.task}`. Leave them out, or name a table."
        )
    return kind


def _target_of(arguments: argparse.Namespace, say: Callable[[str], None]) -> tuple[Any, str]:
    """The table, and the task that its target says."""
    from kerasnas.data.names import did_you_mean, quoted
    from kerasnas.data.stored_tables import stored_table

    table, target = stored_table(arguments.data), arguments.target
    assert table is not None, "a path means files"
    columns = table.first().columns
    if target not in columns:
        raise SchemaError(
            f"`--target` names `{target}`, which '{arguments.data}' does not have"
            f"{did_you_mean(target, columns)}. Its columns are {quoted(columns)}."
        )
    if arguments.task != "auto":
        return table, arguments.task
    task, why = guess_task(table.draw(lambda _: _GUESSED_FROM, 0, [target]).frame[target])
    other = "regression" if task == "classification" else "classification"
    say(f"Task: {task}, as `{target}` {why}. (`--task {other}` for the other.)")
    return table, task


def _estimator(arguments: argparse.Namespace, kind: str, task: str) -> Any:
    """The estimator that the arguments of `fit` describe."""
    more = {}
    if task == "forecasting":
        more = {name: getattr(arguments, name) for name in ("horizon", "target", "time", "series")}
    elif kind == "Tabular":
        more = {"memory": arguments.memory}
    made: Any = class_named(kind, task)
    return made(
        budget=_budget(arguments.budget, arguments.trials),
        objective=arguments.objective,
        oracle=arguments.oracle,
        seed=arguments.seed,
        directory=arguments.directory,
        verbose=0 if arguments.quiet else 2 if arguments.verbose else "auto",
        **more,
    )


def _check_search(arguments: argparse.Namespace, kind: str) -> None:
    """Raises the error of a wrong argument now, before a large table is read for nothing."""
    auto = arguments.task == "auto" and kind == "Tabular"
    task = "classification" if kind != "Tabular" else arguments.task
    tasks = ("classification", "regression") if auto else (task,)
    complaints = []
    for task in tasks:
        try:
            _estimator(arguments, kind, task).check_arguments()
        except ObjectiveError as error:  # the other task may have this metric
            complaints.append(error)
    if len(complaints) == len(tasks):
        raise complaints[0]


def _predict(arguments: argparse.Namespace) -> None:
    if arguments.out is not None:
        check_table_path(arguments.out, "`--out`")
    result = answered(kerasnas.load(arguments.model), arguments.data, arguments.model)
    if arguments.escape_formulas:
        result = map(escaped, result)
    if arguments.out is None:
        write_csv(result, sys.stdout)
        return
    rows = write_tables(result, arguments.out, "`--out`")
    _say(f"{rows} rows with their answers in '{arguments.out}'.")


def _export(arguments: argparse.Namespace) -> None:
    from kerasnas.artifact.export import check_export

    check_export(arguments.out, arguments.format, "`out`")
    kerasnas.load(arguments.model).export(arguments.out, arguments.format)
    _say(f"'{arguments.out}' answers as '{arguments.model}' does.")


def _serve(arguments: argparse.Namespace) -> None:
    from kerasnas.server import Limits, serve

    limits = Limits(arguments.rows, arguments.megabytes, arguments.seconds)
    serve(arguments.model, host=arguments.host, port=arguments.port, limits=limits)


def _report(arguments: argparse.Namespace) -> None:
    from kerasnas.report import check_report_path, directory_facts, write_report

    check_report_path(arguments.out, "`--out`")
    if Path(arguments.model).is_dir():
        write_report(arguments.out, directory_facts(arguments.model), "`--out`")
    else:
        kerasnas.load(arguments.model).report(arguments.out)
    _say(f"The report on '{arguments.model}' is in '{arguments.out}'.")


def _leaderboard(arguments: argparse.Namespace) -> None:
    _say(_leaderboard_of(kerasnas.load(arguments.model), arguments.full))


def _leaderboard_of(estimator: Estimator, full: bool) -> str:
    from kerasnas.results.leaderboard import as_text

    objectives = () if full else estimator.fitted_.ranked_by
    return as_text(estimator.leaderboard(full=True), objectives)


def _demo(arguments: argparse.Namespace) -> None:
    from kerasnas.demo import demo

    if arguments.directory is not None:
        with fresh_folder(arguments.directory, "`--directory`") as fresh:
            demo(fresh)
        print(f"\nThe files are in '{arguments.directory}'.")
        return
    with tempfile.TemporaryDirectory(prefix="kerasnas-demo-") as folder:
        demo(Path(folder))
    print("\nNothing was kept. `kerasnas demo --directory demo_files` keeps the files.")


def guess_task(target: pd.Series) -> tuple[str, str]:
    """Tells labels from amounts.

    Args:
        target: The column to predict.

    Returns:
        `"classification"` or `"regression"`, and why, to follow the column's name in a sentence.
    """
    import pandas as pd

    present = target.dropna()
    distinct = present.nunique()
    if not pd.api.types.is_numeric_dtype(present) or pd.api.types.is_bool_dtype(present):
        return "classification", f"holds {distinct} labels that are not numbers"
    if (present % 1 != 0).any():
        return "regression", "holds numbers with decimals"
    if distinct > _MOST_CLASSES:
        return "regression", f"holds {distinct} different numbers"
    return "classification", f"holds only {distinct} different whole numbers"


def _budget(budget: str | None, trials: int | None) -> Any:
    """What `--budget` and `--trials` say together."""
    if trials is None:
        return _seconds(budget or "5min")
    seconds = None if budget is None else kerasnas.Budget.parse(_seconds(budget)).seconds
    return kerasnas.Budget(trials=trials, seconds=seconds)


def _seconds(text: str) -> str | float:
    """A bare number counts seconds, as in Python."""
    try:
        return float(text)
    except ValueError:
        return text


def _save(estimator: Estimator, path: str) -> None:
    """Saves what was searched for, beside `path` where that has become impossible meanwhile.

    Raises:
        ArtifactError: If the file is not at `path`; says where it is instead.
    """
    try:
        estimator.save(path)
    except ArtifactError as error:
        beside = _save_beside(estimator, Path(path))
        if beside is None:
            raise
        raise ArtifactError(
            f"{error} The model is saved in '{beside}' instead: nothing of the search is lost."
        ) from error


def _save_beside(estimator: Estimator, path: Path) -> Path | None:
    """Saves in the first folder that takes the file: that of `path`, this one, a temporary one."""
    for folder in (path.parent, Path.cwd(), Path(tempfile.gettempdir())):
        beside = folder / f"{path.stem}-{secrets.token_hex(4)}.keras"
        try:
            estimator.save(beside)
        except ArtifactError:
            continue
        return beside.resolve()
    return None


def _say(text: str) -> None:
    print(printable(text))


def _failed(message: str) -> int:
    """Says what went wrong in one line."""
    print(f"kerasnas: {printable(' '.join(message.split()))}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
