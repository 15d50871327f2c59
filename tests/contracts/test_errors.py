"""Every error that is raised on purpose is a `KerasNASError`, whatever built-in class it is too."""

import ast
import builtins
import inspect
from pathlib import Path

import kerasnas
from kerasnas import errors

PACKAGE = Path(kerasnas.__file__).parent

# Modules whose built-in errors never reach a user, each with the reason.
CAUGHT = {
    "__init__.py": "Python asks modules for names by AttributeError",
    "artifact/reading.py": "what Keras calls; the caller makes an ArtifactError of it",
    "baselines/trees.py": "the caller goes on without this baseline",
    "clock/deadline.py": "a mistake in the package itself",
    "data/pictures.py": "collected with the problems of all pictures into one SchemaError",
    "data/pixels.py": "collected with the problems of all pictures into one SchemaError",
    "data/sounds.py": "collected with the problems of all recordings into one SchemaError",
    "data/waveforms.py": "collected with the problems of all recordings into one SchemaError",
    "data/word_vectors.py": "collected into one SchemaError about the file",
    "results/examination.py": "the caller keeps a file without the counts that are damaged",
    "server/contents.py": "the same module makes a Refusal of the request of it",
    "server/series.py": "the caller makes a Refusal of the request of it",
    "history.py": "the journal takes the event for damaged",
    "spaces/backbones/sentence_encoder.py": "the same module makes a SearchSpaceError of it",
    "spaces/weights/efficientnet_lite.py": "the same module makes a SearchSpaceError of it",
    "spaces/weights/opcodes.py": "`read_torch` makes one SearchSpaceError of it",
    "spaces/weights/speech_embedding.py": "the same function makes a SearchSpaceError of it",
    "spaces/weights/tensor_files.py": "the same module makes a SearchSpaceError of it",
    "trial/rebuilt.py": "the same function makes an ArtifactError of it",
    "journal.py": "why a line of a journal is damaged; the caller goes on without it",
}
BUILT_IN = {
    name
    for name, value in vars(builtins).items()
    if inspect.isclass(value) and issubclass(value, Exception)
} - {"NotImplementedError"}


def raised(path):
    """Names of built-in classes of errors that a module raises."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = ast.unparse(node.exc.func)
            if name in BUILT_IN:
                yield name


def test_no_built_in_error_reaches_a_user():
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "testing" not in path.parts and any(raised(path))
    }
    assert found == set(CAUGHT)


def test_every_class_is_a_built_in_one_too():
    found = inspect.getmembers(errors, inspect.isclass)
    classes = [cls for _, cls in found if cls.__module__ == errors.__name__]
    assert len(classes) > 10
    for cls in classes:
        assert issubclass(cls, errors.KerasNASError)
        other = (ValueError, OSError, RuntimeError, AttributeError, ImportError)
        assert cls is errors.KerasNASError or issubclass(cls, other)


def test_a_value_is_shown_whatever_it_is():
    class Shy:
        def __repr__(self):
            raise RuntimeError("no")

    assert errors.shown(10**5000) == "a value of type int that cannot be shown"
    assert errors.shown(Shy()) == "a value of type Shy that cannot be shown"
    assert len(errors.shown("a" * 10**6)) == 100
