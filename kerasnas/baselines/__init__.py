"""Honest baselines, fitted on the problem's rows before the trials and scored on the same rows."""

from kerasnas.baselines.evidence import (
    FEW_ROWS,
    Evidence,
    array_evidence,
    evidence_of,
    joined_evidence,
    picture_evidence,
    sampled,
    sound_evidence,
    table_evidence,
    term_evidence,
)
from kerasnas.baselines.fit import (
    BaselineModel,
    Baselines,
    baseline_row,
    count_of,
    fit_baselines,
    scored,
)

__all__ = [
    "FEW_ROWS",
    "BaselineModel",
    "Baselines",
    "Evidence",
    "array_evidence",
    "baseline_row",
    "count_of",
    "evidence_of",
    "fit_baselines",
    "joined_evidence",
    "picture_evidence",
    "sampled",
    "scored",
    "sound_evidence",
    "table_evidence",
    "term_evidence",
]
