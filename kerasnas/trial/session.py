"""Keras's global state, cleared between trials."""

from __future__ import annotations

import tensorflow as tf

from kerasnas.process_state import begin_names


def forget_layers() -> None:
    """Clears the names and graphs that Keras keeps of earlier models.

    Inside the scope of a `tf.distribute` strategy nothing is cleared: the scope itself is a part of
    the graph that would go.
    """
    if not tf.distribute.has_strategy():
        begin_names()
