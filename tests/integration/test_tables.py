"""Real tables are read as a person would read them."""

import numpy as np
import pandas as pd
import pytest

from kerasnas.data import infer_schema, ingest, split_target, to_frame

TARGETS = {
    "abalone": "rings",
    "adult": "income",
    "ames_housing": "SalePrice",
    "bike_sharing_hour": "count",
    "california_housing": "median_house_value",
    "german_credit": "credit_risk",
    "splice": "class",
    "telco_churn": "Churn",
    "titanic": "Survived",
}


@pytest.fixture
def table(data_dir):
    def read(name):
        path = data_dir / "tabular" / f"{name}.parquet"
        if not path.exists():
            pytest.skip(f"there is no {path.name}")
        return pd.read_parquet(path)

    return read


@pytest.mark.parametrize("name", TARGETS)
def test_every_column_is_used_but_counters(table, name):
    x, _ = split_target(table(name), TARGETS[name])
    frame, named = to_frame(x)
    schema = infer_schema(frame, named=named)
    dropped = {column.name for column in schema.columns if column.dropped}
    assert dropped == ({"PassengerId"} if name == "titanic" else set())
    arrays = ingest(frame, schema)
    for column in schema.used:
        gone = frame[column.name].isna().to_numpy()
        array = arrays[column.name]
        assert np.array_equal(np.isnan(array) if array.dtype == np.float32 else array == "", gone)


def test_kinds_of_titanic(table):
    schema = infer_schema(table("titanic"))
    assert {column.name: column.kind for column in schema.columns} == {
        "PassengerId": "numeric",
        "Survived": "numeric",
        "Pclass": "numeric",
        "Name": "text",
        "Sex": "categorical",
        "Age": "numeric",
        "SibSp": "numeric",
        "Parch": "numeric",
        "Ticket": "categorical",
        "Fare": "numeric",
        "Cabin": "categorical",
        "Embarked": "categorical",
    }


@pytest.mark.parametrize("rows", [20, 60, 300])
def test_parts_of_titanic_are_read_alike(table, rows):
    part = table("titanic").sample(rows, random_state=0)
    kinds = {column.name: column.kind for column in infer_schema(part).columns}
    assert kinds["Name"] == "text"
    assert kinds["Sex"] == kinds["Embarked"] == "categorical"
