"""Reading texts from probabilities: greedy, beams, vocabulary; and counting what is wrong."""

import numpy as np
import pytest

from kerasnas.problem.decoding import WordPrefixes, beam, edits, error_rates, greedy
from kerasnas.problem.transcripts import TranscriptScorer


def logs(rows):
    return np.log(np.array(rows, "float64"))


def test_greedy_drops_blanks_and_repetitions_but_keeps_doubled_letters():
    path = [0, 1, 1, 0, 1, 2, 2, 0]
    answers = np.full((1, len(path), 3), -10.0)
    answers[0, np.arange(len(path)), path] = 0.0
    assert greedy(answers) == [[1, 1, 2]]


def test_the_best_text_is_not_always_that_of_the_best_path():
    # The classical example: every frame prefers the blank, all paths of "a" together win.
    frames = logs([[0.6, 0.4], [0.6, 0.4]])
    assert greedy(frames[None])[0] == []
    assert beam(frames) == [1]


def test_a_vocabulary_spells_only_its_words():
    # Numbers: 1 a, 2 b, 3 space. The frames say "ab b", the words are "aa" and "b".
    path = [1, 2, 3, 2]
    frames = np.full((4, 4), np.log(0.05))
    frames[np.arange(4), path] = np.log(0.85)
    free = beam(frames)
    assert free == [1, 2, 3, 2]
    words = WordPrefixes([[1, 1], [2]], space=3)
    text = beam(frames, width=50, words=words)
    assert all(tuple(w) in {(1, 1), (2,)} for w in _split(text, 3))


def _split(codes, space):
    parts = [[]]
    for code in codes:
        if code == space:
            parts.append([])
        else:
            parts[-1].append(code)
    return [part for part in parts if part]


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [("", "", 0), ("kitten", "sitting", 3), ("abc", "", 3), ("", "ab", 2), ("ab", "ba", 2)],
)
def test_edits(one, other, count):
    assert edits(one, other) == edits(other, one) == count


def test_error_rates_count_words_characters_and_texts():
    rates = error_rates(["one two", "three"], ["one too", "three"])
    assert rates["wer"] == pytest.approx(1 / 3)
    assert rates["cer"] == pytest.approx(1 / 12)
    assert rates["text_accuracy"] == 0.5
    assert error_rates(["a", "b"], ["a", "x"], [1.0, 0.0])["wer"] == 0.0
    assert error_rates(["a"], ["a b c"])["wer"] == 2.0


def test_scorer_reads_greedily():
    answers = np.full((2, 3, 3), -10.0)
    answers[0, [0, 1, 2], [1, 0, 2]] = 0.0
    answers[1, [0, 1, 2], [1, 1, 0]] = 0.0
    scorer = TranscriptScorer(np.array([[1, 2], [2, 0]]), 2, None, alphabet=("", "a", "b"))
    scores = scorer.validation(answers)
    assert scores == {"val_wer": 0.5, "val_cer": pytest.approx(1 / 3), "val_text_accuracy": 0.5}
    assert scorer.some(["wer"], answers) == {"wer": 0.5}
    assert np.isnan(scorer(np.full((2, 3, 3), np.nan))["wer"])
