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
from kerasnas.baselines.fit import Baselines, baseline_row, fit_baselines, scored

__all__ = [
    "FEW_ROWS",
    "Baselines",
    "Evidence",
    "array_evidence",
    "baseline_row",
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
