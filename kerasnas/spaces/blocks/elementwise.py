"""Learnt vectors that multiply a tensor, as built-in layers.

Keras has no layer that is only a learnt scale: `EinsumDense` with an equation whose output axes
are the input's is one, and with a bias it is an affine map. On a CPU its general matrix
product takes longer than a multiplication; `recipes.training_form` trains the same weights with
one.
"""

from __future__ import annotations

from typing import Any

from keras import layers, ops

SCALES = {"bf,f->bf", "bkf,kf->bkf", "bf,fh->bfh"}
"""Equations whose product only multiplies, without a sum."""


def scale(x: Any, initializer: Any = "ones") -> layers.EinsumDense:
    """A layer: each feature of tensors `(batch, features)` like `x` times a learnt factor."""
    return layers.EinsumDense(
        "bf,f->bf", output_shape=(x.shape[1],), kernel_initializer=initializer
    )


def scale_members(x: Any, bias: bool = False) -> layers.EinsumDense:
    """A layer: each feature of each member of tensors `(batch, members, features)` like `x`."""
    return layers.EinsumDense(
        "bkf,kf->bkf",
        output_shape=(x.shape[1], x.shape[2]),
        bias_axes="kf" if bias else None,
        kernel_initializer="ones",
    )


def spread(x: Any, width: int, kernel: Any = "ones", bias: Any = None, **kwargs: Any) -> Any:
    """Each number of `(batch, features)` times a vector of its own, `(batch, features, width)`.

    Args:
        x: Tensor of shape `(batch, features)`.
        width: Length of the vectors.
        kernel: Initialiser of the vectors.
        bias: Initialiser of what is added, or `None` to add nothing.
        **kwargs: Further arguments of `EinsumDense`.
    """
    return layers.EinsumDense(
        "bf,fh->bfh",
        output_shape=(x.shape[1], width),
        bias_axes=None if bias is None else "fh",
        kernel_initializer=kernel,
        bias_initializer=bias or "zeros",
        **kwargs,
    )(x)


def dense_by_feature(x: Any, width: int, kernel: Any, bias: Any = None) -> Any:
    """A linear map for each feature alone: `(batch, features, some)` to `(…, width)`."""
    return layers.EinsumDense(
        "bfh,fhe->bfe",
        output_shape=(x.shape[1], width),
        bias_axes=None if bias is None else "fe",
        kernel_initializer=kernel,
        bias_initializer=bias or "zeros",
    )(x)


def flat(x: Any) -> Any:
    """`(batch, features, some)` as one vector a row."""
    return ops.reshape(x, (-1, int(x.shape[1]) * int(x.shape[2])))
