"""`import kerasnas` is light, and its public names are what they should be in any import order."""

import subprocess
import sys
from pathlib import Path

import pytest

import kerasnas

HEAVY = (
    "tensorflow",
    "keras",
    "keras_tuner",
    "pandas",
    "sklearn",
    "optuna",
    "numpy",
    "matplotlib",
    "lightgbm",
)


def python(code: str, *options: str) -> str:
    """What a fresh process prints for `code`."""
    done = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_loads_nothing_heavy():
    code = f"import sys, kerasnas; print([name for name in {HEAVY} if name in sys.modules])"
    assert python(code) == "[]"


def test_import_is_fast():
    # CPU time, best of three: other work on the machine must not decide this test.
    code = "import time; t = time.process_time(); import kerasnas; print(time.process_time() - t)"
    assert min(float(python(code)) for _ in range(3)) < 0.5


def test_public_names_are_listed_before_they_are_loaded():
    code = "import kerasnas as kn; print(set(kn.__all__) <= set(dir(kn)))"
    assert python(code) == "True"


@pytest.mark.parametrize("name", kerasnas.__all__)
def test_public_names_can_be_loaded(name):
    assert getattr(kerasnas, name) is not None


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'TabularClasifier'"):
        kerasnas.TabularClasifier  # noqa: B018


ORDERS = [
    "import kerasnas",
    "from kerasnas import search",
    "import kerasnas.hypermodel_search",
    "import kerasnas; kerasnas.search; import kerasnas.hypermodel_search",
    "import kerasnas; kerasnas.TabularClassifier",
    "import kerasnas.estimators; import kerasnas.hypermodel_search",
]


def printed(run_script, folder: Path, code: str) -> str:
    """What `code` prints in a process that has imported TensorFlow and Keras, but not kerasnas."""
    path = folder / "code.py"
    path.write_text(code, encoding="utf-8")
    ended, found = run_script(path, folder=folder)
    assert ended == 0, found
    return found.strip()


def test_search_is_the_function_in_every_import_order(run_script, tmp_path):
    # One process, in which the package is forgotten before each order: its hosts load only once.
    code = f"""
import sys, types
assert "kerasnas" not in sys.modules
for order in {ORDERS}:
    for name in [name for name in sys.modules if name.split(".")[0] == "kerasnas"]:
        del sys.modules[name]
    exec(order, {{}})
    import kerasnas as kn
    from kerasnas.hypermodel_search import search
    if not (isinstance(kn.search, types.FunctionType) and kn.search is search):
        print(order)
"""
    assert printed(run_script, tmp_path, code) == ""


def test_no_module_takes_the_place_of_a_public_function(run_script, tmp_path):
    """Python binds a module in its parent after its first import, over a function of that name."""
    code = """
import pkgutil, types
import kerasnas
modules = {m.name for m in pkgutil.iter_modules(kerasnas.__path__)}
public = {n for n in kerasnas.__all__ if not isinstance(getattr(kerasnas, n), types.ModuleType)}
print(*sorted(modules & public))
"""
    assert printed(run_script, tmp_path, code) == ""
