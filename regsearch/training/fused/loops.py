"""An optimizer's step, decay, penalty and soft-threshold of a whole stack in one pass.

Written for Numba as `regsearch.loops` is: plain loops over arrays of one floating type. Weights,
gradient and states have shape (K, n), coefficients (K, C), in the order of
`regsearch.training.fused.rules`, whose eager functions do the same.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

Array: TypeAlias = Any


def adam(weights: Array, grads: Array, means: Array, squares: Array, coefficients: Array) -> None:
    """Adam and AdamW."""
    for k in range(weights.shape[0]):
        decay, pull, shrink, new, old2, new2, size, root, eps, kink = coefficients[k]
        w, gradient, m, v = weights[k], grads[k], means[k], squares[k]
        for i in range(w.size):
            x = w[i] * decay
            g = gradient[i] + pull * x
            m[i] += new * (g - m[i])
            v[i] = v[i] * old2 + new2 * g * g
            scale = math.sqrt(v[i]) * root + eps
            x = x * shrink - size * m[i] / scale
            threshold = kink / scale
            w[i] = x - min(max(x, -threshold), threshold)


def sgd(weights: Array, grads: Array, buffers: Array, coefficients: Array) -> None:
    """SGD with and without momentum."""
    for k in range(weights.shape[0]):
        decay, pull, momentum, new, direct, running, lr, kink = coefficients[k]
        w, gradient, buffer = weights[k], grads[k], buffers[k]
        for i in range(w.size):
            x = w[i] * decay
            g = gradient[i] + pull * x
            buffer[i] = buffer[i] * momentum + new * g
            x -= lr * (direct * g + running * buffer[i])
            w[i] = x - min(max(x, -kink), kink)


def rmsprop(
    weights: Array, grads: Array, squares: Array, buffers: Array, coefficients: Array
) -> None:
    """RMSprop with and without momentum, not centered."""
    for k in range(weights.shape[0]):
        decay, pull, old, new, momentum, lr, eps, kink = coefficients[k]
        w, gradient, v, buffer = weights[k], grads[k], squares[k], buffers[k]
        for i in range(w.size):
            x = w[i] * decay
            g = gradient[i] + pull * x
            v[i] = v[i] * old + new * g * g
            scale = math.sqrt(v[i]) + eps
            buffer[i] = buffer[i] * momentum + g / scale
            x -= lr * buffer[i]
            threshold = kink / scale
            w[i] = x - min(max(x, -threshold), threshold)
