"""`kerasnas serve` under load: rows a second on one core, and what hostile requests get.

A server of a small table model runs in a process of its own on one core. This process sends one row
after the other over one connection, and then requests that are malformed in many ways.

Run: `python benchmarks/serve.py [--requests 2000]`. Needs the extra `serve`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import random
import socket
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

HEADERS = {"Content-Type": "application/json"}


def model(folder: Path, family: str) -> tuple[Path, dict]:
    """The file of a small model of the table breast_cancer, and a row of it."""
    from sklearn.datasets import load_breast_cancer

    import kerasnas as kn

    x, y = load_breast_cancer(return_X_y=True, as_frame=True)
    x["ward"] = [f"ward {i % 7}" for i in range(len(x))]
    budget = kn.Budget(trials=1, epochs=4)
    clf = kn.TabularClassifier(budget=budget, space=family, folds=False, seed=0, verbose=0)
    clf.fit(x, y).save(folder / f"{family}.keras")
    return folder / f"{family}.keras", json.loads(x.iloc[:1].to_json(orient="records"))[0]


def served(path: Path, port: int) -> None:
    """The server, on one core."""
    os.sched_setaffinity(0, {0})
    from kerasnas.server import serve

    serve(path, port=port)


def ask(connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
    """One request over an open connection."""
    connection.request("POST", "/predict", body, HEADERS)
    answer = connection.getresponse()
    return answer.status, answer.read()


def seconds_of_processor(pid: int) -> float:
    """What a process has used of the processor; on a busy machine it waits for it besides."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def malformed(draw: random.Random, row: dict) -> bytes:
    """A body that is wrong in one of many ways."""
    text = json.dumps({"row": row}).encode()
    odd = draw.choice(
        [
            [],
            {},
            [[]],
            "\x00",
            "<script>alert(1)</script>",
            "../../etc/passwd",
            "a" * 5000,
            {"": {}},
        ]
    )
    name = draw.choice(list(row))
    kinds = [
        lambda: text[: draw.randrange(len(text))],
        lambda: bytes(draw.randrange(256) for _ in range(draw.randrange(1, 300))),
        lambda: text.replace(b":", draw.choice([b";", b"::", b"\xff"]), 1),
        lambda: json.dumps({"row": {**row, "mean radius": odd}}).encode(),
        lambda: json.dumps({"row": {k: v for k, v in row.items() if k != name}}).encode(),
        lambda: json.dumps({"rows": [row, odd]}).encode(),
        lambda: json.dumps({draw.choice(["Row", "", "__proto__", "rows\n"]): row}).encode(),
        lambda: b"[" * draw.randrange(1, 100_000),
        lambda: b'{"row": ' * draw.randrange(1, 20_000),
        lambda: json.dumps({"rows": [row] * 1001}).encode(),
        lambda: b'{"row": NaN}',
        lambda: b" " * 5_000_000,
        lambda: json.dumps({"row": {**row, "ward": {"$ne": 1}}}).encode(),
        lambda: b'{"rows": [' + b"9" * 5000 + b"]}",
    ]
    return draw.choice(kinds)()


def measure(path: Path, row: dict, requests: int, hostile: bool) -> None:
    """Starts a server, and prints what it does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=served, args=(path, port))
    process.start()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while True:
        try:
            ask(connection, b"{}")
            break
        except OSError:
            connection.close()
            time.sleep(0.2)
    body = json.dumps({"row": row}).encode()
    for _ in range(100):
        assert ask(connection, body)[0] == 200
    times, used = [], seconds_of_processor(process.pid)
    for _ in range(requests):
        begun = time.perf_counter()
        assert ask(connection, body)[0] == 200
        times.append(time.perf_counter() - begun)
    used = (seconds_of_processor(process.pid) - used) / requests
    ordered = sorted(times)
    print(
        f"{path.stem:12} {requests / sum(times):7.0f} rows a second, median "
        f"{statistics.median(times) * 1000:.2f} ms, 99 of 100 within "
        f"{ordered[int(0.99 * len(ordered))] * 1000:.2f} ms; the server uses {used * 1000:.2f} ms "
        "of its core for a row"
    )
    if hostile:
        draw, statuses, longest = random.Random(0), Counter(), 0.0
        for _ in range(requests):
            begun = time.perf_counter()
            try:
                status, content = ask(connection, malformed(draw, row))
            except (BrokenPipeError, ConnectionResetError):  # refused before the end of its body
                status, content = 413, b'{"error": "."}'
            longest = max(longest, time.perf_counter() - begun)
            statuses[status] += 1
            sentence = json.loads(content).get("error", "")
            assert 400 <= status < 500 and sentence.endswith("."), (status, content[:300])
            connection.close()
        print(f"{requests} malformed requests: {dict(statuses)}, longest {longest:.2f} s")
        assert ask(connection, body)[0] == 200, "the server still answers"
    process.terminate()
    process.join()


def main() -> None:
    """Prints a line for each family, and one for the malformed requests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--families", default="linear,lightgbm,mlp")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for place, family in enumerate(arguments.families.split(",")):
            path, row = model(Path(folder), family)
            measure(path, row, arguments.requests, hostile=place == 0)


if __name__ == "__main__":
    main()
