"""Folders of files: the one reader of them for images, texts and sounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.errors import SchemaError

_LEFT_BY_SYSTEMS = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information")


def files_in(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """The files of a folder and of those in it that have one of the endings, by their names.

    Hidden files and folders do not count, nor what systems and notebooks leave beside the data:
    `.ipynb_checkpoints`, `__MACOSX`, `._1.png`.

    Args:
        folder: The folder.
        suffixes: Endings in lower case, such as `.png`.
    """
    found = (p for p in folder.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
    return sorted(p for p in found if not any(map(_is_left, p.relative_to(folder).parts)))


def named_files(folder: Path, suffixes: Sequence[str], noun: str) -> list[Path]:
    """As `files_in`, of which there must be some.

    Args:
        folder: The folder.
        suffixes: Endings of the files.
        noun: What the files are, such as "images".

    Raises:
        SchemaError: If there is no such folder, or no such file in it.
    """
    if not folder.is_dir():
        raise SchemaError(f"There is no file or folder '{folder}'.")
    found = files_in(folder, suffixes)
    if not found:
        raise SchemaError(
            f"'{folder}' has no {noun}; looked for files that end in {', '.join(suffixes)}."
        )
    return found


def files_by_class(
    folder: Path, suffixes: Sequence[str], noun: str, example: str
) -> tuple[list[Path], np.ndarray]:
    """The files of a folder that holds one folder a class.

    Args:
        folder: The folder.
        suffixes: Endings of the files.
        noun: What the files are, such as "images".
        example: Two files of two classes, such as "cats/1.jpg and dogs/2.jpg".

    Returns:
        The files in the order of their names, and the name of its folder for each.

    Raises:
        SchemaError: If there are no two folders with files.
    """
    if not folder.is_dir():
        raise SchemaError(f"There is no folder '{folder}'.")
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not _is_left(p.name))
    files = {name: files_in(folder / name, suffixes) for name in names}
    files = {name: found for name, found in files.items() if found}
    if len(files) < 2:
        raise SchemaError(
            f"'{folder}' has {len(files)} folders with {noun}, expected one folder for each of at "
            f"least two classes, such as {example}. For other targets pass `y`."
        )
    labels = [name for name, found in files.items() for _ in found]
    return [path for found in files.values() for path in found], np.array(labels, dtype=object)


def path_column(frame: pd.DataFrame, holds: Callable[[pd.Series], bool], noun: str) -> Any:
    """The only column of a table that holds files.

    Args:
        frame: The table.
        holds: Whether a column holds such files.
        noun: What such a column holds, such as "paths of images".

    Raises:
        SchemaError: If there is none, or more than one.
    """
    found = [name for name in frame.columns if holds(frame[name])]
    if len(found) == 1:
        return found[0]
    raise SchemaError(
        f"`x` has {len(found)} columns that hold {noun}"
        + (f": {found}" if found else "")
        + f', expected one. Pass the column itself, such as x["{(found or ["path"])[0]}"].'
    )


def _is_left(name: str) -> bool:
    return name.startswith(".") or name in _LEFT_BY_SYSTEMS
