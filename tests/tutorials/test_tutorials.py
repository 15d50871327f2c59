"""Every tutorial runs from its first line to the assertion at its end."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "tutorials"


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.py")))
def test_tutorial_runs(name, run_script, tmp_path):
    # A process of its own, as a reader would run it; thread caps come from the environment.
    code, printed = run_script(FOLDER / name, folder=tmp_path, of_users=True)
    assert code == 0, printed[-6000:]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_tutorial_is_cells_that_end_in_an_assertion(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# %% [markdown]\n# # ")
    assert text.rstrip().splitlines()[-1].startswith("assert ")
