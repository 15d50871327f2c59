"""Real text messages: spam is told from other messages by a model that is fitted in seconds."""

import pandas as pd

import kerasnas as kn


def test_real_messages_in_seconds(data_dir):
    frame = pd.read_parquet(data_dir / "text" / "sms_spam.parquet").sample(2500, random_state=0)
    clf = kn.TextClassifier(
        space="linear",
        budget=kn.Budget(trials=1, epochs=2),
        ensemble=False,
        seed=0,
        verbose=0,
    )
    clf.fit(frame["text"][:2000], frame["label"][:2000])
    assert clf.score(frame["text"][2000:], frame["label"][2000:]) > 0.97
