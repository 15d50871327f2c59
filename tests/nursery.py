"""Runs scripts, each in a process of its own, without the seconds that TensorFlow's import takes.

The server imports the modules named on its command line, runs nothing with them, and forks itself
for every script: whatever a script does to its process ends with that process. The server reads a
line of JSON a script and answers with the file of what the script printed and with its exit code,
negative where a signal ended it.

Scripts of users go to a second server, which the first one forks when it is first needed, and which
has imported kerasnas as well. The first one never has: some scripts show that a file needs no
kerasnas.
"""

import gc
import importlib
import json
import os
import runpy
import sys
import traceback
from collections.abc import Iterable
from typing import TextIO

OURS = ("kerasnas.estimators", "kerasnas.auto_model", "kerasnas.hypermodel_search")


def run(script: str, arguments: list[str], folder: str, output: str) -> None:
    """Runs `script` as `python script` would run it, and ends this process."""
    code = 1
    try:
        os.chdir(folder)
        printed = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        sys.argv = [script, *arguments]
        sys.path[0] = os.path.dirname(script)
        runpy.run_path(script, run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve(lines: Iterable[str]) -> None:
    """Forks a process for every line, one after the other."""
    second: TextIO | None = None
    for line in lines:
        task = json.loads(line)
        if task.pop("of_users", False):
            second = second or forked()
            print(json.dumps(task), file=second, flush=True)
            continue
        child = os.fork()
        if child == 0:
            run(**task)
        _, status = os.waitpid(child, 0)
        print(json.dumps([task["output"], os.waitstatus_to_exitcode(status)]), flush=True)


def forked() -> TextIO:
    """What is written here is read by a second server, which prints where the first one does."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(writing)
        load(OURS)
        with open(reading, encoding="utf-8") as lines:
            serve(lines)
        os._exit(0)
    os.close(reading)
    return open(writing, "w", encoding="utf-8")


def load(names: Iterable[str]) -> None:
    """Imports modules that all children share: no collector has to look at them."""
    for name in names:
        importlib.import_module(name)
    gc.freeze()


if __name__ == "__main__":
    load(sys.argv[1:])
    if "tensorflow" in sys.modules:  # as `conftest` has it, for graphs that run a few times only
        options = {"disable_meta_optimizer": True}
        sys.modules["tensorflow"].config.optimizer.set_experimental_options(options)
    serve(sys.stdin)
