"""One trial, from hyperparameters to a measured model in a file: the `keras_tuner.Tuner`."""

from __future__ import annotations

import difflib
import gc
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np

from kerasnas import artifact
from kerasnas.clock import Margin, OutOfTime, Stopwatch, amount, pause
from kerasnas.errors import ObjectiveError
from kerasnas.objectives import FREE_MEASURES
from kerasnas.oracles import Context
from kerasnas.problem.metrics import Scorer
from kerasnas.problem.view import View, part_of
from kerasnas.runner import failures, housekeeping, measure
from kerasnas.runner.answers import Predictor, answers_of
from kerasnas.runner.candidates import write_answers
from kerasnas.runner.checkpoint import State, checkpoint_path
from kerasnas.runner.exploring import explore
from kerasnas.runner.fitting import Answers, Fitting
from kerasnas.runner.folded import FoldedTrial
from kerasnas.runner.inheritance import inherit
from kerasnas.runner.job import Job, Solved
from kerasnas.runner.memory import Keeper
from kerasnas.runner.pace import Pace
from kerasnas.runner.plan import Plan, Trained
from kerasnas.runner.screen import screened
from kerasnas.runner.seeding import seed_of, seeded

log = logging.getLogger("kerasnas")

_AGAIN = 3  # trials, the best ones, that time is kept for to fit them once more


class Tuner(keras_tuner.Tuner):
    """Runs the trials that an oracle proposes, one after the other, in this process.

    Differs from keras-tuner's: the seconds of a budget are kept, what a trial trained is written as
    one whole `.keras` file, a failed trial never ends the search, and tensorboard is not needed.

    Args:
        oracle: A kerasnas oracle, which keeps the history.
        hypermodel: Any hypermodel or build function.
        job: What to train on.
        folder: Where the files of trials go.
        scratch: Folder for keras-tuner's own files, which nothing depends on.
        on_event: Told `("start" | "epoch" | "end", trial record, details)` for the progress line.

    Attributes:
        models: Exported models by trial, of those that an ensemble is chosen from, as far as there
            is room for them in memory; the others have to be read from their files.
        solved: Those of their networks that no gradient steps trained and that may be fitted again.
    """

    def __init__(
        self,
        oracle: Any,
        hypermodel: Any,
        job: Job,
        folder: Path,
        scratch: Path,
        on_event: Callable[[str, Any, Mapping[str, Any]], None] = lambda *_: None,
    ) -> None:
        self.job = job
        self.folder = folder
        self.models: dict[str, keras.Model] = {}
        self.solved: dict[str, Solved] = {}
        self._on_event = on_event
        self._memory = Keeper()
        self._measures: dict[str, dict[str, float]] = {}
        self._ends: dict[str, _End] = {}
        self._writing: list[float] = []  # seconds that measuring and writing trials has taken
        self.first_traceback = ""
        with seeded(job.seed, 2**31 - 1):
            super().__init__(
                oracle=oracle,
                hypermodel=hypermodel,
                directory=str(scratch),
                project_name="keras_tuner",
                overwrite=True,
            )
        self.oracle.verbose = 0
        self._fitting = Fitting(self.hypermodel, job)
        self._pace = Pace(oracle, job, own=self._fitting.offers.of_this_package)
        job.finished = len(oracle.history.completed())

    def begin(self, context: Context) -> None:
        """Tells the oracle about its search: what is given, and what is known here."""
        context = self._pace.context(context)
        self.oracle.begin(screened(context, self.oracle, self.hypermodel, self.job))

    def _populate_initial_space(self) -> None:
        """As keras-tuner's, which leaves it to be overridden, but the same in every run."""
        explore(self.hypermodel, self.oracle)

    def save(self) -> None:
        """Nothing to write: the history is the only state."""

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Runs trials until the oracle or the clock says stop."""
        while self._pace.another():
            trial = self.oracle.create_trial(self.tuner_id)
            if trial.status == "STOPPED":
                break
            if trial.status == "IDLE":
                pause(amount(Margin.IDLE_SECONDS))
                continue
            self._run(trial)
            self._memory.after_trial()

    def run_trial(self, trial: Any, *fit_args: Any, **fit_kwargs: Any) -> dict[str, float]:
        """Builds, trains, measures and writes the model of one trial.

        Returns:
            Metrics of the best epoch.
        """
        metrics, measures = self._attempt(trial, self._batch_size(trial.hyperparameters))
        self._measures[trial.trial_id] = measures
        self._check_objectives({**metrics, **measures})
        return metrics

    def load_model(self, trial: Any) -> keras.Model:
        """The model of a trial as it was scored, from its file; `build` is not called."""
        return artifact.load_model(self.path(trial.trial_id))

    def path(self, trial_id: str) -> Path:
        """Where the file of a trial is, or would be."""
        return self.folder / f"{trial_id}.keras"

    def _check_objectives(self, scores: Mapping[str, float]) -> None:
        """Ends a search at its first trial when no trial will have what is to be optimised."""
        known = {**scores, **dict.fromkeys(FREE_MEASURES, 0.0), "train_seconds": 0.0}
        absent = [o.name for o in self.job.objectives if o.name not in known]
        if absent and not self.oracle.history.scored():
            near = difflib.get_close_matches(absent[0], scores, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise ObjectiveError(
                f"`objective` {absent[0]!r} was not among what the first trial logged.{hint} "
                f"Logged: {', '.join(sorted(scores))}."
            )

    def _run(self, trial: Any) -> None:
        watch = Stopwatch()
        record = self.oracle.history.trials[int(trial.trial_id)]
        self._on_event("start", record, {})
        failure, out_of_time = "", False
        try:
            metrics = self.run_trial(trial)
            if not record.reports:
                self.oracle.update_trial(trial.trial_id, metrics)
            self.oracle.facts(trial.trial_id, metrics=metrics)
            end = self._ends.pop(trial.trial_id, _End())
            self.oracle.facts(trial.trial_id, fidelity=end.fidelity)
            trial.status = "STOPPED" if end.hopeless else "COMPLETED"
        except (keras_tuner.errors.FatalError, ObjectiveError):
            raise
        except Exception as error:
            # Recorded, shown in the leaderboard, and the search goes on.
            failure = failures.reason(error)
            trial.status = "FAILED"
            trial.message = failures.details(error)
            self.first_traceback = self.first_traceback or trial.message
            # That time is short is no news to who has set the budget.
            out_of_time = isinstance(error, OutOfTime)
            level = logging.INFO if out_of_time else logging.WARNING
            log.log(level, "Trial %s failed. %s", trial.trial_id, failure)
        seconds = watch.seconds
        measures = self._measures.pop(trial.trial_id, {})
        measures["train_seconds"] = record.seconds + seconds
        self.oracle.facts(
            trial.trial_id,
            measures=measures,
            seconds=seconds,
            failure=failure,
            out_of_time=out_of_time,
            spent=self.job.clock.spent,
        )
        self.oracle.end_trial(trial)
        self.job.finished = len(self.oracle.history.completed())
        housekeeping.keep_the_best(self.folder, self.oracle, self.job.candidates)
        housekeeping.keep_checkpoints(self.folder, self.oracle)
        housekeeping.keep_in_memory(self.models, self.folder)
        if self.job.again:
            self._keep_solved()
        self._on_event("end", record, {})

    def _keep_solved(self) -> None:
        """Lets go of networks whose models went, and says what fitting the best again takes."""
        self.solved = {k: v for k, v in self.solved.items() if k in self.models}
        best = [t.trial_id for t in self.oracle.get_best_trials(_AGAIN)]
        self.job.keep_for_again([self.solved[k].seconds for k in best if k in self.solved])

    def _attempt(
        self, trial: Any, batch_size: int | None
    ) -> tuple[dict[str, float], dict[str, float]]:
        try:
            return self._train_and_write(trial, batch_size)
        except Exception as error:
            if not failures.is_out_of_memory(error):
                raise
            halved = max(1, (batch_size or 32) // 2)
            log.warning(
                "Trial %s ran out of memory; again with batch size %d.", trial.trial_id, halved
            )
        gc.collect()
        return self._train_and_write(trial, halved)

    def _train_and_write(
        self, trial: Any, batch_size: int | None
    ) -> tuple[dict[str, float], dict[str, float]]:
        job, hp = self.job, trial.hyperparameters
        record = self.oracle.history.trials[int(trial.trial_id)]
        keras.backend.clear_session(free_memory=False)
        with seeded(job.seed, record.number):
            view = job.view(hp)
            end = self._trained(record, hp, view, batch_size)
        model, watch = end.model, Stopwatch()
        front = self._fitting.offers.front_sizes(hp)
        measures = measure.sizes(model, view.example, front) | end.measures
        measures["epochs"] = float(end.trained.epochs)
        measures["best_epoch"] = float(end.trained.epoch + 1)
        if view.example is not None:
            timed = measure.latency(model, view.example)
            measures.update({k: v + view.extra_latency for k, v in timed.items()})
        path = self.path(trial.trial_id)
        exported = view.assemble(model)
        artifact.write(exported, path)
        if job.members > 1:
            self.models[trial.trial_id] = exported
        if job.candidates > 1 and isinstance(view.scorer, Scorer) and end.answers is not None:
            write_answers(self.folder, trial.trial_id, view.scorer.answers(end.answers()))
        # A member of an ensemble is traced and written as a trial is, in a larger graph.
        self._writing.append(watch.seconds)
        seen = amount(Margin.MEMBER) * float(np.mean(self._writing))
        job.member_seconds = max(amount(Margin.MEMBER_SECONDS), seen)
        measures["size_bytes"] = float(path.stat().st_size)
        return end.trained.metrics, measures

    def _trained(self, record: Any, hp: Any, view: View, batch_size: int | None) -> _Outcome:
        """The network that the hyperparameters describe, trained in the way that fits it."""
        if view.folds:
            # A trial is as long as its folds: there is nothing to go on with.
            self._ends[record.trial_id] = _End(fidelity=1.0)
            folded = FoldedTrial(self._fitting, self.job, self._pace, record, hp, view, batch_size)
            return _Outcome(*folded.run(must_end=bool(self.oracle.history.completed())))
        seed = seed_of(self.job.seed, record.number)
        watch = Stopwatch()
        network = self._fitting.offers.solve(hp, view, seed, self.job.deadline)
        if network is not None:
            if self.job.again:
                self.solved[record.trial_id] = Solved(network, watch.seconds)
            # The same holds for it: this is its full training at any rung.
            self._ends[record.trial_id] = _End(fidelity=1.0)
            assert view.scorer is not None, "a space with `solve` belongs to an estimator"
            answers = answers_of(network, view.validation[0])
            scores = view.scorer.validation(answers)
            return _Outcome(network, Trained(metrics=scores, epochs=1), lambda: answers)
        watch = Stopwatch()
        model = self.hypermodel.build(hp)
        if self._is_optional(record):
            self._pace.check_start(watch.seconds)
        if not isinstance(model, keras.Model):
            raise keras_tuner.errors.FatalTypeError(
                f"`build` must return a compiled keras.Model, received {type(model).__name__}."
            )
        inherited = self._inherit(record, model)
        return self._train(record, hp, model, view, batch_size, inherited)

    def _is_optional(self, record: Any) -> bool:
        """Whether a trial may be given up: there is an answer, and nothing of it is lost."""
        return bool(self.oracle.history.scored()) and not record.executions

    def _inherit(self, record: Any, model: keras.Model) -> dict[str, float]:
        """Gives a network the weights of its trial's parent; `inherited` is the share of them."""
        if record.parent is None or record.executions:
            return {}
        path = self.path(self.oracle.history.trials[record.parent].trial_id)
        if not path.exists():
            return {"inherited": 0.0}
        return {"inherited": inherit(model, artifact.load_model(path))}

    def _train(
        self,
        record: Any,
        hp: Any,
        model: keras.Model,
        view: View,
        batch_size: int | None,
        inherited: dict[str, float],
    ) -> _Outcome:
        job, pace, recipe = self.job, self._pace, self._fitting.offers.recipe(hp)
        by_rows = self.oracle.fidelity == "rows" and record.fidelity < 1
        view = part_of(view, record.fidelity, job.seed) if by_rows else view
        share, most = pace.share(recipe, record), pace.most(recipe)
        lengths = pace.lengths(recipe, record)
        plan = self._fitting.plan(
            recipe,
            batch_size,
            epochs=pace.epochs(lengths),
            lengths=lengths,
            deadline=pace.limit(max(share, most), record),
            share=pace.planned(share),
            most=pace.planned(most),
            optional=self._is_optional(record),
            seed=(job.seed, record.number),
            on_epoch=self._reports(record),
        )
        plan = self._resumed(plan, record)
        trained, answers = self._fitting.fit(hp, model, view, plan, batch_size)
        pace.note(plan, trained.full)
        self._ends[record.trial_id] = _End(_reached(record, trained, by_rows), trained.hopeless)
        if trained.state is not None and not trained.out_of_time:
            trained.state.write(checkpoint_path(self.folder, record.trial_id, record.rung))
        if answers is None and view.scorer is not None:
            answers = Predictor(model, view.validation[0])
        return _Outcome(model, trained, answers, inherited)

    def _reports(self, record: Any) -> Callable[[int, dict[str, float]], bool]:
        """What is told the epochs of a trial and says whether it is hopeless."""
        # Trained on more rows the epochs begin anew.
        before = record.reports[-1][0] + 1 if record.reports else 0
        offset = before if self.oracle.fidelity == "rows" else 0

        watch = Stopwatch()
        times: list[float] = []

        def on_epoch(epoch: int, logs: dict[str, float]) -> bool:
            times.append(watch.seconds)
            if len(times) > 1:  # the first one is mostly tracing
                self._pace.saw(record.number, (times[-1] - times[0]) / (len(times) - 1))
            self._on_event("epoch", record, {"epoch": epoch, "logs": logs})
            step = epoch + offset
            if record.reports and step <= record.reports[-1][0]:
                return False  # repeated, for want of a checkpoint or of memory
            self.oracle.update_trial(record.trial_id, logs, step=step)
            return bool(self.oracle.hopeless(record.trial_id))

        return on_epoch

    def _resumed(self, plan: Plan, record: Any) -> Plan:
        """The plan for a part of a full training, from where the last part has ended."""
        by_rows = self.oracle.fidelity == "rows"
        fidelity = 1.0 if by_rows else record.fidelity
        plan = replace(plan, fidelity=fidelity, keep=self._pace.pauses and record.fidelity < 1)
        if not record.executions:
            return plan
        start = State.read(
            checkpoint_path(self.folder, record.trial_id, record.executions[-1].rung)
        )
        if start is None:
            log.warning("The checkpoint of trial %s is gone: it starts again.", record.trial_id)
        elif by_rows:
            start, plan = replace(start, epochs=0), replace(plan, seed=(*plan.seed, record.rung))
        return replace(plan, start=start)

    def _batch_size(self, hp: Any) -> int | None:
        if self.job.batch_size is not None:
            return self.job.batch_size
        recipe = self._fitting.offers.recipe(hp)
        return recipe.batch_size if recipe else None


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What a trial has come to.

    Attributes:
        model: The network, with the weights that are scored.
        trained: How it was trained, and its scores.
        answers: Gives its answers to the validation rows; `None` where it has none to all of them.
        measures: What is known besides.
    """

    model: keras.Model
    trained: Trained
    answers: Answers | None = None
    measures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _End:
    """How far a training got, where it is not as far as it should, and whether it was given up."""

    fidelity: float | None = None
    hopeless: bool = False


def _reached(record: Any, trained: Trained, by_rows: bool) -> float | None:
    """The share of a full training that was reached, where something had cut it short."""
    if not (trained.out_of_time or trained.hopeless):
        return None
    # Half of the epoch that the clock broke off is done, for all that is known.
    epochs = trained.epochs - (0.5 if trained.out_of_time else 0.0)
    share = epochs / max(trained.full, 1) * (record.fidelity if by_rows else 1.0)
    return min(share, record.fidelity * (1 - 1e-6))
