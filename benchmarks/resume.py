"""Kills a search at random moments and compares its leaderboard with that of an uninterrupted one.

    python benchmarks/resume.py --kills 20

A 12-trial search with a fixed seed runs in a child process, which gets SIGKILL after a random time
and is started again with the same line, until `--kills` kills are done and every search has come to
its end. Trial ids, values, status and validation metrics must be those of an undisturbed search.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRIALS = 12


def search(directory: str) -> None:
    """One (re)started search; prints the leaderboard as JSON."""
    from sklearn.datasets import load_breast_cancer

    import kerasnas as kn

    x, y = load_breast_cancer(return_X_y=True, as_frame=True)
    budget = kn.Budget(trials=TRIALS, epochs=8)
    estimator = kn.TabularClassifier(budget=budget, seed=7, directory=directory, verbose=0)
    estimator.fit(x, y)
    table = estimator.leaderboard(full=True)
    trials = table[table["kind"] == "trial"].sort_values("trial_id")
    columns = ["rank", "trial_id", "status", "hyperparameters", "val_log_loss", "val_accuracy"]
    columns.append("val_auc")
    print("RESULT", json.dumps(trials[columns].to_dict("records")))


def start(directory: Path) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--child", str(directory)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def finish(process: subprocess.Popen[str]) -> list[dict[str, object]]:
    output, _ = process.communicate()
    lines = [line for line in output.splitlines() if line.startswith("RESULT")]
    if process.returncode or not lines:
        raise SystemExit(f"a search failed (exit code {process.returncode})\n{output}")
    return json.loads(lines[-1].removeprefix("RESULT"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        search(arguments.child)
        return
    moments = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        expected = finish(start(Path(folder, "whole")))
        whole = time.monotonic() - begin
        print(f"uninterrupted: {len(expected)} trials in {whole:.0f} s")
        kills = rounds = 0
        while kills < arguments.kills:
            rounds += 1
            directory = Path(folder, f"killed-{rounds}")
            while kills < arguments.kills:
                process = start(directory)
                try:
                    process.wait(moments.uniform(0.15, 0.9) * whole)
                    break
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                    kills += 1
                    journal = directory / "journal.jsonl"
                    text = journal.read_text() if journal.exists() else ""
                    print(f"kill {kills}: {text.count('finished')} trials finished", flush=True)
            found = finish(start(directory))
            same = found == expected
            print(f"search {rounds}: {'equal' if same else 'DIFFERENT'} after its kills")
            if not same:
                for a, b in zip(expected, found, strict=False):
                    if a != b:
                        print("  expected", a, "\n  found   ", b)
                raise SystemExit(1)
    print(f"{kills} kills in {rounds} searches: every leaderboard equals the uninterrupted one")


if __name__ == "__main__":
    main()
