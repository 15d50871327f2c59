"""Networks trained in one program come to the weights that each would come to alone."""

import keras
import numpy as np
import pytest

from kerasnas.clock import Deadline
from kerasnas.spaces.method import Training
from kerasnas.spaces.recipes import GroupedAdamW, Pacing
from kerasnas.spaces.recipes.training_form import training_form
from kerasnas.trial.methods.stacked import StackedMember, StackedTrainer
from kerasnas.trial.methods.stacked_step import CannotStackError
from kerasnas.trial.plan import Plan
from kerasnas.trial.training import Trainer


@pytest.fixture(autouse=True)
def exact():
    """What differs by rounding alone is not hidden by it."""
    usual, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(usual)
    keras.config.set_dtype_policy(policy)


def network(seed, optimizer="adamw", rate=0.01, clip=None, share=None, whole=False, drop=0.5):
    """A trained model, with what is turned in training."""
    keras.utils.set_random_seed(seed)
    x = keras.Input((4,))
    h = keras.layers.Dense(8, activation="relu")(x)
    h = keras.layers.Dropout(drop)(keras.layers.BatchNormalization()(h))
    plain = keras.Model(x, keras.layers.Dense(1)(h))
    turned = keras.Variable(1.0, trainable=False) if share is not None else None
    model = training_form(plain, turned)
    if optimizer == "grouped":
        kernel = model.trainable_variables[0].path
        chosen = GroupedAdamW(rate, 0.05, {kernel: (0.3, 0.1)}, beta_2=0.95, global_clipnorm=clip)
    elif optimizer == "sgd":
        chosen = keras.optimizers.SGD(rate, 0.9, True, weight_decay=1e-3, global_clipnorm=clip)
    else:
        chosen = keras.optimizers.AdamW(rate, weight_decay=0.02, global_clipnorm=clip)
        chosen.exclude_from_weight_decay(var_names=["bias", "gamma"])
    model.compile(optimizer=chosen, loss="mse")
    courses = []
    if share is not None:
        courses.append((turned, lambda steps: share * np.linspace(1.0, 0.2, steps)))
    if optimizer == "grouped":
        courses.append((chosen.decay_share, lambda steps: np.linspace(1.0, 0.1, steps)))
    return Training(model, Pacing(tuple(courses), whole))


def rows(number, count):
    rng = np.random.default_rng(number)
    x = rng.normal(size=(count, 4))
    return x, (x[:, :1] * x[:, 1:2] + x[:, 2:3])


def plan(number, **given):
    settings = {
        "batch_size": 16,
        "epochs": 6,
        "monitor": "val_loss",
        "rates": lambda steps: np.linspace(1.0, 0.1, steps),
        "seed": (3, number),
    }
    return Plan(**{**settings, **given})


def score(answers):
    return {"val_loss": float(np.mean((answers - rows(99, 40)[1]) ** 2))}


def scored(model):
    return score(model(rows(99, 40)[0], training=False).numpy())


def weights_of(count):
    return np.linspace(0.5, 2.0, count)


def alone(settings, plans, counts, weighted=False):
    """Each network trained by itself, and what came of it."""
    models, ends = [], []
    for i, (given, how, count) in enumerate(zip(settings, plans, counts, strict=True)):
        training = network(i, **given)
        model, pacing = training.model, training.pacing
        weights = weights_of(count) if weighted else None
        trainer = Trainer(model, *rows(i, count), weights, lambda m=model: scored(m), pacing)
        ends.append(trainer.run(how))
        models.append(model)
    return models, ends


def members_of(settings, plans, counts, weighted=False):
    members = []
    for i, (given, how, count) in enumerate(zip(settings, plans, counts, strict=True)):
        training = network(i, **given)
        weights = weights_of(count) if weighted else None
        held_out = rows(99, 40)[0]
        members.append(
            StackedMember(training.model, training, *rows(i, count), weights, how, held_out, score)
        )
    return members


def together(members, xla=False):
    ends = StackedTrainer(members, xla=xla).run()
    return [member.training.model for member in members], ends


def check(one, other):
    """Same weights, same best epochs, same course of every metric."""
    (models, ends), (stacked, results) = one, other
    for a, b in zip(models, stacked, strict=True):
        for own, theirs in zip(a.get_weights(), b.get_weights(), strict=True):
            # The metrics are kept in float32; so is a learning rate that is turned.
            np.testing.assert_allclose(own, theirs, rtol=1e-6, atol=1e-9)
    for end, result in zip(ends, results, strict=True):
        assert (end.epoch, end.epochs, end.full) == (result.epoch, result.epochs, result.full)
        for logs, theirs in zip(end.history, result.history, strict=True):
            assert logs.keys() == theirs.keys()
            np.testing.assert_allclose(list(logs.values()), list(theirs.values()), rtol=1e-4)


def different(optimizer):
    """Settings that differ in learning rate, clip norm and dropout."""
    return [
        {"optimizer": optimizer, "rate": rate, "clip": clip, "share": share}
        for rate, clip, share in ((0.01, 5.0, 1.0), (0.03, 0.5, 0.0), (0.003, 0.05, 0.6))
    ]


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "grouped"])
def test_members_that_differ_in_all_that_is_their_own(optimizer):
    # The last batches of an epoch have 2, 1 and 2 rows; one member ends early, one has less time.
    last = 6 if optimizer == "grouped" else 4
    plans = [plan(0), plan(1, patience=1, sign=-1), plan(2, epochs=last)]
    given = different(optimizer), plans, [50, 49, 50]
    expected = alone(*given)
    assert min(end.epochs for end in expected[1]) < 6
    check(expected, together(members_of(*given)))


@pytest.mark.parametrize("weighted", [False, True])
def test_whole_batches_and_weights(weighted):
    settings = [{"whole": True, "clip": 1.0}] * 2
    given = settings, [plan(0, rates=None), plan(1, rates=None)], [40, 47], weighted
    check(alone(*given), together(members_of(*given)))


def test_compiled_members_are_what_each_is_compiled_alone():
    # XLA draws other random numbers: with dropout only programs that are both compiled are equal.
    plans = [plan(0), plan(1)]
    given = different("adamw")[:2], plans, [50, 49]
    one_by_one = [together([member], xla=True) for member in members_of(*given)]
    expected = [m for models, _ in one_by_one for m in models], [e for _, [e] in one_by_one]
    check(expected, together(members_of(*given), xla=True))
    settings = [{"drop": 0.0, "clip": 1.0}] * 2
    given = settings, plans, [50, 49]
    check(alone(*given), together(members_of(*given), xla=True))


def test_timing_a_step_changes_nothing():
    given = different("adamw"), [plan(0), plan(1), plan(2)], [50, 50, 50]
    timed = members_of(*given)
    trainer = StackedTrainer(timed)
    assert trainer.pace() > 0
    ends = trainer.run()
    check(together(members_of(*given)), ([m.training.model for m in timed], ends))


def test_the_clock_ends_all_of_them():
    calls = iter(range(100))
    deadline = Deadline(9.5, now=lambda: next(calls))
    plans = [plan(i, epochs=50, deadline=deadline) for i in range(2)]
    members = members_of([{}, {}], plans, [50, 50])
    _, ends = together(members)
    assert [end.epochs for end in ends] == [11, 11]
    assert all(end.out_of_time for end in ends)


@pytest.mark.parametrize(
    ("settings", "counts", "given", "words"),
    [
        ([{}, {"optimizer": "sgd"}], [50, 50], {}, "differ in more than"),
        ([{"clip": 1.0}, {}], [50, 50], {}, "clip norm"),
        ([{}, {"whole": True}], [50, 50], {}, "batches"),
        ([{}, {}], [50, 12], {}, "batches differ"),
        ([{}, {}], [48, 49], {}, "number of steps"),
        ([{}, {}], [50, 50], {"callbacks": [keras.callbacks.Callback()]}, "callbacks"),
        ([{}, {}], [50, 50], {"epochs": None}, "open lengths"),
    ],
)
def test_what_cannot_be_stacked_is_refused(settings, counts, given, words):
    members = members_of(settings, [plan(0, **given), plan(1, **given)], counts)
    with pytest.raises(CannotStackError, match=words):
        StackedTrainer(members)


def test_embeddings_are_refused():
    # Keras squares the gradient of each row of a batch there, not that of their sum.
    x = keras.Input((1,), dtype="int32")
    h = keras.layers.Flatten()(keras.layers.Embedding(5, 3)(x))
    model = keras.Model(x, keras.layers.Dense(1)(h))
    model.compile(optimizer=keras.optimizers.AdamW(0.01), loss="mse")
    rng = np.random.default_rng(0)
    data = rng.integers(0, 5, (40, 1)), rng.normal(size=(40, 1))
    member = StackedMember(model, Training(model), *data, None, plan(0), data[0], score)
    with pytest.raises(CannotStackError, match="embeddings"):
        StackedTrainer([member, member]).pace()
