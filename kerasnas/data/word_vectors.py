"""Pretrained word vectors from a local file in the text form of GloVe, word2vec and fastText."""

from __future__ import annotations

import gzip
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasnas.errors import SchemaError

_FREQUENT = 20_000  # first words of a file, which are the most frequent ones; kept in any case


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words and their vectors.

    Attributes:
        words: The words, most frequent first.
        matrix: float32 `(words, width)`.
    """

    words: list[str]
    matrix: np.ndarray


def read_word_vectors(path: str | Path, wanted: Set[str]) -> WordVectors:
    """Reads what is wanted of a file of word vectors.

    Args:
        path: A text file, may be `.gz`: a word and its numbers a line, with or without a first line
            that tells how many there are.
        wanted: Words in small letters; the first words of the file are kept besides.

    Raises:
        SchemaError: If there is no such file, or it has another form.
    """
    path = Path(path)
    if not path.is_file():
        raise SchemaError(
            f"`word_vectors`: there is no file '{path}'. Nothing is downloaded: fetch vectors such "
            "as GloVe or fastText yourself and pass the path of the `.txt`, `.vec` or `.gz` file."
        )
    words: list[str] = []
    rows: list[np.ndarray] = []
    width = 0
    unpacked = gzip.open if path.suffix == ".gz" else open
    try:
        with unpacked(path, "rt", encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file):
                parts = line.rstrip("\n").rstrip(" ").split(" ")
                if number == 0 and len(parts) == 2 and all(p.isdigit() for p in parts):
                    continue
                width = width or len(parts) - 1
                word = " ".join(parts[: len(parts) - width])
                if number > _FREQUENT and word.casefold() not in wanted:
                    continue
                if len(parts) <= width or width < 1:
                    raise ValueError(f"line {number + 1} has {len(parts) - 1} numbers")
                rows.append(np.array(parts[-width:], dtype="float32"))
                words.append(word)
    except (ValueError, OSError, EOFError) as error:
        raise SchemaError(
            f"`word_vectors`: '{path}' cannot be read as word vectors ({error}). Expected lines of "
            "a word and its numbers, apart by spaces, all of one length."
        ) from error
    if not words or not np.isfinite(np.array(rows)).all():
        raise SchemaError(
            f"`word_vectors`: '{path}' holds no vectors, or numbers that are not finite."
        )
    return WordVectors(words, np.array(rows))
