"""Any labels come back from JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasnas.data import (
    ClassTarget,
    fit_class_target,
)

labels = (
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, unique=True)
    | st.lists(st.text(max_size=5), min_size=2, unique=True)
    | st.lists(st.integers(-1000, 1000).map(float), min_size=2, unique=True)
)


@pytest.mark.filterwarnings("ignore:`y` has labels that differ in blanks:UserWarning")
@given(labels)
def test_json_round_trip(y):
    target = fit_class_target(y)
    again = ClassTarget.from_json(json.loads(json.dumps(target.to_json())))
    assert again == target
    assert again.decode(again.encode(y)).tolist() == y
