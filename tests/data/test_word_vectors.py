import gzip

import numpy as np
import pytest

from kerasnas.data.word_vectors import read_word_vectors
from kerasnas.errors import SchemaError


def test_glove_and_fasttext_files(tmp_path):
    glove, fasttext = tmp_path / "glove.txt", tmp_path / "vectors.vec.gz"
    glove.write_text("the 1 2 3\ncaf\u00e9 -1 0.5 2e-1\n", encoding="utf-8")
    with gzip.open(fasttext, "wt", encoding="utf-8") as file:
        file.write("2 3\nthe 1 2 3 \ncaf\u00e9 -1 0.5 0.2 \n")
    for path in (glove, fasttext):
        found = read_word_vectors(path, {"the"})
        assert found.words == ["the", "caf\u00e9"]
        assert np.allclose(found.matrix, [[1, 2, 3], [-1, 0.5, 0.2]])


def test_rare_words_that_nobody_wants_are_left_out(tmp_path):
    path = tmp_path / "many.txt"
    path.write_text("".join(f"w{i} {i} 1\n" for i in range(20_010)) + "Wanted 5 6\n")
    found = read_word_vectors(path, {"wanted"})
    assert len(found.words) < 20_010
    assert found.words[-1] == "Wanted"


@pytest.mark.parametrize("content", ["", "word\n", "a 1 2\nb 1 x\n", "a 1 nan\n"])
def test_what_is_no_file_of_vectors_is_told(tmp_path, content):
    path = tmp_path / "bad.txt"
    path.write_text(content)
    with pytest.raises(SchemaError, match="word_vectors"):
        read_word_vectors(path, set())


def test_a_missing_file_says_that_nothing_is_downloaded(tmp_path):
    with pytest.raises(SchemaError, match="Nothing is downloaded"):
        read_word_vectors(tmp_path / "none.txt", set())
