"""Runs scripts, each in a process of its own, without the seconds that TensorFlow's import takes.

The server imports the modules named on its command line, runs nothing with them, and forks itself
for every script: whatever a script does to its process ends with that process. The server reads a
line of JSON a script and answers with the file of what the script printed and with its exit code,
negative where a signal ended it.
"""

import gc
import importlib
import json
import os
import runpy
import sys
import traceback


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


def serve() -> None:
    """Forks a process for every line of the standard input, one after the other."""
    for name in sys.argv[1:]:
        importlib.import_module(name)
    if "tensorflow" in sys.modules:  # as `conftest` has it, for graphs that run a few times only
        options = {"disable_meta_optimizer": True}
        sys.modules["tensorflow"].config.optimizer.set_experimental_options(options)
    gc.freeze()  # what all children share: no collector has to look at it
    for line in sys.stdin:
        task = json.loads(line)
        child = os.fork()
        if child == 0:
            run(**task)
        _, status = os.waitpid(child, 0)
        print(json.dumps([task["output"], os.waitstatus_to_exitcode(status)]), flush=True)


if __name__ == "__main__":
    serve()
