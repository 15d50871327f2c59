"""A linear model over weighted terms, solved as the convex problem it is.

The strong cheap baseline of text classification: logistic regression on TF-IDF. Its coefficients
become the embeddings of an ordinary Keras network: a sum of embeddings by weight is the product
with a sparse matrix.

Terms may be scaled by how unevenly the classes use them before they are fitted, so that what is
alike in all classes is held down: Wang & Manning 2012, "Baselines and Bigrams".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras import layers

from kerasnas.clock import Deadline
from kerasnas.spaces.blocks.term_bag import weighted_sum
from kerasnas.spaces.linear_solver import seconds_of_step, solve_linear

_STYLE = 0.1  # scale of the numbers of style beside terms of unit length
_ITERATIONS = 200
_FEWEST = 20  # iterations that make a usable fit


class TextLinear:
    """A linear model over terms, to be solved in some seconds.

    Args:
        x: `terms` and `weights`, `(rows, any)`, and `style`.
        y: Integer labels `(rows,)`, a 0/1 matrix, or standardised values `(rows, 1)`.
        weights: Weight of each row, or `None`.
        size: Numbers that a term can have.
        classes: Number of classes or labels; `None` for values.
    """

    def __init__(
        self,
        x: dict[str, np.ndarray],
        y: np.ndarray,
        weights: np.ndarray | None,
        size: int,
        classes: int | None,
    ) -> None:
        self.y = y
        self.weights = weights
        self.size = size
        self.classes = classes
        self.matrix = term_matrix(x, size)

    def iterations(self, deadline: Deadline) -> int:
        """Iterations that there is time for on this machine now; 0 where they are too few."""
        outputs = 1 if self.classes is None or self.classes == 2 else self.classes
        narrow = min(outputs, 8)
        pace = seconds_of_step(self.matrix, narrow) * outputs / narrow
        number = int(min(deadline.left / max(pace, 1e-9), _ITERATIONS))
        return 0 if number < _FEWEST else number

    def solve(
        self, strength: float, scaling: float, most: int = _ITERATIONS
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Fits the model.

        Args:
            strength: Inverse strength of the penalty on coefficients.
            scaling: Power of the unevenness by which terms are scaled; 0 scales none.
            most: Most iterations.

        Returns:
            Coefficients of terms `(size, outputs)`, of style `(style, outputs)`, and biases.
        """
        matrix, size = self.matrix, self.size
        scale = np.ones(matrix.shape[1])
        if scaling:
            scale[:size] = _unevenness(matrix[:, :size], self.y, self.classes) ** scaling
            matrix = _scaled(matrix, scale)
        coefficients, bias = solve_linear(
            matrix, self.y, self.weights, self.classes, strength, most
        )
        coefficients = coefficients * scale[:, None]
        coefficients[size:] *= _STYLE
        return coefficients[:size], coefficients[size:], bias


def term_inputs(style: int) -> dict[str, Any]:
    """Inputs of a network over weighted terms and `style` numbers."""
    return {
        "terms": keras.Input((None,), dtype="int32", name="terms"),
        "weights": keras.Input((None,), name="weights"),
        "style": keras.Input((style,), name="style"),
    }


def linear_network(
    size: int, style: int, outputs: int, activation: str, parts: int = 1
) -> keras.Model:
    """The linear model as a network, or the mean of several that look up each term once.

    Args:
        size: Numbers that a term can have.
        style: Width of the numbers of style.
        outputs: Classes, labels, or 1.
        activation: What follows the linear map.
        parts: Linear models side by side, whose answers are averaged.
    """
    inputs = term_inputs(style)
    width = parts * outputs
    x = weighted_sum(inputs["terms"], inputs["weights"], size, width, name="of_terms", zeros=True)
    x = x + layers.Dense(width, name="of_style")(inputs["style"])
    if parts > 1:
        x = layers.Reshape((parts, outputs))(x)
    x = layers.Activation(activation, name="of_sum")(x)
    if parts > 1:
        x = layers.GlobalAveragePooling1D(name="mean_of_folds")(x)
    return keras.Model(inputs, x)


def linear_head(
    hp: keras_tuner.HyperParameters,
    size: int,
    style: int,
    classes: int | None,
    multilabel: bool,
) -> keras.Model:
    """The linear model, compiled for steps where there is no time to solve it.

    Args:
        hp: Declares the penalty and the scaling of terms.
        size: Numbers that a term can have.
        style: Width of the numbers of style.
        classes: Number of classes or labels; `None` for regression.
        multilabel: Whether labels do not exclude each other.
    """
    with hp.conditional_scope("family", ["linear"]):
        hp.Float("linear_strength", 0.05, 300.0, sampling="log", default=8.0)
        hp.Choice("linear_scaling", [0.0, 0.5, 1.0], default=0.5)
    if classes is None:
        activation, loss = "linear", keras.losses.MeanSquaredError()
    elif multilabel:
        activation, loss = "sigmoid", keras.losses.BinaryCrossentropy()
    else:
        activation, loss = "softmax", keras.losses.SparseCategoricalCrossentropy()
    model = linear_network(size, style, classes or 1, activation)
    metrics = [] if classes is None else ["accuracy"]
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=loss, metrics=metrics)
    return model


def solve_terms(
    hp: keras_tuner.HyperParameters,
    model: keras.Model,
    view: Any,
    classes: int | None,
    deadline: Deadline,
) -> bool:
    """Solves for the weights of `linear_head`; `False` if there is no time for it.

    Args:
        hp: Its hyperparameters.
        model: What `linear_head` has built.
        view: A `problem.View` with weighted terms.
        classes: Number of classes or labels; `None` for regression.
        deadline: When it has to be done.
    """
    size = model.get_layer("of_terms").input_dim
    problem = TextLinear(view.x, view.y, view.weights, size, classes)
    most = problem.iterations(deadline)
    if not most:
        return False
    terms, style, bias = problem.solve(
        float(hp.get("linear_strength")), float(hp.get("linear_scaling")), most
    )
    model.get_layer("of_terms").set_weights([terms])
    model.get_layer("of_style").set_weights([style, bias])
    return True


def mean_of_linear(networks: Sequence[keras.Model]) -> keras.Model | None:
    """The mean of linear models as one network, `None` where these are no linear models.

    Of several, each term would be looked up once a model, which is what takes the time.
    """
    if not all(_is_linear(network) for network in networks):
        return None
    tables = [network.get_layer("of_terms").get_weights()[0] for network in networks]
    styles = [network.get_layer("of_style").get_weights() for network in networks]
    size, outputs = tables[0].shape
    activation = networks[0].get_layer("of_sum").activation.__name__
    mean = linear_network(size, len(styles[0][0]), outputs, activation, len(networks))
    mean.get_layer("of_terms").set_weights([np.concatenate(tables, axis=1)])
    mean.get_layer("of_style").set_weights(
        [np.concatenate(kind, axis=-1) for kind in zip(*styles, strict=True)]
    )
    return mean


def _is_linear(network: keras.Model) -> bool:
    return {"of_terms", "of_style", "of_sum"} <= {layer.name for layer in network.layers}


def term_matrix(x: Mapping[str, np.ndarray], size: int) -> Any:
    """Weighted terms, then style, as a sparse matrix `(rows, size + style)`.

    Args:
        x: `terms`, `weights` and `style` of all rows.
        size: Numbers that a term can have.
    """
    from scipy import sparse

    rows, places = np.nonzero(x["terms"])
    values = x["weights"][rows, places].astype("float64")
    shape = (len(x["terms"]), size)
    terms = sparse.csr_matrix((values, (rows, x["terms"][rows, places])), shape=shape)
    style = sparse.csr_matrix(x["style"].astype("float64") * _STYLE)
    return sparse.hstack([terms, style]).tocsr()


def _scaled(matrix: Any, scale: np.ndarray) -> Any:
    from scipy import sparse

    return (matrix @ sparse.diags(scale)).tocsr()


def _unevenness(terms: Any, y: np.ndarray, classes: int | None) -> np.ndarray:
    """How unevenly each term is used: root mean square over classes of a log ratio, mean 1."""
    present = (terms > 0).astype("float64")
    if classes is None:
        # Of values: above and below their median.
        hot = np.stack([y.ravel() > np.median(y), y.ravel() <= np.median(y)], axis=1)
    elif y.ndim == 2 and y.shape[1] > 1:
        hot = y > 0.5
    else:
        hot = np.eye(classes, dtype=bool)[y.ravel()]
    inside = np.asarray(present.T @ hot.astype("float64")) + 1.0
    outside = np.asarray(present.sum(axis=0)).reshape(-1, 1) - inside + 2.0
    ratio = np.log(inside / inside.sum(axis=0)) - np.log(outside / outside.sum(axis=0))
    found = np.sqrt((ratio**2).mean(axis=1))
    used = np.asarray(present.sum(axis=0)).ravel() > 0
    middle = found[used].mean() if used.any() else 1.0
    return np.maximum(found / max(middle, 1e-6), 0.05)
