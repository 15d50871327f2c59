"""Any texts give an alphabet that Keras takes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from kerasnas.preprocessing.texts.alphabet import (
    fit_alphabet,
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(), max_size=5))
def test_any_text_gives_a_vocabulary_that_keras_takes(texts):
    texts = [t.encode("utf-8", "replace").decode("utf-8") for t in texts]
    alphabet = fit_alphabet(texts)
    assert len(set(alphabet.characters)) == len(alphabet.characters) >= 1
    assert all(len(char) == 1 and char != "\0" for char in alphabet.characters)
    assert len(alphabet.table) == len(alphabet.characters) + 2
    assert abs(alphabet.table).max() < 2**24  # exact in float32
