"""Encoders of texts that a package carries, or that lie in a folder of Hugging Face's files."""

import zipfile

import numpy as np
import pytest

import kerasnas as kn
from kerasnas.clock import Clock, Purpose
from kerasnas.estimators.text_task import prepare_texts
from kerasnas.problem.given import Given
from kerasnas.spaces.backbones import settle_encoder
from kerasnas.spaces.text import FAMILIES

ENGLISH = [f"The film was {word}." for word in ("good", "great", "bad", "awful")] * 10
RUSSIAN = [f"Фильм был {word}." for word in ("хорош", "велик", "плох", "ужасен")] * 10
LABELS = np.array(["pro", "pro", "con", "con"] * 10)


@pytest.fixture
def package(sentence_files, monkeypatch, tmp_path):
    """The package as if it were installed, with a tiny encoder."""
    folder = tmp_path / "all_minilm_l6_v2"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise ImportError('nobody imports this package')")
    with zipfile.ZipFile(folder / "model.zip", "w") as archive:
        for path in sentence_files.iterdir():
            archive.write(path, path.name)
    monkeypatch.syspath_prepend(tmp_path)


def test_a_folder_is_fitted_and_its_file_answers(sentence_files, tmp_path):
    clf = kn.TextClassifier(
        pretrained=sentence_files,
        space="backbone",
        budget=kn.Budget(trials=1),
        initial=[{"family": "backbone", "backbone_strength": 1.0}],
        ensemble=False,
        folds=False,
        seed=0,
        verbose=0,
    ).fit(ENGLISH, LABELS)
    assert clf.score(ENGLISH, LABELS) > 0.9
    clf.save(tmp_path / "texts.keras")
    again = kn.load(tmp_path / "texts.keras")
    assert np.allclose(again.predict_proba(ENGLISH[:4]), clf.predict_proba(ENGLISH[:4]), atol=1e-5)


@pytest.mark.parametrize(("texts", "found"), [(ENGLISH, True), (RUSSIAN, False)])
def test_what_is_only_installed_is_used_for_its_own_language(package, texts, found):
    clock = Clock(100.0)
    task = prepare_texts(
        Given(texts, LABELS, seed=0),
        clock,
        classify=True,
        families=[*FAMILIES, "backbone"],
        encoder=settle_encoder("auto"),
    )
    assert ("backbone" in task.hypermodel.families) == found
    # To write the encoder takes seconds, which trials leave.
    assert clock.kept(Purpose.BACKBONE_FILE) == (10.0 if found else 0.0)
    assert [note[:28] for note in task.notes] == (["Pretrained: all-minilm-l6-v2"] if found else [])
