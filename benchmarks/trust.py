"""Hostile data, files, moments and machines: what kerasnas makes of them, by area.

    python benchmarks/trust.py --seed 0 --scale 0.05
    python benchmarks/trust.py --areas soak --minutes 15

For each area it prints how many inputs were tried, how many were answered well, how many were
refused with a sentence (a `KerasNASError`), and what should never be: tracebacks of other
packages, inputs that took longer than their limit, and wrong answers that nobody was told of.
`--scale 1` tries more than 3,000 inputs, 10,000 damaged files and 300 kills, and takes hours. The
limits of the areas with processes are for a machine that has nothing else to do.
The parts that need processes are in `trust_processes.py`.
"""

import argparse
import contextlib
import importlib.util
import io
import itertools
import json
import os
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import trust_processes

ROOT = Path(__file__).parents[1]
COLUMNS = ("tried", "good", "refused", "foreign", "over limit", "silently wrong")
HOSTILE = [
    None, True, -1, 0, 10**400, -(10**30), 1e300, -1e308, 5e-324, float("nan"), float("inf"), "",
    " ", "nan", "a" * 10_000, "\0", "\ud800", "=1+1", "٣", "2020-13-45", b"\xff", [], {}, (1, 2),
    object(), complex(1, 2), range(3), lambda: 1,
]  # fmt: skip


@dataclass
class Area:
    """The tally of one area."""

    name: str
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))
    notes: list[str] = field(default_factory=list)
    end: float = float("inf")  # no input is begun later

    def numbers(self, tries: int) -> Iterator[int]:
        """Counts from 0, as long as there is time."""
        yield from itertools.takewhile(lambda _: time.perf_counter() < self.end, range(tries))

    def count(self, outcome: str, note: str = "") -> None:
        """Takes note of one input."""
        self.counts["tried"] += 1
        self.counts[outcome] += 1
        if outcome not in ("good", "refused"):
            self.notes.append(f"{outcome}: {note}")

    def attempt(
        self,
        what: str,
        run: Callable[[], object],
        check: Callable[[object], bool] = lambda _: True,
        limit: float = 60.0,
    ) -> None:
        """Runs one input in this process.

        Args:
            what: The input, for a note.
            run: Hands it to kerasnas.
            check: Whether the answer is right.
            limit: Most seconds of the processor that it may take: other work does not count.
        """
        from kerasnas.errors import KerasNASError

        begun, note = time.process_time(), what
        try:
            with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                outcome = "good" if check(run()) else "silently wrong"
        except KerasNASError:
            outcome = "refused"
        except Exception as error:
            outcome, where = "foreign", traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}:{where.lineno}"
            note = f"{what}: {type(error).__name__} at {place}: {str(error)[:150]}"
        seconds = time.process_time() - begun
        if seconds > limit:
            outcome, note = "over limit", f"{what}: {seconds:.1f} s"
        self.count(outcome, note)


def shown(value: object) -> str:
    """A short text of any value."""
    try:
        return repr(value)[:80]
    except Exception:
        return f"a {type(value).__name__} that cannot be shown"


def table(rows: int = 80):
    """Numbers, texts, dates, yes and no, and labels."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=rows),
            "count": rng.integers(0, 9, rows),
            "kind": rng.choice(["red", "green", "blue"], rows),
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 700, rows), "D"),
            "open": rng.random(rows) > 0.5,
        }
    )
    return frame, np.where(frame["size"] > 0, "yes", "no")


def as_objects(cells, frame):
    """A column of whatever: pandas itself refuses some texts in columns of texts."""
    import pandas as pd

    return pd.Series(cells, index=frame.index, dtype=object)


def spoilt(frame, rng: random.Random):
    """A table with one or two things wrong, or odd, and what these are."""
    told = []
    for _ in range(rng.randint(1, 2)):
        column = rng.choice(list(frame.columns))
        kind = rng.choice(["cell", "column", "drop", "twice", "name", "order", "rows", "index"])
        value, few = rng.choice(HOSTILE), rng.choice([0, 1, 2])
        places = rng.sample(range(len(frame)), min(3, len(frame)))
        with contextlib.suppress(Exception):  # pandas itself refuses some of these
            frame = changed(frame, column, kind, value, places, few)
            told.append(f"{kind} of {column!r:.40} {shown(value)}")
        if not frame.shape[1]:
            break
    return frame, "; ".join(told)


def changed(frame, column, kind: str, value, places: list[int], few: int):
    """A table with one thing wrong, or odd."""
    import pandas as pd

    if kind == "cell":
        series = frame[column].astype(object) if frame[column].ndim == 1 else frame.iloc[:, 0]
        cells = list(series)
        for place in places:
            cells[place] = value
        return frame.assign(**{str(column): as_objects(cells, frame)})
    if kind == "column":
        return frame.assign(**{str(column): as_objects([value] * len(frame), frame)})
    if kind == "drop":
        return frame.drop(columns=column)
    if kind == "twice":
        return frame.iloc[:, [*range(frame.shape[1]), 0]]
    if kind == "name":
        new = value if isinstance(value, str | int | float | tuple) else "other"
        names = [new if name == column else name for name in frame.columns]
        return frame.set_axis(pd.Index(names, dtype=object, tupleize_cols=False), axis=1)
    if kind == "order":
        return frame.iloc[:, ::-1]
    if kind == "rows":
        return frame.iloc[:few]
    return frame.set_index(frame.columns[0], drop=False)


def fit(area: Area, rng: random.Random, tries: int) -> None:
    """Spoilt tables and targets into `fit`."""
    import kerasnas as kn

    for number in area.numbers(tries):
        frame, y = table()
        frame, told = spoilt(frame, rng)
        y = y[: len(frame)]
        if number % 4 == 0 and len(y):
            y = list(y)
            y[0] = rng.choice(HOSTILE)
            told += f"; target {shown(y[0])}"
        arguments = {"seed": 0, "verbose": 0, "space": "linear", "ensemble": False}
        if number % 5 == 0:
            name = rng.choice(["seed", "budget", "objective", "constraints", "oracle", "folds"])
            arguments[name] = rng.choice(HOSTILE)
            told += f"; {name}={shown(arguments[name])}"
        arguments.setdefault("budget", kn.Budget(trials=1))

        def run(frame=frame, y=y, arguments=arguments):
            arguments["budget"] = kn.Budget(trials=1, seconds=kn.Budget.parse(
                arguments["budget"]).seconds)  # fmt: skip
            clf = kn.TabularClassifier(**arguments).fit(frame, y)
            return clf, clf.predict(frame)

        area.attempt(told, run, lambda found, frame=frame: len(found[1]) == len(frame), limit=90.0)


def modalities(area: Area, rng: random.Random, tries: int) -> None:
    """Odd pictures, texts, sounds and series into `fit` of their estimators."""
    import numpy as np
    import pandas as pd

    import kerasnas as kn

    draw = np.random.default_rng(rng.randrange(2**32))
    limits = {"budget": kn.Budget(trials=1, epochs=1), "seed": 0, "verbose": 0, "ensemble": False}
    y = np.arange(24) % 2
    for number in area.numbers(tries):
        odd = rng.choice([*HOSTILE, np.zeros(0), np.full((3, 3), np.nan), "x" * 100_000])
        kind = ("images", "texts", "sounds", "series")[number % 4]
        if kind == "images":
            items = [draw.integers(0, 255, (9, 9, 3)).astype("uint8") for _ in y]
            items[rng.randrange(24)] = odd
            made = kn.ImageClassifier(space="linear", **limits)
        elif kind == "texts":
            items = [f"word{draw.integers(9)} word{draw.integers(9)}" for _ in y]
            items[rng.randrange(24)] = odd
            made = kn.TextClassifier(space="linear", **limits)
        elif kind == "sounds":
            items = [draw.normal(size=2000).astype("float32") for _ in y]
            items[rng.randrange(24)] = odd
            made = kn.AudioClassifier(sample_rate=8000, space="linear", **limits)
        else:
            values = list(np.sin(np.arange(80) / 3))
            values[rng.randrange(80)] = odd
            items = pd.DataFrame({"t": range(80)}).assign(y=pd.Series(values, dtype=object))
            made = kn.TimeSeriesForecaster(3, "y", "t", space="linear", **limits)
        arguments = (items,) if kind == "series" else (items, y)

        def run(made=made, arguments=arguments, kind=kind):
            made.fit(*arguments)
            return made.predict() if kind == "series" else made.predict(arguments[0])

        rows = 3 if kind == "series" else 24
        area.attempt(f"{kind}: {shown(odd)}", run, lambda a, rows=rows: len(a) == rows, 120.0)


def predict(area: Area, rng: random.Random, tries: int) -> None:
    """Spoilt tables into `predict_proba`: each row has an answer of its own, whatever its place."""
    import numpy as np

    import kerasnas as kn

    frame, y = table()
    limits = {"budget": kn.Budget(trials=1, epochs=3), "seed": 0, "verbose": 0}
    clf = kn.TabularClassifier(space="mlp", **limits).fit(frame, y)
    wanted = clf.predict_proba(frame.iloc[:10])

    def right(found) -> bool:
        answers, turned, rows = found
        sound = len(answers) == rows and np.isfinite(answers).all()
        return bool(sound and np.allclose(answers, turned[::-1], atol=1e-5))

    for _ in area.numbers(tries):
        rows, told = spoilt(table()[0].iloc[:10], rng)
        run = lambda rows=rows: (  # noqa: E731
            clf.predict_proba(rows),
            clf.predict_proba(rows.iloc[::-1]),
            len(rows),
        )
        area.attempt(told, run, right, limit=5.0)
    area.attempt("afterwards", lambda: clf.predict_proba(frame.iloc[:10]),
                 lambda a: np.allclose(a, wanted))  # fmt: skip


def conditions(area: Area, rng: random.Random, tries: int) -> None:
    """Random and hostile texts as `where`."""
    from kerasnas.results.where import Where

    words = "params val_loss < >= == and or not ( ) 1 2.5 1e999 'a' * ** 9 . [ ] lambda : in - ,"
    sound = ["params < 5", "val_loss <= 0.5 and params > 1", "not params == 3", "params + 1 > 3"]
    fixed = ["'a'*3000000000 == 1", "9**9**9 > 1", "(" * 5000, "not " * 20_000 + "1", "\0"]
    fixed += ["params<" * 3000, "().__class__.__bases__", "x" * 10**6, "1" * 10_000 + " < params"]
    fixed += sound
    for number in area.numbers(tries):
        text = fixed[number] if number < len(fixed) else " ".join(
            rng.choices(words.split(), k=rng.randint(1, 12)))  # fmt: skip
        facts = {"params": 3.0, "val_loss": 0.5}

        def run(text=text, facts=facts):
            where = Where(text)
            where.check(set(facts))
            return where.holds(facts)

        area.attempt(shown(text), run, lambda a: isinstance(a, bool), limit=1.0)


def budgets(area: Area, rng: random.Random, tries: int) -> None:
    """Random and hostile values as `budget`."""
    import kerasnas as kn

    fixed = [
        "9" * 20_000,
        "1h" * 20_000,
        "1" * 400 + "s",
        " " * 10**6,
        "1e5",
        "-3",
        "٣min",
        *HOSTILE,
    ]
    for number in area.numbers(tries):
        value = fixed[number] if number < len(fixed) else "".join(
            rng.choices("0123456789.hmins e-+", k=rng.randint(1, 9)))  # fmt: skip
        area.attempt(
            shown(value),
            lambda value=value: kn.Budget.parse(value).seconds,
            lambda seconds: isinstance(seconds, int | float) and 0 < seconds < float("inf"),
            limit=0.5,
        )


def files(area: Area, rng: random.Random, tries: int) -> None:
    """Damaged copies of the golden file: the same answers, or an `ArtifactError`."""
    import numpy as np
    import pandas as pd

    import kerasnas as kn

    golden = ROOT / "tests" / "golden"
    spec = importlib.util.spec_from_file_location("mutations", golden / "mutations.py")
    mutations = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mutations)
    content = (golden / "tabular_classifier.keras").read_bytes()
    known = json.loads((golden / "tabular_classifier.json").read_text(encoding="utf-8"))
    rows = pd.DataFrame(known["rows"])
    rows["when"] = pd.to_datetime(rows["when"])
    draw = np.random.default_rng(rng.randrange(2**32))
    kn.load(golden / "tabular_classifier.keras").predict_proba(rows)  # the first takes imports
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged.keras"
        for number in area.numbers(tries):
            kind = mutations.KINDS[number % len(mutations.KINDS)]
            path.write_bytes(mutations.mutated(content, draw, kind))
            area.attempt(
                f"{number}: {kind}",
                lambda: kn.load(path).predict_proba(rows),
                lambda found: np.allclose(found, known["predict_proba"], atol=1e-5),
                limit=20.0,
            )


def journals(area: Area, rng: random.Random, tries: int) -> None:
    """Damaged journals: what is read is a true prefix of what was written."""
    from kerasnas.history import History

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.jsonl"
        history = History(path, {"seed": 1})
        for number in range(20):
            history.start({"units": number, "name": "é\n"}, origin="random")
            history.report(number, 0, {"val_loss": 1 / (1 + number)})
            history.finish(number, "COMPLETED", metrics={"val_loss": 1 / (1 + number)})
        wanted = history.events()
        history.close()
        content = path.read_bytes()
        for _ in area.numbers(tries):
            data = bytearray(content)
            for _ in range(rng.randint(1, 3)):
                spot = rng.randrange(len(data))
                kind = rng.choice(["flip", "cut", "insert", "repeat", "end"])
                if kind == "flip":
                    data[spot] ^= 1 << rng.randrange(8)
                elif kind == "cut":
                    del data[spot : spot + rng.randint(1, 300)]
                elif kind == "insert":
                    data[spot:spot] = rng.randbytes(rng.randint(1, 50))
                elif kind == "repeat":
                    data[spot:spot] = data[spot : spot + rng.randint(1, 300)]
                else:
                    del data[spot:]
                if not data:
                    break
            for old in Path(folder).iterdir():
                old.unlink()
            path.write_bytes(bytes(data))

            def run():
                again = History(path, {"seed": 1})
                found = again.events()
                again.close()
                return found

            def prefix(found):
                whole = [t for t in found if t["status"] == "COMPLETED"]
                rest = [t for t in found if t["status"] == "RUNNING"]
                return whole == wanted[: len(whole)] and len(rest) <= 1

            area.attempt("a damaged journal", run, prefix, limit=5.0)


def command_line(area: Area, rng: random.Random, tries: int) -> None:
    """Damaged CSV files through `kerasnas predict`: exit code 0 or 2, one answer a row."""
    import pandas as pd

    import kerasnas as kn
    from kerasnas.cli import main

    class Damaged(Exception):
        """The command line ended in another way than it says."""

    frame, y = table()
    limits = {"budget": kn.Budget(trials=1), "seed": 0, "verbose": 0}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, rows, out = folder / "m.keras", folder / "rows.csv", folder / "out.csv"
        kn.TabularClassifier(space="linear", **limits).fit(frame, y).save(model)
        whole = frame.iloc[:20].to_csv(index=False).encode()
        for _ in area.numbers(tries):
            data = bytearray(whole)
            for _ in range(rng.randint(0, 3)):
                spot = rng.randrange(len(data))
                data[spot : spot + rng.randint(0, 3)] = rng.choice(
                    [
                        b",",
                        b'"',
                        b"\n",
                        b"\r",
                        b"\0",
                        b"\xff",
                        b"=cmd()",
                        b"\x1b[31m",
                        "é".encode(),
                        b"",
                    ]
                )
            rows.write_bytes(bytes(data))
            out.unlink(missing_ok=True)

            def run():
                silent = contextlib.redirect_stdout(io.StringIO())
                with silent, contextlib.redirect_stderr(io.StringIO()) as said:
                    code = main(["predict", str(model), str(rows), "--out", str(out)])
                if code == 2 and said.getvalue().count("\n") >= 1:
                    raise kn.errors.SchemaError("refused")
                if code != 0:
                    raise Damaged(f"exit code {code}")
                return pd.read_csv(out, dtype=str, keep_default_na=False)

            area.attempt(
                shown(bytes(data[:200])),
                run,
                lambda f: "prediction" in f and len(f) > 0,
                limit=10.0,
            )


def saving(area: Area, rng: random.Random, tries: int) -> None:
    """Places that no file can be saved to."""
    import kerasnas as kn

    clf = kn.load(ROOT / "tests" / "golden" / "tabular_classifier.keras")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "taken.keras").mkdir()
        (folder / "taken.keras" / "notes.txt").write_text("years of work")
        (folder / "loop.keras").symlink_to(folder / "loop.keras")
        places = [folder, folder / "taken.keras", folder / "loop.keras", folder / "no" / "m.keras",
                  "/proc/m.keras", "/dev/full", "m\0.keras", folder / ("m" * 300 + ".keras"), "",
                  *HOSTILE, folder / "good.keras", str(folder / "é \n.keras")]  # fmt: skip
        for place in rng.sample(places, k=min(tries, len(places))):
            area.attempt(
                shown(place),
                lambda place=place: clf.save(place),
                lambda _, p=place: Path(p).is_file(),
            )
        area.attempt("the user's file", lambda: (folder / "taken.keras" / "notes.txt").read_text(),
                     lambda text: text == "years of work")  # fmt: skip


AREAS: dict[str, tuple[Callable[[Area, random.Random, int], None], int]] = {
    # Areas with processes first: they are forked off before TensorFlow has begun to work.
    "kills": (trust_processes.kills, 300),
    "signals": (trust_processes.signals, 100),
    "disk full": (trust_processes.full_disks, 60),
    "two processes": (trust_processes.two_processes, 30),
    "clock under load": (trust_processes.loaded_clock, 10),
    "soak": (trust_processes.soak, 1),
    "budgets": (budgets, 600),
    "where": (conditions, 600),
    "journal damage": (journals, 1000),
    "hostile files": (files, 10_000),
    "save": (saving, 50),
    "command line": (command_line, 300),
    "predict": (predict, 600),
    "tables into fit": (fit, 300),
    "others into fit": (modalities, 200),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=float, default=1.0, help="share of all inputs")
    parser.add_argument("--areas", nargs="*", default=list(AREAS), choices=list(AREAS))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="most for an area")
    parser.add_argument("--notes", type=int, default=5, help="notes an area to print")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(f"{'area':18}" + "".join(f"{name:>15}" for name in COLUMNS) + f"{'seconds':>10}")
    bad = 0
    for name in [n for n in AREAS if n in arguments.areas]:
        run, tries = AREAS[name]
        begun = time.perf_counter()
        area = Area(name, end=begun + 60 * arguments.minutes)
        run(area, random.Random(f"{arguments.seed} {name}"), max(1, round(tries * arguments.scale)))
        seconds = f"{time.perf_counter() - begun:10.0f}"
        print(f"{name:18}" + "".join(f"{area.counts[c]:15}" for c in COLUMNS) + seconds, flush=True)
        for note in area.notes[: arguments.notes]:
            print(f"    {note}", flush=True)
        bad += sum(area.counts[c] for c in COLUMNS[3:])
    sys.exit(int(bad > 0))


if __name__ == "__main__":
    main()
