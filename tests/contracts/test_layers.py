"""The layers declared in pyproject.toml hold."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_import_goes_down_the_layers(tmp_path):
    # A process of its own: import-linter changes the working process (path, logging, cache).
    command = "import sys; from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", command, "--config", "pyproject.toml", "--cache-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_import_is_exempt():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    linter = settings["tool"]["importlinter"]
    assert not linter["exclude_type_checking_imports"]
    kinds = {contract["type"] for contract in linter["contracts"]}
    assert kinds >= {"layers", "acyclic_siblings"}
    assert not [c["name"] for c in linter["contracts"] if "ignore_imports" in c]
