"""Every share of a budget stands in one table, and only `kerasnas.clock` reads the clock.

`pytest -s tests/contracts/test_allotments.py` prints the tables.
"""

import ast
import re
from functools import cache
from pathlib import Path

import kerasnas
from kerasnas.clock import ALLOTMENTS, MARGINS, Margin, Purpose

PACKAGE = Path(kerasnas.__file__).parent
ROOT = PACKAGE.parent
MODULES = [p for p in sorted(PACKAGE.rglob("*.py")) if p.parent.name != "clock"]

# Constants whose name or comment speaks of time, although they are no part of a budget.
EXCEPTIONS = {
    "artifact/archive.py _MOST_UNPACKED_SHARE": "how far a zip archive may be packed",
    "data/room.py _SHARE": "a share of the memory",
    "demo.py _SECONDS": "a budget that the demo gives as a user gives one",
    "estimators/speech_task.py _HOP": "seconds of sound",
    "estimators/text_budget.py _SAFE": "a speed of reading, by which texts are left out or not",
    "oracles/strategies.py SMALL_BUDGET": "a number of trials",
    "results/pareto.py NADIR_SHARE": "a distance from the worst point of a front",
    "trial/executors/worker_pool.py MEMORY_SHARE": "a share of the memory",
    "trial/executors/nasbench201.py ZERO_COST_SECONDS": "virtual seconds of a simulation",
}

_SPEAKS = re.compile(r"SHARE|SECOND|BUDGET|OVERRUN|GRACE|TRACING|TIMEOUT|DEADLINE")
_COMMENT = re.compile(r"\bseconds?\b|\bof the time\b|\btime left\b|\bof the budget\b|\bas long\b")


def test_the_table_is_whole_and_every_line_of_it_has_a_reason():
    assert set(ALLOTMENTS) == set(Purpose)
    for purpose, allotment in ALLOTMENTS.items():
        bounds = f"{allotment.floor_seconds:g} to {allotment.cap_seconds:g} s"
        print(f"{allotment.share:6.3f} of {allotment.of.value:24} {bounds:14} {purpose.value}")
        print(f"{'':10}{allotment.reason} ({allotment.source})")
    for purpose, allotment in ALLOTMENTS.items():
        assert 0 < allotment.share <= 1, purpose
        assert 0 <= allotment.floor_seconds < allotment.cap_seconds, purpose
        assert allotment.needed_seconds >= 0, purpose
        assert purpose.value and allotment.reason.endswith("."), purpose
        assert _is_source(allotment.source), purpose


def test_every_margin_has_an_amount_and_a_reason():
    assert set(MARGINS) == set(Margin)
    for margin, known in MARGINS.items():
        print(f"{known.value:8.2f} {margin.value}: {known.reason} ({known.source})")
    for margin, known in MARGINS.items():
        assert known.value > 0, margin
        assert margin.name.endswith("SECONDS") == margin.value.startswith("seconds"), margin
        assert known.reason.endswith(".") and _is_source(known.source), margin


def test_every_purpose_and_every_margin_is_used_somewhere():
    text = "\n".join(
        path.read_text() for path in PACKAGE.rglob("*.py") if path.parent.name != "clock"
    )
    used = set(re.findall(r"\b(?:Purpose|Margin)\.\w+", text))
    kinds = [*(f"Purpose.{p.name}" for p in Purpose), *(f"Margin.{m.name}" for m in Margin)]
    assert not [name for name in kinds if name not in used]


def test_no_other_module_has_a_share_of_the_time_of_its_own():
    found = {name for path in MODULES for name in _constants_of_time(path)}
    assert found == set(EXCEPTIONS)


def test_no_other_module_reads_the_clock():
    reads = []
    for path in MODULES:
        for node in ast.walk(_tree(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if "time" in names or (isinstance(node, ast.ImportFrom) and node.module == "time"):
                reads.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert reads == []


def test_a_share_in_a_module_would_be_found(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "_SHARE = 0.5\n_ROWS = 10  # rows\n_LEAST = 3.0  # seconds that must be left\n"
        "_MORE = (0.1, 0.2)  # of the time left\n_NAMES = ('seconds',)\n"
    )
    assert [name.split()[1] for name in _constants_of_time(path, tmp_path)] == [
        "_SHARE",
        "_LEAST",
        "_MORE",
    ]


@cache
def _tree(path):
    return ast.parse(path.read_text())


def _is_source(source):
    """A file of the project, or words that say that nothing was measured or where it was."""
    if source.startswith("benchmarks/"):
        return (ROOT / source).is_file()
    return source.startswith(("chosen", "a measurement"))


def _constants_of_time(path, top=PACKAGE):
    """Constants of a module that are numbers and speak of time, by path and name."""
    lines, body = path.read_text(encoding="utf-8").splitlines(), _tree(path).body
    for place, node in enumerate(body):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if not isinstance(target, ast.Name) or not _is_numeric(node.value):
            continue
        after = body[place + 1] if place + 1 < len(body) else None
        # Behind numbers a line has nothing but a comment; columns are counted in bytes.
        words = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode()
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            words += str(after.value.value)
        if _SPEAKS.search(target.id) or _COMMENT.search(words):
            yield f"{path.relative_to(top).as_posix()} {target.id}"


def _is_numeric(value):
    """Whether an expression holds numbers and nothing else."""
    leaves = [n for n in ast.walk(value) if isinstance(n, ast.Constant)]
    others = (ast.Call, ast.Name, ast.Attribute, ast.JoinedStr)
    if not leaves or any(isinstance(n, others) for n in ast.walk(value)):
        return False
    return all(isinstance(n.value, int | float) for n in leaves)
