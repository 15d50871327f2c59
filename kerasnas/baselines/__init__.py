"""Honest baselines, fitted on the problem's rows before the trials and scored on the same rows."""
