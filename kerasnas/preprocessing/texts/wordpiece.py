"""The rules by which WordPiece cuts texts, as tables that a graph of built-in layers can look up.

What KerasHub's `WordPieceTokenizer` does step by step with strings: letters are decomposed and
their accents dropped, words are cut at spaces, punctuation and Chinese characters, and case is
folded. All of it is a matter of single characters, so it becomes one table: what each character
turns into, and whether that is inside a word, between words, or a word of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby

import numpy as np

NOTHING, UNKNOWN, BLANK = range(3)
"""Numbers of the first symbols: none at all, a letter of no piece, and a space."""

INSIDE, ALONE, FURTHER, BETWEEN = range(4)
"""Kinds of symbols: of a word; the first of a word of its own; more of such a word; a space."""

GROWTH = 16  # symbols that a text may have more than characters without being a longer one
CODE_BITS = 20  # of each of the two numbers that stand for a symbol: exact in float32
_MOST = 8  # symbols that one character may turn into
_USUAL = 4  # symbols of one character that are always looked for, where characters may turn
KEY = 0x2545F4914F6CDD1D  # odd; 64-bit arithmetic wraps around
BASE = 0x1E3779B97F4A7C15
DROPPED = 8  # low bits of a product, which depend on few bits of the code
_CHINESE = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)
_ASCII_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
# Left out by NFKC_Casefold, besides format characters, which part words here.
_IGNORABLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
_IGNORABLE_SPANS = ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0000, 0xE0FFF))


@dataclass(frozen=True)
class WordPiece:
    """A vocabulary of pieces of words, and how texts are brought into its form.

    Attributes:
        vocabulary: All pieces; the place of one is its number.
        lowercase: Whether case is folded.
        strip_accents: Whether letters lose their accents.
        split_on_cjk: Whether Chinese characters are words.
        suffix: What a piece begins with that is not the first of its word.
        unknown: The piece for a word that no pieces make up.
        start: The piece in front of every text.
        end: The piece behind every text.
        pad: The piece for what is left.
        longest: Bytes of a word, above which it is unknown.
    """

    vocabulary: tuple[str, ...]
    lowercase: bool = True
    strip_accents: bool = False
    split_on_cjk: bool = True
    suffix: str = "##"
    unknown: str = "[UNK]"
    start: str = "[CLS]"
    end: str = "[SEP]"
    pad: str = "[PAD]"
    longest: int = 100

    def number(self, piece: str) -> int:
        """The number of a piece."""
        return self.vocabulary.index(piece)

    def symbols(self, char: str) -> tuple[tuple[str, int], ...]:
        """What a character turns into: symbols and their kinds."""
        return _symbols(char, self.lowercase, self.strip_accents, self.split_on_cjk)


@dataclass(frozen=True, eq=False)
class Symbols:
    """What a graph has to look up.

    Attributes:
        characters: One string a character, for `keras.layers.TextVectorization`.
        turned: float32 `(characters + 2, most)`, numbers of symbols; row 0 is padding, row 1 any
            other character.
        table: float32 `(symbols, 4)`: two halves of the code, the kind, and the bytes of a symbol.
        grows: Whether texts may turn into many more symbols than they have characters.
        keys: int64, the key of each piece that can be found, first pieces and further ones.
        pieces: The number of each of them.
        widest: Symbols of the longest piece.
    """

    characters: list[str]
    turned: np.ndarray
    table: np.ndarray
    grows: bool
    keys: np.ndarray
    pieces: np.ndarray
    widest: int


def fit_symbols(rules: WordPiece, texts: Iterable[str]) -> Symbols:
    """The tables for a vocabulary and for texts like these.

    Args:
        rules: The vocabulary and its form.
        texts: Training texts, of which no character remains unknown.
    """
    # NumPy's strings, through which Keras takes a vocabulary, drop NUL characters.
    known = {c for piece in rules.vocabulary for c in piece} - {"\0"}
    seen: set[str] = set()
    longer = 0
    for text in texts:
        seen.update(text)
        longer = max(longer, sum(len(rules.symbols(c)) for c in text) - len(text))
    seen.discard("\0")
    turns = rules.lowercase or rules.strip_accents
    most = max([_USUAL if turns else 1, *(len(rules.symbols(c)) for c in seen)])
    most = min(most, _MOST)
    numbers: dict[tuple[str, int], int] = {}
    rows: dict[str, list[int]] = {}
    for char in [*sorted(seen), *_candidates(known, turns)]:
        if char not in rows:
            found = rules.symbols(char)
            if len(found) <= most and (char in seen or _matters(found, known)):
                rows[char] = [_number(s, numbers, known) for s in found]
    turned = np.zeros((len(rows) + 2, most), "float32")
    turned[0, 0], turned[1, 0] = BLANK, UNKNOWN
    for i, row in enumerate(rows.values()):
        turned[i + 2, : len(row)] = row
    table = [[0.0, 0.0, BETWEEN, 0.0], [*_halves("\0"), INSIDE, 4.0], [0.0, 0.0, BETWEEN, 0.0]]
    table += [[*_halves(c), float(kind), float(len(c.encode()))] for c, kind in numbers]
    keys, pieces, widest = _piece_keys(rules)
    return Symbols(
        characters=list(rows) or [" "],
        turned=turned if rows else np.concatenate([turned, turned[:1]]),
        table=np.array(table, "float32"),
        grows=longer > GROWTH,
        keys=keys,
        pieces=pieces,
        widest=widest,
    )


def count_pieces(rules: WordPiece, texts: Iterable[str]) -> list[int]:
    """How many pieces texts have, without those in front and behind; quick for a few hundred."""
    known = set(rules.vocabulary)
    counted: dict[str, int] = {}
    counts = []
    for text in texts:
        total = 0
        for word in _words(rules, text):
            if word not in counted:
                counted[word] = _count(rules, known, word)
            total += counted[word]
        counts.append(total)
    return counts


def _words(rules: WordPiece, text: str) -> list[str]:
    words, before = [""], BETWEEN
    for char in text:
        for symbol, kind in rules.symbols(char):
            if kind == ALONE or (kind == INSIDE and before != INSIDE):
                words.append("")
            if kind != BETWEEN:
                words[-1] += symbol
            before = kind
    return words[1:]


def _count(rules: WordPiece, known: set[str], word: str) -> int:
    count, begin = 0, 0
    while begin < len(word):
        prefix = rules.suffix if begin else ""
        ends = range(len(word), begin, -1)
        end = next((e for e in ends if prefix + word[begin:e] in known), None)
        if end is None or len(word.encode()) > rules.longest:
            return 1
        count, begin = count + 1, end
    return count


def piece_key(codes: Iterable[int], first: bool) -> int:
    """The key of a run of symbols, in 64-bit arithmetic as the graph does it.

    Args:
        codes: Codes of the symbols.
        first: Whether the run begins a word.
    """
    total, place, size = 0, 1, 0
    for code in codes:
        total, place, size = (total + code * place) % 2**64, place * BASE % 2**64, size + 1
    mixed = _signed((total + salt(size, first)) * KEY % 2**64)
    return mixed >> DROPPED


def salt(size: int, first: bool) -> int:
    """What tells runs of one length and place from others."""
    return 2 * size + (1 if first else 0) + 0x1000


def code_of(symbol: str) -> int:
    """The number that stands for a symbol."""
    high, low = _halves(symbol)
    return int(high) * 2**CODE_BITS + int(low)


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number


def _halves(symbol: str) -> tuple[float, float]:
    digest = int.from_bytes(blake2b(symbol.encode(), digest_size=5).digest(), "big")
    return float(digest >> CODE_BITS), float(digest % 2**CODE_BITS)


def _piece_keys(rules: WordPiece) -> tuple[np.ndarray, np.ndarray, int]:
    keys: dict[int, int] = {}
    widest = 1
    for number, piece in enumerate(rules.vocabulary):
        first = not piece.startswith(rules.suffix) or piece == rules.suffix
        body = piece if first else piece[len(rules.suffix) :]
        if body:
            keys.setdefault(piece_key(map(code_of, body), first), number)
            # Longer ones, if any, no word of a text comes to.
            widest = max(widest, min(len(body), rules.longest))
    return np.array(list(keys), np.int64), np.array(list(keys.values()), np.int64), widest


def _number(symbol: tuple[str, int], numbers: dict[tuple[str, int], int], known: set[str]) -> int:
    char, kind = symbol
    if kind == BETWEEN:
        return BLANK
    if char not in known:
        # Its word is unknown, whatever it is.
        if kind == INSIDE:
            return UNKNOWN
        symbol = ("\0", kind)
    return numbers.setdefault(symbol, BLANK + 1 + len(numbers))


def _matters(symbols: tuple[tuple[str, int], ...], known: set[str]) -> bool:
    """Whether a character is to be told from one of which nothing is known."""
    return all(kind != INSIDE or char in known for char, kind in symbols)


def _candidates(known: set[str], turns: bool) -> list[str]:
    """Characters that the vocabulary may have something to do with, besides those seen."""
    spans = [(0x01, 0x3100), (0x4E00, 0xAC00), (0xFB00, 0x10000), (0x10000, 0x10500)]
    if turns and any(0x1100 <= ord(c) <= 0x11FF or 0xAC00 <= ord(c) <= 0xD7A3 for c in known):
        spans.append((0xAC00, 0xD7A4))  # Korean syllables
    if turns:
        spans += [(0x3100, 0x3400), (0x1D400, 0x1D800)]
    chars = (chr(p) for low, high in spans for p in range(low, high))
    return [*sorted(known), *(c for c in chars if unicodedata.category(c) not in ("Cn", "Cs"))]


@lru_cache(maxsize=200_000)
def _symbols(
    char: str, lowercase: bool, strip_accents: bool, split_on_cjk: bool
) -> tuple[tuple[str, int], ...]:
    point = ord(char)
    if split_on_cjk and 0x4E00 <= point <= 0x9FFF:
        return ((char, ALONE),)  # nothing to fold, and there are many of them
    chinese = split_on_cjk and any(low <= point <= high for low, high in _CHINESE)
    parts = char
    if strip_accents:
        decomposed = unicodedata.normalize("NFD", char)
        parts = "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
    found: list[tuple[str, int]] = []
    for kind, run in groupby(parts, key=lambda part: _kind(part, chinese)):
        if kind == INSIDE:
            found.extend(_folded("".join(run), kind, lowercase))
        elif kind == ALONE:
            for part in run:
                found.extend(_folded(part, kind, lowercase))
        else:
            found.append((" ", BETWEEN))
    return tuple(found)


def _kind(char: str, chinese: bool) -> int:
    category = unicodedata.category(char)
    if category in ("Cc", "Cf", "Zs", "Zl", "Zp"):
        return BETWEEN
    if chinese or category[0] == "P" or _ASCII_PUNCTUATION.match(char):
        return ALONE
    return INSIDE


def _folded(chars: str, kind: int, lowercase: bool) -> tuple[tuple[str, int], ...]:
    """Symbols with their case folded, as NFKC_Casefold does it."""
    form = chars
    if lowercase:
        form = unicodedata.normalize("NFKC", chars).casefold()
        form = unicodedata.normalize("NFKC", form)
        form = "".join(c for c in form if not _ignorable(c))
    further = FURTHER if kind == ALONE else kind
    return tuple((c, kind if i == 0 else further) for i, c in enumerate(form))


def _ignorable(char: str) -> bool:
    point = ord(char)
    return (
        char in _IGNORABLE
        or unicodedata.category(char) == "Cf"
        or any(low <= point <= high for low, high in _IGNORABLE_SPANS)
    )
