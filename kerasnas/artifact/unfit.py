"""Why a file is not opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kerasnas.errors import ArtifactError


class Unfit(ValueError):
    """A file that is not opened; the text goes on where the name of the file ends."""


@contextmanager
def about(path: str | Path) -> Iterator[None]:
    """Inside, an `Unfit` becomes an `ArtifactError` that names the file."""
    try:
        yield
    except Unfit as error:
        raise ArtifactError(f"'{path}' {error}") from error
