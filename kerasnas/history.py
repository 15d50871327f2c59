"""The history of a search: events, and the trials that they add up to.

The history is the only state of a search. Where it has a path, each event is also a line of the
journal on disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from kerasnas.journal import Journal

_IN_MEMORY = ("trials", "finished", "rejected", "spent", "notes", "fingerprint")
"""What a copy of a history takes along: all but the file."""

Status = Literal["RUNNING", "COMPLETED", "STOPPED", "FAILED"]


@dataclass(frozen=True)
class Execution:
    """One training of a trial, from its start or from where the one before had stopped.

    Attributes:
        rung: Level of successive halving.
        fidelity: Share of a full training that the trial had reached at its end.
        status: How it ended.
        metrics: Final metrics.
        measures: What was measured of the model.
        seconds: Wall-clock seconds of this training alone.
        failure: Reason of a failure, empty otherwise.
        reports: How many reports the trial had at its end.
    """

    rung: int = 0
    fidelity: float = 1.0
    status: Status = "COMPLETED"
    metrics: dict[str, float] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    failure: str = ""
    reports: int = 0

    @property
    def scores(self) -> dict[str, float]:
        """Metrics and measures in one dict."""
        return {**self.measures, **self.metrics}


@dataclass
class TrialRecord:
    """One trial as the journal tells it: what its latest execution came to.

    Attributes:
        number: Place in the order of starts, from 0.
        values: Active hyperparameters.
        status: keras-tuner's words; `STOPPED` is a pruned or paused trial.
        rung: Level of successive halving the latest execution ran at.
        parent: Number of the trial this one was derived from, if any.
        origin: Who proposed the values, such as `initial`, `portfolio`, `tpe`.
        fidelity: Share of a full training, in (0, 1]: that of the latest execution, which a
            running trial has yet to reach.
        bracket: Which of several successive halvings the trial takes part in.
        reports: Pairs of epoch and metrics, in order.
        metrics: Final metrics with their Keras names and natural signs.
        measures: What was measured of the model: `params`, `flops`, `latency_ms`, …
        seconds: Wall-clock seconds of the trial.
        failure: Reason of a failed trial, empty otherwise.
        out_of_time: Whether a failed trial was given up for want of time.
        executions: Its trainings that have ended, in order: one, or one a rung.
    """

    number: int
    values: dict[str, Any]
    status: Status = "RUNNING"
    rung: int = 0
    parent: int | None = None
    origin: str = ""
    fidelity: float = 1.0
    bracket: int = 0
    reports: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    failure: str = ""
    out_of_time: bool = False
    executions: list[Execution] = field(default_factory=list)

    @property
    def reached(self) -> float:
        """Share of a full training that its scores stand for."""
        if self.status == "RUNNING" and self.executions:
            return self.executions[-1].fidelity
        return self.fidelity

    @property
    def trial_id(self) -> str:
        """The number with leading zeros, as keras-tuner names trials."""
        return f"{self.number:04d}"

    @property
    def scores(self) -> dict[str, float]:
        """Metrics and measures in one dict: what objectives and constraints look at."""
        return {**self.measures, **self.metrics}


class History:
    """All trials of a search, in memory and, where a path is given, in a journal on disk.

    Args:
        path: The journal file; `None` keeps the history in memory only.
        fingerprint: What identifies the search: space, objective, schema, seed. A journal on disk
            with another fingerprint is refused.

    Raises:
        ProjectMismatchError: If the journal belongs to another search.
    """

    def __init__(
        self, path: str | Path | None = None, fingerprint: Mapping[str, Any] | None = None
    ) -> None:
        self.fingerprint = dict(fingerprint or {})
        self._journal: Journal | None = None
        self._begin()
        if path is not None:
            self._journal = Journal(Path(path), self.fingerprint, self._apply)
            if self._journal.damaged:  # a part of the first bad event may have been applied
                self._begin()
                for event in self._journal.earlier:
                    self._apply(event)

    def _begin(self) -> None:
        """Forgets everything."""
        self.trials: list[TrialRecord] = []
        self.finished: list[TrialRecord] = []
        self.rejected: list[tuple[dict[str, Any], dict[str, float]]] = []
        self.spent = 0.0
        self.notes: dict[str, dict[str, Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles live in memory: one journal has one writer."""
        return {name: getattr(self, name) for name in _IN_MEMORY} | {"_journal": None}

    def __len__(self) -> int:
        return len(self.trials)

    def __iter__(self) -> Iterator[TrialRecord]:
        return iter(self.trials)

    @property
    def running(self) -> list[TrialRecord]:
        """Trials that have started and not ended, oldest first."""
        return [t for t in self.trials if t.status == "RUNNING"]

    def completed(self) -> list[TrialRecord]:
        """Trials that came to a good end, in the order in which they ended."""
        return [t for t in self.finished if t.status == "COMPLETED"]

    def scored(self) -> list[TrialRecord]:
        """Trials with scores, in the order in which they ended: completed and paused ones."""
        return [t for t in self.finished if t.status in ("COMPLETED", "STOPPED") and t.metrics]

    def start(
        self,
        values: Mapping[str, Any],
        *,
        origin: str = "",
        rung: int = 0,
        parent: int | None = None,
        fidelity: float = 1.0,
        bracket: int = 0,
        number: int | None = None,
        spent: float = 0.0,
    ) -> TrialRecord:
        """Records that a trial starts; with `number`, that a known one runs again (a promotion)."""
        event: dict[str, Any] = {
            "event": "started",
            "number": len(self.trials) if number is None else number,
            "values": dict(values),
            "origin": origin,
            "rung": rung,
            "parent": parent,
            "fidelity": fidelity,
            "spent": spent,
        }
        if bracket:
            event["bracket"] = bracket
        self._append(event)
        return self.trials[event["number"]]

    def report(self, number: int, step: int, metrics: Mapping[str, float]) -> None:
        """Records the metrics of one epoch of a running trial."""
        self._append(
            {"event": "reported", "number": number, "step": step, "metrics": _floats(metrics)}
        )

    def finish(
        self,
        number: int,
        status: Status,
        *,
        metrics: Mapping[str, float] | None = None,
        measures: Mapping[str, float] | None = None,
        seconds: float = 0.0,
        failure: str = "",
        out_of_time: bool = False,
        spent: float = 0.0,
        values: Mapping[str, Any] | None = None,
        fidelity: float | None = None,
    ) -> TrialRecord:
        """Records how a trial ended. `COMPLETED` with a metric not finite is the caller's error.

        `seconds` are those of this execution; the trial's add up. `fidelity` is the share of a full
        training where it is not the one that the trial was started for. `values` are written only
        where they differ from those that the trial was started with: a build may ask for
        hyperparameters that nobody knew of before.
        """
        event: dict[str, Any] = {
            "event": "finished",
            "number": number,
            "status": status,
            "metrics": _floats(metrics or {}),
            "measures": _floats(measures or {}),
            "seconds": seconds,
            "failure": failure,
            "spent": spent,
        }
        if out_of_time:
            event["out_of_time"] = True
        if values is not None and dict(values) != self.trials[number].values:
            event["values"] = dict(values)
        if fidelity is not None and fidelity != self.trials[number].fidelity:
            event["fidelity"] = fidelity
        self._append(event)
        return self.trials[number]

    def reject(self, values: Mapping[str, Any], measures: Mapping[str, float]) -> None:
        """Records a configuration that was turned down before any training, and why.

        It is no trial, but it is remembered: nobody has to build it again.
        """
        self._append({"event": "rejected", "values": dict(values), "measures": _floats(measures)})

    def reopen(self, number: int) -> None:
        """Records that a trial has to be carried out again, because its files are gone."""
        self._append({"event": "reopened", "number": number})

    def note(self, name: str, content: Mapping[str, Any], spent: float = 0.0) -> None:
        """Records something about the search as a whole, such as the seconds used until a stop.

        The latest note of each name is kept in `notes`.
        """
        self._append({"event": name, **content, "spent": spent})

    def events(self) -> list[dict[str, Any]]:
        """The trials as events again, for keras-tuner's own state files."""
        return [
            {f.name: getattr(t, f.name) for f in fields(t)}
            | {
                "reports": [list(r) for r in t.reports],
                "executions": [asdict(e) for e in t.executions],
            }
            for t in self.trials
        ]

    def restore(self, events: list[dict[str, Any]], ended: Sequence[int] | None = None) -> None:
        """Rebuilds the trials from `events()` of another history.

        Args:
            events: The trials.
            ended: Numbers of the finished trials in the order in which they ended; without it they
                count in the order in which they started.
        """
        self.trials = [
            TrialRecord(
                **{
                    **e,
                    "reports": [(int(s), dict(m)) for s, m in e["reports"]],
                    "executions": [Execution(**x) for x in e.get("executions", ())],
                }
            )
            for e in events
        ]
        order = range(len(self.trials)) if ended is None else ended
        self.finished = [self.trials[n] for n in order if self.trials[n].status != "RUNNING"]

    def close(self) -> None:
        """Closes the journal file."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _append(self, event: dict[str, Any]) -> None:
        if self._journal is not None:
            self._journal.append(event)
        self._apply(event)

    def _apply(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        self.spent = max(self.spent, float(event.get("spent", 0.0)))
        if kind == "started":
            self._apply_started(event)
        elif kind == "reported":
            self._trial(event).reports.append((event["step"], event["metrics"]))
        elif kind == "finished":
            self._apply_finished(event)
        elif kind == "rejected":
            self.rejected.append((event["values"], event["measures"]))
        elif kind == "reopened":
            trial = self._trial(event)
            self.trials[trial.number] = TrialRecord(
                trial.number,
                trial.values,
                parent=trial.parent,
                origin=trial.origin,
                bracket=trial.bracket,
                rung=trial.rung,
                fidelity=trial.fidelity,
            )
            self.finished = [t for t in self.finished if t is not trial]
        else:
            self.notes[kind] = event

    def _trial(self, event: Mapping[str, Any]) -> TrialRecord:
        if event["number"] < 0:
            raise LookupError(f"there is no trial {event['number']}")
        return self.trials[event["number"]]

    def _apply_finished(self, event: dict[str, Any]) -> None:
        trial = self._trial(event)
        ended = {k: event[k] for k in ("status", "metrics", "measures", "failure")}
        trial.out_of_time = event.get("out_of_time", False)
        trial.values = event.get("values", trial.values)
        trial.fidelity = event.get("fidelity", trial.fidelity)
        trial.seconds += event["seconds"]
        execution = Execution(
            trial.rung,
            trial.fidelity,
            seconds=event["seconds"],
            reports=len(trial.reports),
            **ended,
        )
        paused = [e for e in trial.executions if e.status == "STOPPED"]
        if event["status"] == "FAILED" and paused:
            # After a failed promotion the trial is paused, with its earlier scores.
            last = paused[-1]
            ended |= {"status": "STOPPED", "metrics": last.metrics, "measures": last.measures}
            trial.fidelity = last.fidelity
        trial.executions.append(execution)
        for name, value in ended.items():
            setattr(trial, name, value)
        self.finished = [t for t in self.finished if t is not trial] + [trial]

    def _apply_started(self, event: dict[str, Any]) -> None:
        facts = {k: event[k] for k in ("values", "origin", "rung", "parent", "fidelity")}
        facts["bracket"] = event.get("bracket", 0)
        if event["number"] == len(self.trials):
            self.trials.append(TrialRecord(number=event["number"], **facts))
            return
        trial = self._trial(event)
        if trial.status == "RUNNING":
            # The earlier execution was cut off: what it reported will be reported again.
            del trial.reports[trial.executions[-1].reports if trial.executions else 0 :]
        trial.status = "RUNNING"
        for name, value in facts.items():
            setattr(trial, name, value)


def _floats(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}
