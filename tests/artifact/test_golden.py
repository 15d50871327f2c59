"""A file of an earlier state loads for ever, and no damage to it changes an answer unseen."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.errors import ArtifactError

GOLDEN = Path(__file__).parents[1] / "golden"
MUTATIONS = 300


def module_of(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mutations = module_of(GOLDEN / "mutations.py")


@pytest.fixture(scope="module")
def golden():
    """The content of the file, raw rows, and its answers to them."""
    content = json.loads((GOLDEN / "tabular_classifier.json").read_text(encoding="utf-8"))
    rows = pd.DataFrame(content["rows"])
    rows["when"] = pd.to_datetime(rows["when"])
    return (GOLDEN / "tabular_classifier.keras").read_bytes(), rows, content


def test_the_golden_file_answers_as_it_did(golden):
    _, rows, wanted = golden
    clf = kn.load(GOLDEN / "tabular_classifier.keras")
    assert clf.classes_.tolist() == wanted["classes"]
    assert clf.predict(rows).tolist() == wanted["predict"]
    np.testing.assert_allclose(clf.predict_proba(rows), wanted["predict_proba"], atol=1e-5)


def test_damage_is_an_artifact_error_or_changes_no_answer(golden, tmp_path):
    content, rows, wanted = golden
    rng, path, loaded = np.random.default_rng(0), tmp_path / "damaged.keras", 0
    for number in range(MUTATIONS):
        kind = mutations.KINDS[number % len(mutations.KINDS)]
        path.write_bytes(mutations.mutated(content, rng, kind))
        try:
            clf = kn.load(path)
        except ArtifactError:
            continue
        loaded += 1
        probabilities = clf.predict_proba(rows)
        np.testing.assert_allclose(
            probabilities, wanted["predict_proba"], atol=1e-5, err_msg=f"{number}: {kind}"
        )
    assert loaded < MUTATIONS / 4
