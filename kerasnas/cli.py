"""The command line, a thin front to the estimators.

Nothing heavy is imported before a command needs it, so that `kerasnas --help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import kerasnas
from kerasnas.errors import KerasNASError
from kerasnas.files import fresh_folder
from kerasnas.fit_command import leaderboard_of, print_line, run_fit
from kerasnas.quiet import import_tensorflow
from kerasnas.serving import answered, escaped, printable
from kerasnas.table_files import check_table_path, write_csv, write_tables


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
    fit.set_defaults(run=run_fit)


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
    print_line(f"{rows} rows with their answers in '{arguments.out}'.")


def _export(arguments: argparse.Namespace) -> None:
    from kerasnas.artifact.export import check_export

    check_export(arguments.out, arguments.format, "`out`")
    kerasnas.load(arguments.model).export(arguments.out, arguments.format)
    print_line(f"'{arguments.out}' answers as '{arguments.model}' does.")


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
    print_line(f"The report on '{arguments.model}' is in '{arguments.out}'.")


def _leaderboard(arguments: argparse.Namespace) -> None:
    print_line(leaderboard_of(kerasnas.load(arguments.model), arguments.full))


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


def _failed(message: str) -> int:
    """Says what went wrong in one line."""
    print(f"kerasnas: {printable(' '.join(message.split()))}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
