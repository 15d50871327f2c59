"""Keras's global state, cleared between trials."""

from __future__ import annotations

import keras
import tensorflow as tf


def forget_layers() -> None:
    """Clears the names and graphs that Keras keeps of earlier models.

    Inside the scope of a `tf.distribute` strategy nothing is cleared: the scope itself is a part of
    the graph that would go.
    """
    if not tf.distribute.has_strategy():
        keras.backend.clear_session(free_memory=False)
