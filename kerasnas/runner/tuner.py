"""One trial, from hyperparameters to a measured model in a file: the `keras_tuner.Tuner`."""

from __future__ import annotations

import copy
import difflib
import gc
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np

from kerasnas import artifact
from kerasnas.errors import ObjectiveError
from kerasnas.objectives import FREE_MEASURES
from kerasnas.runner import failures, housekeeping, measure
from kerasnas.runner.answers import Predictor, evaluator
from kerasnas.runner.candidates import write_answers
from kerasnas.runner.checkpoint import State, checkpoint_path
from kerasnas.runner.exploring import explore
from kerasnas.runner.fold_training import Fold, FoldTrainer
from kerasnas.runner.folds import mean_of
from kerasnas.runner.hosted import fit_by_keras
from kerasnas.runner.inheritance import inherit
from kerasnas.runner.job import Job
from kerasnas.runner.memory import Keeper
from kerasnas.runner.metrics import Scorer
from kerasnas.runner.plan import LENGTHS, Plan, Trained
from kerasnas.runner.screen import Screen
from kerasnas.runner.seeding import seed_of, seeded
from kerasnas.runner.training import Trainer, can_run
from kerasnas.runner.view import View, part_of
from kerasnas.spaces.solved import answers_of_trees

log = logging.getLogger("kerasnas")

_DEFAULT_EPOCHS = 64  # of an own hypermodel under a trial budget; early stopping ends most sooner
_SHARE = 1 / 6  # of the time that is left is for one trial, unless its recipe says otherwise
_OVERRUN = 2.0  # shares after which a slow trial is ended, once there is an answer
_PAUSING = 0.5  # of a share is for a full training where most trainings are short ones
_KEPT = 0.5  # of the time, at most, is kept for training the best one in full
_MARGIN = 1.2  # of the time that a full training seems to need
_LEAST_BUILDING = 0.8  # seconds for a member of an ensemble
_BUILDING = 2.0  # times the end of a trial, which building it into an ensemble takes
_LENGTHS_NOTE = "lengths"


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
        self._on_event = on_event
        self._memory = Keeper()
        self._measures: dict[str, dict[str, float]] = {}
        self._ends: dict[str, _End] = {}
        self._writing: list[float] = []  # seconds that measuring and writing trials has taken
        self._predict: Callable[[], np.ndarray] | None = None
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
        own = hasattr(self.hypermodel, "recipe")
        self.oracle.allow_pausing(self._epochs(own))
        self._pace: dict[int, float] = {}
        if job.clock.seconds is not None:
            self.oracle.hurry = self._must_finish
        screen = Screen(self.oracle, self.hypermodel, job)
        if screen.constraints:
            self.oracle.fill(accept=screen)

    def _populate_initial_space(self) -> None:
        """As keras-tuner's, which leaves it to be overridden, but the same in every run."""
        explore(self.hypermodel, self.oracle)

    def save(self) -> None:
        """Nothing to write: the history is the only state."""

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Runs trials until the oracle or the clock says stop."""
        while self._time_for_another():
            trial = self.oracle.create_trial(self.tuner_id)
            if trial.status == "STOPPED":
                break
            if trial.status == "IDLE":
                time.sleep(0.05)
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

    def _time_for_another(self) -> bool:
        history = self.oracle.history
        left = self.job.seconds_left
        if math.isinf(left):
            return True
        known = [e.seconds for t in history.finished for e in t.executions if e.status != "FAILED"]
        # Another trial must have a chance to come to an end; the first one always runs.
        needed = 0.5 * float(np.median(known)) if known else 0.0
        return left > needed if known else left > 0 or not history.finished

    def _run(self, trial: Any) -> None:
        begin = time.perf_counter()
        record = self.oracle.history.trials[int(trial.trial_id)]
        self._on_event("start", record, {})
        failure = ""
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
            log.warning("Trial %s failed. %s", trial.trial_id, failure)
        seconds = time.perf_counter() - begin
        measures = self._measures.pop(trial.trial_id, {})
        measures["train_seconds"] = record.seconds + seconds
        self.oracle.facts(
            trial.trial_id,
            measures=measures,
            seconds=seconds,
            failure=failure,
            spent=self.job.clock.spent,
        )
        self.oracle.end_trial(trial)
        housekeeping.keep_the_best(self.folder, self.oracle, self.job.candidates)
        housekeeping.keep_checkpoints(self.folder, self.oracle)
        self._on_event("end", record, {})

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
        job = self.job
        keras.backend.clear_session(free_memory=False)
        with seeded(job.seed, int(trial.trial_id)):
            hp = trial.hyperparameters
            view = job.view(hp)
            self._predict = None
            inherited: dict[str, float] = {}
            if view.folds:
                model, trained = self._in_folds(trial, hp, view, batch_size)
            else:
                model, trained = self._solve(hp, view, int(trial.trial_id))
            if model is None:
                model = self.hypermodel.build(hp)
                if not isinstance(model, keras.Model):
                    raise keras_tuner.errors.FatalTypeError(
                        "`build` must return a compiled keras.Model, received "
                        f"{type(model).__name__}."
                    )
                inherited = self._inherit(trial, model)
                trained = self._train(trial, hp, model, view, batch_size)
        begin = time.perf_counter()
        front = getattr(self.hypermodel, "front_sizes", None)
        front = front(trial.hyperparameters) if front is not None else None
        measures = measure.sizes(model, view.example, front) | inherited
        measures["epochs"] = float(trained.epochs)
        measures["best_epoch"] = float(trained.epoch + 1)
        if view.example is not None:
            timed = measure.latency(model, view.example)
            measures.update({k: v + view.extra_latency for k, v in timed.items()})
        path = self.path(trial.trial_id)
        artifact.write(view.assemble(model), path)
        self._keep_answers(trial.trial_id, model, view)
        # A member of an ensemble is read, copied and traced, where a trial is traced and written.
        self._writing.append(time.perf_counter() - begin)
        job.member_seconds = max(_LEAST_BUILDING, _BUILDING * float(np.mean(self._writing)))
        measures["size_bytes"] = float(path.stat().st_size)
        return trained.metrics, measures

    def _inherit(self, trial: Any, model: keras.Model) -> dict[str, float]:
        """Gives a network the weights of its trial's parent; `inherited` is the share of them."""
        record = self.oracle.history.trials[int(trial.trial_id)]
        if record.parent is None or record.executions:
            return {}
        path = self.path(self.oracle.history.trials[record.parent].trial_id)
        if not path.exists():
            return {"inherited": 0.0}
        return {"inherited": inherit(model, artifact.load_model(path))}

    def _solve(self, hp: Any, view: View, number: int) -> tuple[keras.Model | None, Trained]:
        """The fitted network of a family that no gradient steps train, or `None` for others."""
        solve = getattr(self.hypermodel, "solve", None)
        seed = seed_of(self.job.seed, number)
        network = solve(hp, view, seed, self.job.seconds_left) if solve is not None else None
        if network is None:
            return None, Trained()
        # There is nothing to go on with: this is its full training at any rung.
        self._ends[f"{number:04d}"] = _End(fidelity=1.0)
        assert view.scorer is not None, "a space with `solve` belongs to an estimator"
        self._predict = Predictor(network, view.validation[0])
        return network, Trained(metrics=view.scorer.validation(self._predict()), epochs=1)

    def _in_folds(
        self, trial: Any, hp: Any, view: View, batch_size: int | None
    ) -> tuple[keras.Model, Trained]:
        """Trains a network on every fold; their mean is the model, scored out of fold.

        Raises:
            TimeoutError: If time ran out before the last fold, and there is an answer already.
        """
        assert view.scorer is not None, "folds belong to an estimator"
        networks: list[keras.Model] = []
        answers: list[np.ndarray] = []
        ends: list[Trained] = []
        trainer = FoldTrainer()
        built: list[Fold] = []
        begin = time.perf_counter()
        for number in range(len(view.folds)):
            # Another fold must have a chance to come to an end.
            pace = (time.perf_counter() - begin) / max(1, len(networks))
            if networks and self.job.seconds_left < pace:
                break
            if number == 1 and trainer.worth_stacking(len(view.folds) - 1, ends[0].epochs):
                built = [
                    self._fold(trial, hp, view, rest, batch_size, ends)
                    for rest in range(1, len(view.folds))
                ]
                together = trainer.train_together(built, ends[0].epochs)
                if together is not None:
                    networks += [fold.network for fold in built]
                    ends += [end for end, _ in together]
                    answers += [answer for _, answer in together]
                    break
            fold = built[number - 1] if built else None
            network, end, answer = self._in_fold(
                trial, hp, view, number, batch_size, ends, trainer, fold
            )
            networks.append(network)
            ends.append(end)
            answers.append(answer)
        done = len(networks)
        if done < len(view.folds) and self.oracle.history.completed():
            raise TimeoutError(f"time ran out after {done} of {len(view.folds)} folds")
        rows = np.concatenate([valid for _, valid in view.folds[:done]])
        place = np.argsort(rows)
        ordered = np.concatenate(answers)[place]
        if done == len(view.folds):
            self._predict = lambda: ordered
        # A trial is as long as its folds: there is nothing to go on with.
        self._ends[trial.trial_id] = _End(fidelity=1.0)
        metrics = view.scorer.of(rows[place]).validation(ordered)
        epochs = round(float(np.mean([end.epoch for end in ends])))
        return mean_of(networks), Trained(
            metrics=metrics, epoch=epochs, epochs=max(end.epochs for end in ends)
        )

    def _in_fold(
        self,
        trial: Any,
        hp: Any,
        view: View,
        number: int,
        batch_size: int | None,
        before: list[Trained],
        trainer: FoldTrainer,
        fold: Fold | None,
    ) -> tuple[keras.Model, Trained, np.ndarray]:
        """Trains on one fold.

        Returns:
            The network, what came of its training, and its answers to the held-out rows.
        """
        hypermodel, seed = self._of_fold(number), seed_of(self.job.seed, int(trial.trial_id))
        solve = getattr(hypermodel, "solve", None)
        with seeded(seed, number):
            if solve is not None:
                part = view.fold(number)
                seconds = self.job.seconds_left / (len(view.folds) - number)
                solved = solve(hp, part, seed ^ number, seconds)
                if solved is not None:
                    held_out = part.validation[0]
                    quick = answers_of_trees(solved, held_out)
                    answers = Predictor(solved, held_out)() if quick is None else quick
                    return solved, Trained(epochs=1), answers
            fold = fold or self._fold(trial, hp, view, number, batch_size, before)
            if self._is_fast(fold.network, fold.part):
                return fold.network, *trainer.train(fold)
            end = self._fitted(hp, fold.network, fold.part, fold.plan, batch_size)
            return fold.network, end, Predictor(fold.network, fold.part.validation[0])()

    def _of_fold(self, number: int) -> Any:
        """The hypermodel: what a space learns from rows it has to learn from those of the fold."""
        of_fold = getattr(self.hypermodel, "for_fold", None)
        return self.hypermodel if of_fold is None else of_fold(number)

    def _fold(
        self,
        trial: Any,
        hp: Any,
        view: View,
        number: int,
        batch_size: int | None,
        before: list[Trained],
    ) -> Fold:
        """The network of a fold; those after the first take as many epochs as the first."""
        job = self.job
        with seeded(seed_of(job.seed, int(trial.trial_id)), number):
            recipe, network = self._recipe(hp), self._of_fold(number).build(hp)
            model = self._around(hp, network)
        record = self.oracle.history.trials[int(trial.trial_id)]
        left = len(view.folds) - number
        share = max(job.seconds_left * self._share(recipe, record.number) / left, 0.5)
        lengths = (recipe.lengths if recipe else None) or LENGTHS
        monitor = job.monitor
        plan = Plan(
            batch_size=batch_size or 32,
            epochs=before[0].full if before else self._epochs(recipe is not None, lengths),
            monitor=monitor.name if monitor else None,
            sign=1 if monitor is None or monitor.direction == "min" else -1,
            patience=recipe.patience if recipe else job.patience,
            rates=recipe.rates if recipe else None,
            lengths=lengths,
            seconds_left=lambda: job.seconds_left,
            share=share,
            seed=(job.seed, int(trial.trial_id), number),
            callbacks=copy.deepcopy(job.callbacks),
        )
        return Fold(network, model, view.fold(number), plan)

    def _train(
        self, trial: Any, hp: Any, model: keras.Model, view: View, batch_size: int | None
    ) -> Trained:
        job, recipe = self.job, self._recipe(hp)
        record = self.oracle.history.trials[int(trial.trial_id)]
        by_rows = self.oracle.fidelity == "rows" and record.fidelity < 1
        view = part_of(view, record.fidelity, job.seed) if by_rows else view
        monitor = job.monitor
        share = max(job.seconds_left * self._share(recipe, record.number), 1.0)
        lengths = self._lengths(recipe, record)
        plan = Plan(
            batch_size=batch_size or 32,
            epochs=self._epochs(recipe is not None, lengths),
            monitor=monitor.name if monitor else None,
            sign=1 if monitor is None or monitor.direction == "min" else -1,
            patience=recipe.patience if recipe else job.patience,
            rates=recipe.rates if recipe else None,
            lengths=lengths,
            seconds_left=self._limit(share, record),
            share=share * _PAUSING if self._rungs else share,
            seed=(job.seed, record.number),
            callbacks=copy.deepcopy(job.callbacks),
            on_epoch=self._reports(record),
        )
        plan = self._resumed(plan, record)
        trained = self._fitted(hp, model, view, plan, batch_size)
        self._note_length(lengths, trained.full, plan)
        self._ends[trial.trial_id] = _End(_reached(record, trained, by_rows), trained.hopeless)
        if trained.state is not None and not trained.out_of_time:
            trained.state.write(checkpoint_path(self.folder, record.trial_id, record.rung))
        return trained

    def _fitted(
        self, hp: Any, model: keras.Model, view: View, plan: Plan, batch_size: int | None
    ) -> Trained:
        """Trains by the fast loop, or by Keras's `fit` where a model or hypermodel needs it."""
        if not self._is_fast(model, view):
            return fit_by_keras(self.hypermodel, hp, model, view, self.job, plan, batch_size)
        validate = self._validation(model, view, plan)
        trained = self._around(hp, model)
        return Trainer(trained, view.x, view.y, view.weights, validate).run(plan)

    def _is_fast(self, model: keras.Model, view: View) -> bool:
        """Whether the fast loop trains as the model and the hypermodel would have it."""
        own_fit = type(self.hypermodel).fit is not keras_tuner.HyperModel.fit
        fitted_by_user = not hasattr(self.hypermodel, "recipe") and own_fit
        return not (fitted_by_user or self.job.fit_kwargs) and can_run(model, (view.x, view.y))

    def _around(self, hp: Any, model: keras.Model) -> keras.Model:
        """What is trained: the model, or what its hypermodel puts around it."""
        around = getattr(self.hypermodel, "train_model", None)
        return around(hp, model) if around is not None else model

    @property
    def _rungs(self) -> int:
        """How often a trial may pause."""
        return len(self.oracle.scheduler.rungs) - 1

    def _reports(self, record: Any) -> Callable[[int, dict[str, float]], bool]:
        """What is told the epochs of a trial and says whether it is hopeless."""
        # Trained on more rows the epochs begin anew.
        before = record.reports[-1][0] + 1 if record.reports else 0
        offset = before if self.oracle.fidelity == "rows" else 0

        times: list[float] = []

        def on_epoch(epoch: int, logs: dict[str, float]) -> bool:
            times.append(time.perf_counter())
            if len(times) > 1:  # the first one is mostly tracing
                self._pace[record.number] = (times[-1] - times[0]) / (len(times) - 1)
            self._on_event("epoch", record, {"epoch": epoch, "logs": logs})
            step = epoch + offset
            if record.reports and step <= record.reports[-1][0]:
                return False  # repeated, for want of a checkpoint or of memory
            self.oracle.update_trial(record.trial_id, logs, step=step)
            return bool(self.oracle.hopeless(record.trial_id))

        return on_epoch

    def _must_finish(self) -> bool:
        """Whether a short training more would leave no time to train the best one in full."""
        needed = self._finishing()
        if not needed:
            return False
        history = self.oracle.history
        longest = max(e.seconds for t in history.scored() for e in t.executions if e.rung == 0)
        return self.job.seconds_left < needed + longest

    def _finishing(self) -> float:
        """Seconds that the rest of a full training of the best paused trial needs."""
        waiting = [t for t in self.oracle.history.scored() if t.status == "STOPPED"]
        if not waiting:
            return 0.0
        best = min(waiting, key=lambda t: (-t.rung, self.oracle.objectives[0].loss(t.scores)))
        last = best.executions[-1]
        epochs = best.measures.get("epochs", 0.0)
        if best.number in self._pace and self.oracle.fidelity == "epochs":
            pace = self._pace[best.number]
            part = epochs / best.fidelity * (1.0 - best.fidelity)
            needed = pace * part + max(0.0, last.seconds - pace * epochs)
        else:
            needed = last.seconds / best.fidelity * (1.0 - best.fidelity)
        return _MARGIN * needed

    def _resumed(self, plan: Plan, record: Any) -> Plan:
        """The plan for a part of a full training, from where the last part has ended."""
        by_rows = self.oracle.fidelity == "rows"
        fidelity = 1.0 if by_rows else record.fidelity
        plan = replace(plan, fidelity=fidelity, keep=self._rungs > 0 and record.fidelity < 1)
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

    def _share(self, recipe: Any, number: int) -> float:
        """The share of the time left that a trial may take, by its number.

        A front is made of many trials: with several objectives none has more than the first.
        """
        shares = recipe.shares if recipe is not None else None
        if not shares:
            return _SHARE
        share = shares[min(number, len(shares) - 1)]
        return min(share, shares[0]) if len(self.job.objectives) > 1 else share

    def _lengths(self, recipe: Any, record: Any) -> Sequence[int]:
        """Epochs to choose from; where trials pause, the length of the first is that of all."""
        lengths = (recipe.lengths if recipe else None) or LENGTHS
        most = recipe.first_length if recipe else None
        if record.number or most is None or self._rungs:
            return lengths
        return [n for n in lengths if n <= most] or lengths[:1]

    def _note_length(self, lengths: Any, full: int, plan: Plan) -> None:
        """Where trials pause, all of them take the length that the first one was given."""
        if self._rungs and plan.epochs is None:
            noted = {**self._noted_lengths(), str(list(lengths)): full}
            self.oracle.history.note(_LENGTHS_NOTE, {"epochs": noted})

    def _noted_lengths(self) -> dict[str, int]:
        return dict(self.oracle.history.notes.get(_LENGTHS_NOTE, {}).get("epochs", {}))

    def _limit(self, share: float, record: Any) -> Callable[[], float]:
        """Seconds left for a trial: while there is no answer yet, all; later a few shares.

        Where trials pause, the last part of one has all the time that is left, and a shorter part
        leaves what the best one needs to be trained in full.
        """
        job = self.job
        last = bool(self._rungs) and record.fidelity == 1
        if not self.oracle.history.scored() or math.isinf(share) or last:
            return lambda: job.seconds_left
        end = job.clock.spent + _OVERRUN * share
        kept = self._finishing() if self._rungs else 0.0
        kept = kept if kept < _KEPT * job.seconds_left else 0.0  # it is not to be had any more
        return lambda: min(job.seconds_left - kept, end - job.clock.spent)

    def _validation(
        self, model: keras.Model, view: View, plan: Plan
    ) -> Callable[[], dict[str, float]]:
        if view.validation is None:
            return dict
        if view.scorer is not None:
            predict, score = Predictor(model, view.validation[0]), view.scorer.validation
            self._predict = predict
            return lambda: score(predict())
        return evaluator(model, view.validation, max(plan.batch_size, 1024))

    def _recipe(self, hp: Any) -> Any:
        recipe = getattr(self.hypermodel, "recipe", None)
        return recipe(hp) if recipe is not None else None

    def _batch_size(self, hp: Any) -> int | None:
        if self.job.batch_size is not None:
            return self.job.batch_size
        recipe = self._recipe(hp)
        return recipe.batch_size if recipe else None

    def _epochs(self, own: bool, lengths: Any = None) -> int | None:
        """Epochs of a full training; `None` where they are chosen by the clock."""
        epochs = self.job.epochs
        if epochs is None and own and self.job.clock.seconds is not None:
            return self._noted_lengths().get(str(list(lengths))) if lengths else None
        return epochs or (_DEFAULT_EPOCHS if own else 1)

    def _keep_answers(self, trial_id: str, model: keras.Model, view: View) -> None:
        """Keeps the answers to the validation rows, if an ensemble may want them."""
        partial = bool(view.folds) and self._predict is None  # time ran out between folds
        if self.job.candidates > 1 and isinstance(view.scorer, Scorer) and not partial:
            predict = self._predict or Predictor(model, view.validation[0])
            write_answers(self.folder, trial_id, view.scorer.answers(predict()))
        self._predict = None


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
