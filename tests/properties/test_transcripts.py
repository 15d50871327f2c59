"""Any texts come back from their codes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from kerasnas.data.transcripts import Transcripts, fit_transcripts, read_texts


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20), min_size=1))
def test_encode_and_decode_are_inverse(texts):
    texts = [*texts, "x"]
    target = fit_transcripts(texts)
    codes = target.encode(texts)
    assert [target.decode(row) for row in codes] == read_texts(texts)
    assert Transcripts.from_json(target.to_json()) == target
