"""Any order of ends comes back from a journal."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from kerasnas.history import History


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(6)), st.integers(0, 6))
def test_events_restore_the_order_of_ends(order, ended):
    history = History()
    for number in range(6):
        history.start({"n": number})
        history.report(number, 2, {"m": 0.5})
    for number in order[:ended]:
        history.finish(number, "COMPLETED", metrics={"m": 1.0})
    again = History()
    events = json.loads(json.dumps(history.events()))
    again.restore(events, [t.number for t in history.finished])
    assert again.trials == history.trials and again.finished == history.finished
