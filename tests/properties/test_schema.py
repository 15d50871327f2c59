"""Any schema comes back from JSON."""

import json

from hypothesis import given
from hypothesis import strategies as st

from kerasnas.data import KINDS, Column, Schema

columns = st.builds(
    Column,
    name=st.text(max_size=12),
    kind=st.sampled_from(KINDS),
    dtype=st.text(max_size=12),
    reason=st.text(max_size=30),
    dropped=st.none() | st.text(max_size=20),
)


schemas = st.builds(
    Schema,
    columns=st.lists(columns, max_size=6, unique_by=lambda column: column.name).map(tuple),
    named=st.booleans(),
)


@given(schemas)
def test_json_round_trip_is_exact(schema):
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
