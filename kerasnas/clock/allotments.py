"""Who may use how much of the time: the one table of all shares of a budget.

No other module of the package says which share of the seconds something may take. Safety factors,
which multiply times that were measured, stand in `margins`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique
from types import MappingProxyType

_CHOSEN = "chosen by judgement; no script measures it alone"


@unique
class Of(Enum):
    """What a share is a share of."""

    BUDGET = "seconds of the budget"
    LEFT = "seconds left"
    TRIALS = "seconds left for trials"


@unique
class Purpose(Enum):
    """What time is used for."""

    READ_TEXTS = "bring all texts to their first form"
    FORM = "bring all rows to one more form, or read them with a pretrained backbone"
    VECTORS = "read all texts or sounds with a pretrained network that stays as it is"
    COLUMN_FILTER = "tell which columns are noise"
    FOLDS = "train every configuration on folds"
    TABLE_BASELINE = "fit one classical model to a table"
    TEXT_BASELINE = "fit the linear models of texts"
    FEATURE_BASELINE = "fit one classical model to features of images or sounds"
    SERIES_BASELINE = "solve for a linear map of the window of a forecaster"
    ZERO_COST = "score untrained architectures"
    TRIAL = "train one network"
    LONG_TRIAL = "train one network for enough epochs"
    FIRST_IMAGE_NETWORK = "train the first network of a search over images"
    SECOND_IMAGE_NETWORK = "train the second network of a search over images"
    IMAGE_NETWORK = "train a later network of a search over images"
    FIRST_SOUND_NETWORK = "train the first network of a search over sounds"
    SECOND_SOUND_NETWORK = "train the second network of a search over sounds"
    SOUND_NETWORK = "train a later network of a search over sounds"
    EARLY_FORECASTER = "train one of the first two networks of a forecaster"
    FORECASTER = "train a later network of a forecaster"
    FINE_TUNING = "train a pretrained backbone on"
    FINE_TUNING_PICTURES = "train a pretrained backbone of pictures on"
    LONG_FINE_TUNING = "train a pretrained backbone of pictures for enough epochs"
    SOLVE_PICTURES = "solve for a linear head on a backbone of pictures or sounds"
    SOLVE = "fit one ensemble of trees, or one linear model of a table"
    SOLVE_TEXTS = "fit one linear model of texts"
    LAST_TRAINING = "train the best paused trial in full"
    ENSEMBLE = "build the ensemble"
    SECOND_FIT = "fit members of the ensemble again on all rows"
    REFIT = "train the best configuration again on all rows"
    ANSWER = "load the best file and answer once"
    BACKBONE_FILE = "put together and write a model with a pretrained encoder of texts"
    QUICK_IMAGE_SIZE = "choose the size of the first network over images"
    IMAGE_SIZE = "choose the size of later networks over images"
    PRETRAINED_SIZE = "choose the size of pictures for a pretrained backbone"
    QUICK_SOUND_SIZE = "choose the size of the first network over sounds"
    SOUND_SIZE = "choose the size of later networks over sounds"
    ASK_TEACHER = "ask the teacher of a distilled network"
    TRAIN_STUDENT = "train a distilled network"


@dataclass(frozen=True)
class Allotment:
    """How much of the time a purpose may use.

    Attributes:
        share: The share, above 0 and at most 1.
        of: What it is a share of.
        reason: Why it is this share.
        source: Where the number comes from: a script, a measurement, a paper, or a choice.
        floor_seconds: It gets at least these seconds, but never more than half of the whole.
        cap_seconds: It gets at most these seconds.
        needed_seconds: If the whole has fewer seconds than this, the purpose is skipped.
    """

    share: float
    of: Of
    reason: str
    source: str = _CHOSEN
    floor_seconds: float = 0.0
    cap_seconds: float = math.inf
    needed_seconds: float = 0.0

    def seconds(self, whole: float) -> float:
        """Seconds for the purpose, if the whole has `whole` seconds."""
        if math.isinf(whole):
            return math.inf  # without a limit nothing depends on how fast the machine is
        floor = min(self.floor_seconds, max(whole, 0.0) / 2)
        return min(max(self.share * whole, floor), self.cap_seconds)


_TABLE: dict[Purpose, Allotment] = {
    Purpose.READ_TEXTS: Allotment(
        share=0.15,
        of=Of.LEFT,
        reason="Without a bound 50,000 short texts were read for 31 of 20 seconds.",
        source="a measurement on two cores; benchmarks/text.py repeats it",
    ),
    Purpose.FORM: Allotment(
        share=0.5,
        of=Of.LEFT,
        reason="What is brought to another form has to be trained on afterwards.",
    ),
    Purpose.VECTORS: Allotment(
        share=0.65,
        of=Of.LEFT,
        reason="The head on vectors is solved for in seconds; half as late again still fits in.",
        source="benchmarks/transfer.py",
    ),
    Purpose.COLUMN_FILTER: Allotment(
        share=0.05,
        of=Of.BUDGET,
        needed_seconds=30.0,
        reason="The filter takes as long as a trial; in a shorter budget a trial brings more.",
        source="benchmarks/tables.py",
    ),
    Purpose.FOLDS: Allotment(
        share=1.0,
        of=Of.BUDGET,
        needed_seconds=30.0,
        reason="A trial takes several times as long: a shorter budget has no second one.",
    ),
    Purpose.TABLE_BASELINE: Allotment(
        share=0.15,
        of=Of.LEFT,
        needed_seconds=8.0,
        reason="Boosting without a bound took 54 of 60 seconds on 16,000 rows of 100 classes.",
        source="benchmarks/large_tables.py",
    ),
    Purpose.TEXT_BASELINE: Allotment(
        share=0.1,
        of=Of.LEFT,
        cap_seconds=360.0,
        needed_seconds=8.0,
        reason="Trials find a linear model of their own; the baseline is there for comparison.",
        source="benchmarks/text.py",
    ),
    Purpose.FEATURE_BASELINE: Allotment(
        share=0.15,
        of=Of.LEFT,
        needed_seconds=15.0,
        reason="Networks need the time more: small pictures and summaries say little.",
        source="benchmarks/images.py",
    ),
    Purpose.SERIES_BASELINE: Allotment(
        share=0.15,
        of=Of.LEFT,
        needed_seconds=3.0,
        reason="The search begins with linear maps of its own; the baseline is for comparison.",
        source="benchmarks/forecast.py",
    ),
    Purpose.ZERO_COST: Allotment(
        share=0.025,
        of=Of.BUDGET,
        reason="Scores of untrained architectures only order the first trials.",
        source="benchmarks/nasbench201.py",
    ),
    Purpose.TRIAL: Allotment(
        share=1 / 6,
        of=Of.TRIALS,
        floor_seconds=1.0,
        reason="Several configurations have to be compared before the time is over.",
        source="benchmarks/tabular.py",
    ),
    Purpose.LONG_TRIAL: Allotment(
        share=0.45,
        of=Of.TRIALS,
        reason="Networks of tables learn little before 64 epochs.",
        source="benchmarks/tables.py",
    ),
    Purpose.FIRST_IMAGE_NETWORK: Allotment(
        share=0.12,
        of=Of.TRIALS,
        floor_seconds=1.0,
        reason="The first answer comes soon.",
        source="benchmarks/images.py",
    ),
    Purpose.SECOND_IMAGE_NETWORK: Allotment(
        share=0.45,
        of=Of.TRIALS,
        floor_seconds=1.0,
        reason="On images one long training is worth more than many short ones.",
        source="benchmarks/images.py",
    ),
    Purpose.IMAGE_NETWORK: Allotment(
        share=0.3,
        of=Of.TRIALS,
        floor_seconds=1.0,
        reason="On images one long training is worth more than many short ones.",
        source="benchmarks/images.py",
    ),
    Purpose.FIRST_SOUND_NETWORK: Allotment(
        share=0.12,
        of=Of.TRIALS,
        floor_seconds=1.0,
        reason="The first answer comes soon.",
        source="benchmarks/sound.py",
    ),
    Purpose.SECOND_SOUND_NETWORK: Allotment(
        share=0.4,
        of=Of.TRIALS,
        floor_seconds=1.0,
        reason="On sounds one long training is worth more than many short ones.",
        source="benchmarks/sound.py",
    ),
    Purpose.SOUND_NETWORK: Allotment(
        share=0.3,
        of=Of.TRIALS,
        floor_seconds=1.0,
        reason="On sounds one long training is worth more than many short ones.",
        source="benchmarks/sound.py",
    ),
    Purpose.EARLY_FORECASTER: Allotment(
        share=0.1,
        of=Of.TRIALS,
        floor_seconds=1.0,
        reason="Families of forecasters differ much: several are to be seen before one is varied.",
        source="benchmarks/forecast.py",
    ),
    Purpose.FORECASTER: Allotment(
        share=0.15,
        of=Of.TRIALS,
        floor_seconds=1.0,
        reason="Forecasters are small, and an ensemble is made of several of them.",
        source="benchmarks/forecast.py",
    ),
    Purpose.FINE_TUNING: Allotment(
        share=0.4,
        of=Of.TRIALS,
        floor_seconds=1.0,
        reason="A backbone needs few epochs, and each of them takes long.",
        source="benchmarks/text.py",
    ),
    Purpose.FINE_TUNING_PICTURES: Allotment(
        share=0.45,
        of=Of.TRIALS,
        floor_seconds=1.0,
        reason="One long fine-tuning is worth more than many short ones.",
        source="benchmarks/transfer.py",
    ),
    Purpose.LONG_FINE_TUNING: Allotment(
        share=0.75,
        of=Of.TRIALS,
        reason="Two fine-tunings of one epoch are worth less than one of three.",
        source="benchmarks/transfer.py",
    ),
    Purpose.SOLVE_PICTURES: Allotment(
        share=0.15,
        of=Of.TRIALS,
        reason="A head is solved for in seconds; a backbone needs the time more.",
        source="benchmarks/transfer.py",
    ),
    Purpose.SOLVE: Allotment(
        share=0.18,
        of=Of.TRIALS,
        floor_seconds=1.0,
        reason="Most stop by themselves before; more would leave networks no time in 60 seconds.",
        source="benchmarks/tables.py",
    ),
    Purpose.SOLVE_TEXTS: Allotment(
        share=0.25,
        of=Of.TRIALS,
        cap_seconds=600.0,
        reason="On texts the linear model is often the best one, and always among the first.",
        source="benchmarks/text.py",
    ),
    Purpose.LAST_TRAINING: Allotment(
        share=0.5,
        of=Of.TRIALS,
        reason="Where the full training would take more, it is not to be had any more.",
        source="benchmarks/strategies.py",
    ),
    Purpose.ENSEMBLE: Allotment(
        share=0.15,
        of=Of.BUDGET,
        reason="Members are traced again in one graph; 300 s on folds ended a minute late.",
        source="benchmarks/tables.py",
    ),
    Purpose.SECOND_FIT: Allotment(
        share=0.15,
        of=Of.BUDGET,
        reason="A fifth of the rows was only ever validated with; a second fit learns from them.",
        source="benchmarks/second_fit.py",
    ),
    Purpose.REFIT: Allotment(
        share=0.3,
        of=Of.BUDGET,
        reason="The last training takes as long as the longest trials, on more rows.",
        source="benchmarks/forecast.py",
    ),
    Purpose.ANSWER: Allotment(
        share=0.03,
        of=Of.BUDGET,
        floor_seconds=0.5,
        cap_seconds=3.0,
        reason="Loading one file and tracing its first prediction takes 0.5 to 3 seconds.",
        source="benchmarks/overhead.py",
    ),
    Purpose.BACKBONE_FILE: Allotment(
        share=0.1,
        of=Of.BUDGET,
        cap_seconds=12.0,
        reason="A fit of 200 texts ended 6 seconds late in 60: MiniLM has 90 MB to write.",
        source="benchmarks/transfer.py",
    ),
    Purpose.QUICK_IMAGE_SIZE: Allotment(
        share=0.06,
        of=Of.BUDGET,
        reason="Half of the first network's share: the speed of the machine is only guessed.",
        source="benchmarks/images.py",
    ),
    Purpose.IMAGE_SIZE: Allotment(
        share=0.4,
        of=Of.BUDGET,
        reason="A little less than the second network's share of the seconds left.",
        source="benchmarks/images.py",
    ),
    Purpose.PRETRAINED_SIZE: Allotment(
        share=0.8,
        of=Of.BUDGET,
        reason="A first fine-tuning at this size, after vectors of all pictures, is to fit in.",
        source="benchmarks/transfer.py",
    ),
    Purpose.QUICK_SOUND_SIZE: Allotment(
        share=0.1,
        of=Of.BUDGET,
        reason="A little less than the first network's share: the speed is only guessed.",
        source="benchmarks/sound.py",
    ),
    Purpose.SOUND_SIZE: Allotment(
        share=0.35,
        of=Of.BUDGET,
        reason="A little less than the second network's share of the seconds left.",
        source="benchmarks/sound.py",
    ),
    Purpose.ASK_TEACHER: Allotment(
        share=0.3,
        of=Of.LEFT,
        reason="Training on the answers needs most of the time.",
    ),
    Purpose.TRAIN_STUDENT: Allotment(
        share=0.8,
        of=Of.LEFT,
        reason="The rest is for building the file and for measuring the two models.",
    ),
}

ALLOTMENTS: Mapping[Purpose, Allotment] = MappingProxyType(_TABLE)
"""The share of every purpose."""
