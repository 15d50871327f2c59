"""The command `kerasnas fit`: its arguments and data checked by names, the search, the file."""

from __future__ import annotations

import argparse
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kerasnas
from kerasnas.errors import ArtifactError, ObjectiveError, SchemaError
from kerasnas.files import check_file
from kerasnas.serving import class_named, folder_kind, printable

if TYPE_CHECKING:
    import pandas as pd

    from kerasnas.estimators.estimator import Estimator

_GUESSED_FROM = 10**6  # rows that tell labels from amounts
_MOST_CLASSES = 20  # a target of whole numbers with more distinct values is taken for an amount


def run_fit(arguments: argparse.Namespace) -> None:
    """Runs the command `fit`."""
    check_file(arguments.out, (".keras",), "`--out`")
    kind = _check_data(arguments)
    _check_search(arguments, kind)
    say = (lambda *_: None) if arguments.quiet else print_line
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
    say("\n" + leaderboard_of(estimator, full=False) + "\n")
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


def leaderboard_of(estimator: Estimator, full: bool) -> str:
    """The leaderboard as people read it, or with all columns."""
    from kerasnas.results.leaderboard import as_text

    objectives = () if full else estimator.fitted_.ranked_by
    return as_text(estimator.leaderboard(full=True), objectives)


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


def print_line(text: str) -> None:
    """Prints a text that may hold names of the user's files and columns."""
    print(printable(text))
