"""What was said, as numbers and back: the targets of speech recognition."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.errors import SchemaError

DECODERS = ("greedy", "beam", "vocabulary")
_MOST_WORDS = 5_000  # that a file keeps
_SHOWN = 5


@dataclass(frozen=True)
class Transcripts:
    """Texts as sequences of characters; 0 is the blank of CTC.

    Attributes:
        characters: The characters, sorted; the first one has the number 1.
        words: The words of the training texts, most frequent first; empty where there are too many.
        decoder: How texts are read from probabilities, unless `predict` is told otherwise.
    """

    characters: tuple[str, ...]
    words: tuple[str, ...] = ()
    decoder: str = "greedy"

    @property
    def classes_(self) -> np.ndarray:
        """The characters."""
        return np.array(self.characters, dtype=object)

    @property
    def alphabet(self) -> tuple[str, ...]:
        """Characters by number; the blank is empty."""
        return ("", *self.characters)

    def encode(self, y: Any) -> np.ndarray:
        """Numbers of characters, int32 `(rows, longest)`, 0 behind the end.

        Raises:
            SchemaError: If there are characters that `fit` did not see.
        """
        texts = read_texts(y)
        number = {c: i + 1 for i, c in enumerate(self.characters)}
        unknown = sorted({c for text in texts for c in text if c not in number})
        if unknown:
            raise SchemaError(f"`y` holds characters that fit did not see: {unknown[:_SHOWN]}.")
        longest = max((len(text) for text in texts), default=1)
        codes = np.zeros((len(texts), max(longest, 1)), "int32")
        for row, text in zip(codes, texts, strict=True):
            row[: len(text)] = [number[c] for c in text]
        return codes

    def decode(self, codes: Iterable[int]) -> str:
        """The text of a sequence of numbers, blanks left out."""
        return "".join(self.alphabet[int(i)] for i in codes)

    def with_words(self, texts: Iterable[str]) -> Transcripts:
        """The same with the words of these texts."""
        words = Counter(word for text in texts for word in text.split())
        kept = tuple(word for word, _ in words.most_common()) if len(words) <= _MOST_WORDS else ()
        return replace(self, words=kept)

    def to_json(self) -> dict[str, Any]:
        """All attributes."""
        return {
            "characters": list(self.characters),
            "words": list(self.words),
            "decoder": self.decoder,
        }

    @classmethod
    def from_json(cls, content: Any) -> Transcripts:
        """What `to_json` wrote.

        Raises:
            SchemaError: `content` is anything else.
        """
        if not isinstance(content, Mapping) or set(content) != {"characters", "words", "decoder"}:
            raise SchemaError("Transcripts must be a dict of characters, words and decoder.")
        for name in ("characters", "words"):
            values = content[name]
            if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
                raise SchemaError(f"The {name} of transcripts must be a list of strings.")
        if content["decoder"] not in DECODERS or not content["characters"]:
            raise SchemaError(f"These do not describe transcripts: {dict(content)!r}.")
        return cls(tuple(content["characters"]), tuple(content["words"]), content["decoder"])


def fit_transcripts(y: Any) -> Transcripts:
    """Learns the characters.

    Raises:
        SchemaError: If `y` holds no texts.
    """
    texts = read_texts(y)
    characters = sorted({c for text in texts for c in text})
    if not characters:
        raise SchemaError("`y` holds only empty texts; there is nothing to learn.")
    return Transcripts(tuple(characters))


def read_texts(y: Any) -> list[str]:
    """Texts in one Unicode form (NFC), with single spaces inside and none around.

    Raises:
        SchemaError: If something is missing or no string.
    """
    if y is None or isinstance(y, str):
        raise SchemaError(f"`y` is {type(y).__name__}, expected one text for every sound.")
    values = y.tolist() if isinstance(y, pd.Series | np.ndarray) else list(y)
    bad = [row for row, value in enumerate(values) if not isinstance(value, str)]
    if bad:
        raise SchemaError(
            f"`y` has {len(bad)} values that are no texts (first: {values[bad[0]]!r} in row "
            f"{bad[0]}), expected strings. Drop those rows, or correct them."
        )
    return [" ".join(unicodedata.normalize("NFC", text).split()) for text in values]
