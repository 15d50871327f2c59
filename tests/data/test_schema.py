"""A schema is a frozen value with an exact JSON round trip."""

import dataclasses

import pytest

from kerasnas.data import Column, Schema
from kerasnas.errors import SchemaError


def small() -> Schema:
    return Schema(
        (
            Column("age", "numeric", "float64", "Holds numbers."),
            Column("id", "numeric", "int64", "Holds numbers.", "id-like"),
        )
    )


def test_used_names_and_lookup():
    schema = small()
    assert schema.names == ("age", "id")
    assert [column.name for column in schema.used] == ["age"]
    assert schema["id"].dropped == "id-like"
    assert "age" in schema and "size" not in schema and len(schema) == 2
    with pytest.raises(KeyError, match="did you mean `age`"):
        schema["Agee"]


def test_explain_is_one_row_a_column():
    table = small().explain()
    assert list(table.columns) == ["name", "kind", "dtype", "used", "reason"]
    assert table["used"].tolist() == [True, False]
    assert table["reason"].tolist() == ["Holds numbers.", "Not used: id-like."]


def test_is_frozen_and_hashable():
    schema = small()
    assert hash(schema) == hash(small())
    with pytest.raises(dataclasses.FrozenInstanceError):
        schema.named = False


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: [c], "A schema must be a dict, got list"),
        (lambda c: {**c, "more": 1}, "exactly the keys"),
        (lambda c: {"named": True}, "exactly the keys"),
        (lambda c: {**c, "named": 1}, "`named` must be True or False, got 1"),
        (lambda c: {**c, "columns": "age"}, "`columns` must be a list, got str"),
        (lambda c: {**c, "columns": [3]}, "column must be a dict, got int"),
        (lambda c: {**c, "columns": [{"name": "a"}]}, "exactly the keys"),
        (lambda c: {**c, "columns": c["columns"] * 2}, "names `age` and `id` more than once"),
        (lambda c: with_first(c, kind="numerics"), "'numerics' .did you mean `numeric`"),
        (lambda c: with_first(c, kind=["numeric"]), "expected one of numeric, boolean"),
        (lambda c: with_first(c, name=3), "`name` must be a string, got 3"),
        (lambda c: with_first(c, dropped=False), "`dropped` must be a string or None"),
    ],
)
def test_wrong_content_is_refused(change, message):
    with pytest.raises(SchemaError, match=message):
        Schema.from_json(change(small().to_json()))


def with_first(content, **changes):
    first, *rest = content["columns"]
    return {**content, "columns": [{**first, **changes}, *rest]}


def test_columns_must_be_columns():
    with pytest.raises(SchemaError, match="must hold Column values"):
        Schema(({"name": "a"},))
