"""What each searcher does beyond the conformance checks."""

import itertools
import math
import warnings

import keras_tuner
import numpy as np
import pytest

from kerasnas import oracles
from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles import searchers
from kerasnas.oracles.searchers import gp, kernel, reinforce
from kerasnas.oracles.space import ValueSpace

LOSS = (Objective("val_loss"),)
ALL = {
    "random": searchers.RandomSearcher(),
    "evolution": searchers.EvolutionSearcher(10, 3),
    "local": searchers.LocalSearcher(),
    "reinforce": searchers.ReinforceSearcher(),
    "gp": searchers.GpSearcher(),
    "tpe": searchers.TpeSearcher(),
    "nsga2": searchers.Nsga2Searcher(10, 3),
}


def cell_space(edges=6, operations=5):
    hp = keras_tuner.HyperParameters()
    for i in range(edges):
        hp.Choice(f"edge{i}", [f"op{j}" for j in range(operations)])
    return ValueSpace(hp)


def cell_loss(values):
    """A rugged landscape with a slope; the best cell has loss 0."""
    wrong = [int(op[2:]) for op in values.values()]
    pairs = sum(a != b for a, b in itertools.pairwise(wrong))
    return sum(wrong) / 10 + pairs / 20


def run(searcher, space, trials, loss, seed, objectives=LOSS, constraints=(), measure=None):
    history = History()
    for number in range(trials):
        rng = np.random.default_rng([seed, number])
        values = searcher.suggest(space, history, objectives, rng, constraints)
        history.start(values)
        score = loss(values)
        metrics = score if isinstance(score, dict) else {objectives[0].name: score}
        measures = {} if measure is None else {"params": measure(values)}
        history.finish(number, "COMPLETED", metrics=metrics, measures=measures)
    return history


def best(history):
    return min(t.metrics["val_loss"] for t in history)


@pytest.mark.parametrize("name", ["evolution", "local", "reinforce", "gp", "tpe"])
def test_learning_beats_chance(name):
    space = cell_space()
    seeds = range(5)
    chance = np.mean([best(run(ALL["random"], space, 45, cell_loss, s)) for s in seeds])
    learned = np.mean([best(run(ALL[name], space, 45, cell_loss, s)) for s in seeds])
    assert learned < chance


@pytest.mark.parametrize("name", ["evolution", "local", "gp", "tpe", "nsga2"])
def test_constraints_on_what_is_measured_draw_the_search_inside(name):
    space = cell_space()

    def size(values):
        return sum(int(op[2:]) == 4 for op in values.values())

    history = run(
        ALL[name], space, 60, cell_loss, 0, constraints=(Constraint("params", min=3),), measure=size
    )
    # One cell in ten is inside.
    assert np.mean([t.measures["params"] >= 3 for t in history.trials[30:]]) > 0.3


def test_evolution_forgets_the_oldest():
    space = cell_space()
    history = run(ALL["random"], space, 30, cell_loss, 0)
    history.trials[0].metrics["val_loss"] = -9.0
    parent = history.trials[0].values
    searcher = searchers.EvolutionSearcher(population=10, sample=50)
    child = searcher.suggest(space, history, LOSS, np.random.default_rng(0))
    youngest = min(history.finished[-10:], key=lambda t: t.metrics["val_loss"]).values
    assert sum(child[k] != youngest[k] for k in child) == 1
    assert sum(child[k] != parent[k] for k in child) > 1


def test_local_search_stays_near_and_restarts_at_an_optimum():
    space = cell_space(edges=2, operations=3)
    history = run(ALL["local"], space, 5, cell_loss, 1)
    keys = {space.key(t.values) for t in history}
    number = len(history)
    incumbent = min(history, key=lambda t: t.metrics["val_loss"]).values
    values = ALL["local"].suggest(space, history, LOSS, np.random.default_rng([1, number]))
    if space.key(values) not in keys:
        assert sum(values[k] != incumbent[k] for k in values) in (1, 2)
    # All nine tried: only a random restart is left to say.
    for point in space.grid():
        if space.key(point) not in keys:
            history.finish(
                history.start(point).number, "COMPLETED", metrics={"val_loss": cell_loss(point)}
            )
    assert ALL["local"].suggest(space, history, LOSS, np.random.default_rng(0)) is not None


def test_reinforce_sees_numbers_on_a_grid_of_eight():
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    hp.Int("n", 1, 5)
    space = ValueSpace(hp)
    rng = np.random.default_rng(0)
    drawn = [ALL["reinforce"].suggest(space, History(), LOSS, rng) for _ in range(200)]
    assert len({v["x"] for v in drawn}) == 8
    assert {v["n"] for v in drawn} == {1, 2, 3, 4, 5}


def test_rewards_are_accuracies_in_percent():
    accuracy = (Objective("val_accuracy"),)
    history = run(ALL["random"], cell_space(), 9, lambda v: 0.5 + cell_loss(v) / 10, 0, accuracy)
    received = reinforce.rewards(history.finished, accuracy)
    assert received[0] == pytest.approx(100 * history.trials[0].metrics["val_accuracy"])
    history.finish(history.start({}).number, "FAILED")
    assert reinforce.rewards(history.finished, accuracy)[-1] == min(received)


def test_reinforce_follows_the_published_update():
    """One step of Adam on the policy gradient with a bias-corrected baseline, by hand."""
    hp = keras_tuner.HyperParameters()
    hp.Choice("op", ["a", "b"])
    space = ValueSpace(hp)
    accuracy = (Objective("val_accuracy"),)
    history = History()
    for op, value in (("a", 0.5), ("b", 0.9)):
        history.finish(
            history.start({"op": op}).number, "COMPLETED", metrics={"val_accuracy": value}
        )
    policy = searchers.ReinforceSearcher(learning_rate=0.01)._policy(space, history, accuracy, ())
    # Step 1 has no advantage. Step 2: baseline (0.9 * 0.1 * 50 + 0.1 * 90) / 0.19.
    gradient = (90 - (0.09 * 50 + 9) / 0.19) * np.array([0.5, -0.5])
    step = (0.1 * gradient / (1 - 0.81)) / (np.sqrt(0.001 * gradient**2 / (1 - 0.999**2)) + 1e-8)
    assert policy["op"] == pytest.approx(-0.01 * step)


def test_the_gaussian_process_survives_failures_and_ties():
    space = cell_space()
    history = run(ALL["random"], space, 20, lambda v: 1.0, 0)
    for number in range(20, 25):
        history.start(space.random(np.random.default_rng(number)))
        history.finish(number, "FAILED", metrics={"val_loss": math.nan})
    assert space.check(ALL["gp"].suggest(space, history, LOSS, np.random.default_rng(0))) == []


def test_the_gaussian_process_follows_numbers_too():
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    hp.Float("y", 0.0, 1.0)
    history = run(
        ALL["gp"], ValueSpace(hp), 40, lambda v: (v["x"] - 0.3) ** 2 + (v["y"] - 0.8) ** 2, 0
    )
    assert best(history) < 2e-3


def test_bayesian_picks_the_model_that_suits():
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    bayesian = searchers.BayesianSearcher()
    assert "Hamming" in bayesian.describe(cell_space())
    assert "Matérn" in bayesian.describe(ValueSpace(hp))


def test_values_lead_a_gaussian_process_close_to_a_smooth_minimum():
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    hp.Float("y", 1e-4, 1.0, sampling="log")
    kind = hp.Choice("kind", ["a", "b"])
    assert kind == "a"

    def loss(v):
        far = 1e6 if v["x"] > 0.95 else 0.0  # must not hide the differences that matter
        log = np.log10(v["y"]) + 2
        return (v["x"] - 0.3) ** 2 + 0.1 * log**2 + 0.2 * (v["kind"] == "b") + far

    history = run(ALL["gp"], ValueSpace(hp), 40, loss, 0)
    assert best(history) < 1e-4


def trained(points, loss):
    history = History()
    for number, (x, y) in enumerate(points):
        history.start({"x": float(x), "y": float(y)})
        score = {"val_loss": loss(float(x), float(y))}
        history.finish(number, "COMPLETED", metrics=score)
    return history


@pytest.mark.parametrize("misleads", [False, True])
def test_short_trainings_beside_full_ones_are_believed_as_far_as_they_agree(misleads):
    """Twenty short trainings know where the valley is; three full ones do not."""
    draws = [np.random.default_rng(seed).uniform(size=(20, 2)) for seed in range(4)]

    def truth(x, y):
        return (x - 0.8) ** 2 + (y - 0.2) ** 2

    def short_loss(x, y):
        return truth(1 - x, 1 - y) if misleads else truth(x, y) + 1

    losses = {"alone": [], "beside": []}
    for points, seed in itertools.product(draws, range(4)):
        history = trained(points[:3], truth)
        alone = searchers.GpSearcher(startup=3)
        aside = trained(points, short_loss).finished
        for name, searcher in (("alone", alone), ("beside", alone.beside(aside))):
            values = searcher.suggest(plane(), history, LOSS, np.random.default_rng(seed))
            losses[name].append(truth(**values))
    limit = 2.0 if misleads else 0.5
    assert np.mean(losses["beside"]) < limit * np.mean(losses["alone"])


def test_short_trainings_say_nothing_once_there_are_enough_full_ones():
    points = np.random.default_rng(0).uniform(size=(8, 2))
    history = trained(points, lambda x, y: x + y)
    aside = trained(points, lambda x, y: -x - y).finished

    def answers(searcher, full):
        seen = trained(points[:full], lambda x, y: x + y)
        return searcher.suggest(plane(), seen, LOSS, np.random.default_rng(0))

    alone = searchers.GpSearcher(startup=3)
    enough = gp.ENOUGH_FULL * 2
    assert len(history) > enough
    assert answers(alone.beside(aside), enough) == answers(alone, enough)
    assert answers(alone.beside(aside), enough - 1) != answers(alone, enough - 1)


@pytest.mark.parametrize("name", ["nsga2", "tpe", "evolution"])
def test_two_objectives_spread_along_the_front(name):
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    hp.Float("y", 0.0, 1.0)
    both = (Objective("val_loss"), Objective("params"))

    def scores(v):
        return {"val_loss": v["x"] + v["y"], "params": (1 - v["x"]) + v["y"]}

    found = run(ALL[name], ValueSpace(hp), 80, scores, 0, both)
    assert np.mean([t.values["y"] for t in found.trials[40:]]) < 0.35
    assert np.ptp([t.values["x"] for t in found.trials[40:]]) > 0.3


def plane():
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    hp.Float("y", 0.0, 1.0)
    return ValueSpace(hp)


def test_a_gaussian_process_keeps_away_from_running_trials():
    def bowl(values):
        return (values["x"] - 0.3) ** 2 + (values["y"] - 0.6) ** 2

    space, searcher = plane(), ALL["gp"]
    history, asked = run(searcher, space, 20, bowl, 0), []
    for number in range(4):
        rng = np.random.default_rng([7, number])
        asked.append(searcher.suggest(space, history, LOSS, rng))
        history.start(asked[-1])
    points = np.array([[v["x"], v["y"]] for v in asked])
    gaps = np.linalg.norm(points[:, None] - points[None], axis=-1)
    assert gaps[np.triu_indices(4, 1)].min() > 0.005


def test_a_kernel_is_chosen_by_few_of_many_trials(monkeypatch):
    space = plane()
    history = run(ALL["random"], space, 90, lambda v: v["x"] + v["y"] ** 2, 0)
    sizes, fit = [], gp.fit_kernel
    monkeypatch.setattr(
        gp, "fit_kernel", lambda k, gaps, y: sizes.append(len(y)) or fit(k, gaps, y)
    )
    ALL["gp"].suggest(space, history, LOSS, np.random.default_rng(0))
    assert sizes.count(90) == 1
    assert max(s for s in sizes if s != 90) <= gp.TEACHERS


@pytest.mark.parametrize("name", ["gp", "local", "reinforce", "evolution"])
def test_a_thousand_hyperparameters_are_few_candidates(name, monkeypatch):
    hp = keras_tuner.HyperParameters()
    for i in range(500):
        hp.Float(f"float{i}", 0.0, 1.0)
        hp.Choice(f"choice{i}", ["a", "b"])
    space, made = ValueSpace(hp), []
    history = run(ALL["random"], space, 12, lambda v: sum(v[f"float{i}"] for i in range(500)), 0)
    for method in ("repair", "random"):
        whole = getattr(ValueSpace, method)
        monkeypatch.setattr(ValueSpace, method, lambda *a, whole=whole: made.append(1) or whole(*a))
    values = ALL[name].suggest(space, history, LOSS, np.random.default_rng(0))
    assert len(values) == 1000
    assert len(made) <= 10


def test_a_parzen_estimator_asks_once_where_it_repeats_itself(monkeypatch):
    space = cell_space(edges=2, operations=3)
    history, asked, ask = History(), [], searchers.TpeSearcher._ask
    for values in list(space.grid())[:-1]:
        loss = {"val_loss": cell_loss(values)}
        history.finish(history.start(values).number, "COMPLETED", metrics=loss)
    monkeypatch.setattr(searchers.TpeSearcher, "_ask", lambda *a: asked.append(1) or ask(*a))
    found = [ALL["tpe"].suggest(space, history, LOSS, np.random.default_rng(s)) for s in range(5)]
    assert found.count({"edge0": "op2", "edge1": "op2"}) >= 3
    assert len(asked) == 5


@pytest.mark.parametrize("name", sorted(oracles.STRATEGIES))
def test_proposals_for_several_workers_differ(name):
    hp = keras_tuner.HyperParameters()
    for i in range(3):
        hp.Float(f"x{i}", 0.0, 1.0)
    oracle = oracles.STRATEGIES[name]("val_loss", seed=0, hyperparameters=hp)
    oracle.verbose = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rungs where nobody pauses
        for _ in range(12):
            trial = oracle.create_trial("worker")
            loss = sum((v - 0.4) ** 2 for v in trial.hyperparameters.values.values())
            oracle.update_trial(trial.trial_id, {"val_loss": loss})
            oracle.end_trial(trial)
        asked = [oracle.create_trial(f"worker{i}").hyperparameters.values for i in range(8)]
    assert len({tuple(v.values()) for v in asked}) == 8


@pytest.mark.parametrize("values", [3, 40])
@pytest.mark.parametrize("columns", [0, 1, 60])
def test_differing_choices_are_counted_as_if_all_cells_were_compared(columns, values):
    rng = np.random.default_rng(0)
    one, other = (rng.integers(-1, values, (n, columns)).astype(float) for n in (9, 4))
    encoded = [
        kernel.Encoded(rows, np.empty((len(rows), 0)), np.zeros(len(rows), dtype=bool))
        for rows in (one, other)
    ]
    gaps = kernel.Gaps.between(*encoded)
    expected = (one[:, None, :] != other[None, :, :]).sum(-1) * min(
        1.0, kernel.MANY / max(columns, 1)
    )
    assert gaps.differing.tobytes() == np.asarray(expected, dtype=float).tobytes()
