"""The function that runs every search, and the context in which it runs."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np

from kerasnas import oracles
from kerasnas.callbacks.callback import SearchCallback, SearchEvents, SearchInfo
from kerasnas.clock import Budget, Clock
from kerasnas.data.fingerprint import digest_of
from kerasnas.directories import Scratch, holding, is_whole_zip
from kerasnas.errors import DirectoryError, ObjectiveError, SearchSpaceError, shown
from kerasnas.history import History, TrialRecord
from kerasnas.interruption import Interruption, SearchStopped
from kerasnas.journal import JOURNAL, begun_in
from kerasnas.objectives import Constraint, Objective, violation
from kerasnas.oracles.ranking import pareto_first
from kerasnas.process_state import process_state_kept
from kerasnas.progress import Progress, Verbose, silent_if
from kerasnas.results import SearchResult
from kerasnas.spaces.space import Space
from kerasnas.trial import Job, Tuner
from kerasnas.trial.callbacks import settings_of
from kerasnas.trial.executors.executor import Executor, Inline
from kerasnas.trial.zero_cost import zero_cost_of

log = logging.getLogger("kerasnas")

_LARGEST_SEED = 2**32 - 1  # NumPy and Keras take no larger ones
_MOST_FAILURES = 20  # in a row; a broken build once failed 110 times before anybody looked


@dataclass(frozen=True)
class SearchPlan:
    """The settings of a search. Its data and its space are not among them.

    Attributes:
        objectives: What is optimised, most important first.
        budget: What may be spent.
        oracle: Short name or oracle.
        constraints: What is demanded.
        initial: Configurations to try first.
        portfolio: Known-good configurations of the space.
        directory: Where the journal and the files go; `None` for a temporary folder.
        seed: Seed.
        callbacks: Told how the search goes.
        executor: Where trials run; in this process, where none is given.
        identity: Finds what else makes this search another than one in the same directory. It is
            asked only where there is a directory: to digest all data takes time.
    """

    objectives: tuple[Objective, ...]
    budget: Budget
    oracle: Any = "auto"
    constraints: tuple[Constraint, ...] = ()
    initial: Sequence[Mapping[str, Any]] = ()
    portfolio: Sequence[Mapping[str, Any]] = ()
    directory: str | Path | None = None
    seed: int = 0
    callbacks: Sequence[SearchCallback] = ()
    executor: Executor = field(default_factory=Inline)
    identity: Callable[[], Mapping[str, Any]] = dict


@contextmanager
def searching_in(
    directory: str | Path | None, clock: Clock, verbose: Verbose, trials: int | None
) -> Iterator[tuple[Interruption, Progress]]:
    """The context of a fit, from the first check of the data to the answer.

    Nobody else searches in the directory, and the process is left as it was.

    Args:
        directory: Where the journal and the files go, held against other processes; `None` for a
            temporary folder.
        clock: The clock of the fit.
        verbose: As in `Progress`; 0 prints no warnings either.
        trials: The limit on trials, or `None`.

    Yields:
        What a signal does to the search, and what shows how the search goes.

    Raises:
        ArtifactError: If no files can be kept in the directory.
        DirectoryError: If another process searches there.
    """
    held, silent = holding(directory), silent_if(verbose == 0)
    interrupted, shown = Interruption(clock), Progress(verbose, clock, trials)
    with held, silent, process_state_kept(), interrupted as interruption, shown as progress:
        yield interruption, progress


def run(
    space: Space, job: Job, plan: SearchPlan, interruption: Interruption, progress: Progress
) -> SearchResult:
    """Runs a prepared search to the end of its budget.

    Args:
        space: The search space.
        job: What to train on.
        plan: How to search.
        interruption: What a signal does to it; see `searching_in`.
        progress: Shows how it goes; see `searching_in`.

    Raises:
        DirectoryError: If nothing more can be written before there is an answer.
    """
    oracle = check_oracle(plan.oracle, plan.objectives)
    scratch = Scratch()
    home = Path(plan.directory) if plan.directory is not None else scratch.path
    folder = home / "trials"
    folder.mkdir(parents=True, exist_ok=True)
    events = SearchEvents(plan.callbacks, progress)
    told = partial(_told, events, oracle, plan, interruption)
    tuner = Tuner(
        *(oracle, space, job, folder, scratch.path, told, interruption.breakable, plan.executor)
    )
    tuner.begin(_context(space, job, plan))
    journal = home / JOURNAL if plan.directory is not None else None
    history = History(journal, _identity(oracle, job, plan))
    nothing_left = _reopen_lost(history, plan, tuner)
    job.clock.resume(0.0 if nothing_left else history.spent)  # what is lost was not spent
    oracle.bind(history)
    events.begin(_info(oracle, plan))
    progress.judge_by(plan.objectives[0], plan.constraints, history.scored())
    try:
        with _ending(history, plan, interruption):
            progress.detail(oracle.describe())
            if _is_answered(history, plan):
                interruption.allow()
            for attempt in tuner.attempts():
                with interruption.breakable():
                    execution = tuner.pool.submit(attempt)
                tuner.took(attempt, execution)
                if reason := _hopeless(history):
                    log.warning("The search ended early: %s.", reason)
                    break
            if oracle.stop_reason:
                progress.say(f"The search ended early: {oracle.stop_reason}.")
        _tell_of_lost(history, plan, tuner)
    finally:
        tuner.close()
        with suppress(DirectoryError):
            history.note("stopped", {}, spent=job.clock.spent)
        history.close()
    result = _found(history, plan, tuner, scratch)
    events.end(result)
    return result


def _found(history: History, plan: SearchPlan, tuner: Tuner, scratch: Scratch) -> SearchResult:
    """The result of a search that has ended."""
    return SearchResult(
        history=history,
        objectives=plan.objectives,
        constraints=plan.constraints,
        strategy=tuner.oracle.describe(),
        first_traceback=tuner.first_traceback,
        networks=tuner.networks,
        solved=tuner.solved,
        scratch=scratch,
        seed=plan.seed,
        member_seconds=tuner.reserve.member_seconds,
    )


def _info(oracle: oracles.Oracle, plan: SearchPlan) -> SearchInfo:
    """The facts that callbacks receive before the first trial."""
    return SearchInfo(
        objectives=plan.objectives,
        budget=plan.budget,
        strategy=oracle.describe(),
        seed=plan.seed,
        directory=None if plan.directory is None else Path(plan.directory),
    )


def _told(
    events: SearchEvents,
    oracle: oracles.Oracle,
    plan: SearchPlan,
    interruption: Interruption,
    event: str,
    trial: TrialRecord,
    details: Mapping[str, Any],
) -> None:
    """Passes on an event of a trial. After the end of a trial there may be an answer."""
    events(event, trial, details)
    if event == "end" and _is_answered(oracle.history, plan):
        interruption.allow()


@contextmanager
def _ending(history: History, plan: SearchPlan, interruption: Interruption) -> Iterator[None]:
    """Inside it, a signal or a full disk ends the search. Finished trials are kept.

    Raises:
        DirectoryError: If nothing more can be written before there is an answer.
    """
    try:
        yield
    except SearchStopped:
        pass
    except DirectoryError as error:
        if not _is_answered(history, plan):
            raise
        log.warning("%s The best model so far is the answer.", error)
    interruption.announce()


def _is_answered(history: History, plan: SearchPlan) -> bool:
    """Whether a finished trial can answer."""
    return any(violation(plan.constraints, trial.scores) == 0 for trial in history.scored())


def _hopeless(history: History) -> str:
    """Why the search must end, if too many trials in a row fail; empty otherwise."""
    latest = [t for t in history.finished if not t.out_of_time][-_MOST_FAILURES:]
    if len(latest) < _MOST_FAILURES or any(t.status != "FAILED" for t in latest):
        return ""
    reason, count = Counter(t.failure for t in latest).most_common(1)[0]
    return f"the last {len(latest)} trials failed, {count} of them with {reason}"


def _reopen_lost(history: History, plan: SearchPlan, tuner: Tuner) -> bool:
    """Runs the best trials again if their files are missing or damaged.

    Returns:
        Whether no other trial can answer in their place.
    """
    scored, path = _ranked(history, plan), tuner.networks.path
    lost = list(takewhile(lambda t: not is_whole_zip(path(t.trial_id)), scored))
    for trial in lost:
        history.reopen(trial.number)
    if lost:
        log.warning(
            "The files of the best trials (%s) are gone or damaged: these trials run again.",
            ", ".join(t.trial_id for t in lost[:3]) + (", …" if len(lost) > 3 else ""),
        )
    return bool(lost) and len(lost) == len(scored)


def _tell_of_lost(history: History, plan: SearchPlan, tuner: Tuner) -> None:
    """Warns if the file of the best trial disappeared while other trials ran."""
    for best in _ranked(history, plan)[:1]:
        if not tuner.networks.there(best.trial_id):
            log.warning(
                "The file of the best trial (%s) is gone: the best trial that has one answers. "
                "With `directory` the same call runs the lost trial again.",
                best.trial_id,
            )


def _ranked(history: History, plan: SearchPlan) -> list[TrialRecord]:
    """The trials that may answer, in the order of `SearchResult.best_trial`."""
    in_order = sorted(history.scored(), key=lambda t: t.number)
    return pareto_first(in_order, plan.objectives, plan.constraints)


def _identity(oracle: oracles.Oracle, job: Job, plan: SearchPlan) -> dict[str, Any]:
    """The facts that tell this search from another one in the same directory."""
    return {
        "objective": [[o.name, o.direction] for o in plan.objectives],
        "constraints": [[c.name, c.min, c.max] for c in plan.constraints],
        "oracle": oracle.label,
        "seed": plan.seed,
        "space": _space_fingerprint(oracle.get_space()),
        **_settings(job, plan),
        **(plan.identity() if plan.directory is not None else {}),
    }


def _context(space: Space, job: Job, plan: SearchPlan) -> oracles.Context:
    """The context of the oracle, without the facts that the trial engine adds."""
    return oracles.Context(
        objectives=plan.objectives,
        max_trials=plan.budget.trials,
        seconds=plan.budget.seconds,
        seed=plan.seed,
        constraints=plan.constraints,
        initial=tuple(plan.initial),
        portfolio=tuple(plan.portfolio),
        turns_after=space.turns_after,
        zero_cost=zero_cost_of(space, job),
        noisy=True,
    )


def check_oracle(oracle: Any, objectives: Sequence[Objective]) -> oracles.Oracle:
    """Whether a strategy can be used for what is optimised, found out before any data are read.

    Args:
        oracle: As in `search`.
        objectives: What is optimised.

    Returns:
        A fresh oracle.

    Raises:
        SearchSpaceError: If no strategy has this name, or the object is no oracle of kerasnas.
        ObjectiveError: If the oracle optimises something else.
    """
    fresh = oracles.create(oracle)
    if fresh.has_objective and fresh.objectives != tuple(objectives):
        raise ObjectiveError(
            f"The oracle optimises {[o.name for o in fresh.objectives]}, `objective` says "
            f"{[o.name for o in objectives]}. Give one of them, or the same to both."
        )
    return fresh


def check_seed(seed: Any) -> None:
    """Whether a seed can be one.

    Raises:
        SearchSpaceError: If it is neither `None` nor a whole number from 0 to 2**32 - 1.
    """
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if seed is not None and not (whole and 0 <= seed <= _LARGEST_SEED):
        raise SearchSpaceError(
            f"`seed` must be a whole number from 0 to {_LARGEST_SEED}, or None, received "
            f"{shown(seed)}."
        )


def settle_seed(seed: int | None, directory: str | Path | None) -> int:
    """The seed to use: the given one, that of the search in the directory, or a fresh one."""
    check_seed(seed)
    if seed is not None:
        return int(seed)
    stored = begun_in(directory).get("seed")
    if isinstance(stored, int):
        return stored
    return int(np.random.SeedSequence().generate_state(1)[0] % 2**31)


def _settings(job: Job, plan: SearchPlan) -> dict[str, Any]:
    """Settings of training that differ from their defaults."""
    kept = {
        "epochs": job.epochs,
        "batch_size": job.batch_size,
        "callbacks": [[name, digest_of(told)] for name, told in settings_of(job.callbacks)],
        "initial": digest_of([dict(values) for values in plan.initial]) if plan.initial else None,
        "fit": {name: str(value) for name, value in job.fit_kwargs.items()},
    }
    return {name: value for name, value in kept.items() if value}


def _space_fingerprint(space: keras_tuner.HyperParameters) -> str:
    return digest_of(space.get_config()["space"])
