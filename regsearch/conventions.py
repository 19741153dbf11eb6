"""Other libraries' strengths as ours, and back.

Our strengths are in the sum convention: loss = mean data loss + penalty, with torch's mean losses
(MSELoss, CrossEntropyLoss). scikit-learn halves the squared error and sums the log-loss, torch's
`weight_decay` is a gradient and not a penalty: the factors between them are written down here once.
`n` is always the number of training samples.

>>> from_sklearn_lasso(0.1)
L1(lam=0.2)
>>> to_sklearn_lasso(L1(0.2))
0.1
"""

from __future__ import annotations

import math

from regsearch.penalties import L1, L2, ElasticNet, Penalty

__all__ = [
    "from_half_mean",
    "from_keras",
    "from_logistic_regression",
    "from_sklearn_elastic_net",
    "from_sklearn_lasso",
    "from_sklearn_ridge",
    "from_weight_decay",
    "prior_scale",
    "to_half_mean",
    "to_keras",
    "to_logistic_regression",
    "to_sklearn_elastic_net",
    "to_sklearn_lasso",
    "to_sklearn_ridge",
    "to_weight_decay",
]


def from_sklearn_lasso(alpha: float) -> L1:
    """Lasso(alpha) of sklearn, |y - Xw|²/(2n) + alpha·Σ|w|, beside MSELoss: L1(2·alpha)."""
    return L1(2 * alpha)


def to_sklearn_lasso(penalty: Penalty) -> float:
    """Returns the alpha of sklearn's Lasso for an L1."""
    l1, _ = _strengths(penalty, "an L1", l2=False)
    return l1 / 2


def from_sklearn_elastic_net(alpha: float, l1_ratio: float) -> Penalty:
    """ElasticNet of sklearn, its L2 halved, beside MSELoss: l1 = 2·alpha·r, l2 = alpha·(1 - r)."""
    _check_ratio(l1_ratio)
    return _penalty(2 * alpha * l1_ratio, alpha * (1 - l1_ratio))


def to_sklearn_elastic_net(penalty: Penalty) -> tuple[float, float]:
    """Returns (alpha, l1_ratio) of sklearn's ElasticNet for an L1, L2 or ElasticNet."""
    l1, l2 = _strengths(penalty, "an L1, L2 or ElasticNet")
    alpha = l1 / 2 + l2
    return alpha, l1 / 2 / alpha if alpha else 1.0


def from_sklearn_ridge(alpha: float, n: int) -> L2:
    """Ridge(alpha) of sklearn, |y - Xw|² + alpha·Σw², beside MSELoss: L2(alpha/n)."""
    return L2(alpha / _samples(n))


def to_sklearn_ridge(penalty: Penalty, n: int) -> float:
    """Returns the alpha of sklearn's Ridge for an L2."""
    _, l2 = _strengths(penalty, "an L2", l1=False)
    return l2 * _samples(n)


def from_logistic_regression(C: float, n: int, l1_ratio: float = 1.0) -> Penalty:
    """LogisticRegression of sklearn, beside torch's mean cross-entropy.

    Its objective r·Σ|w| + (1 - r)·Σw²/2 + C·(summed log-loss) gives l1 = r/(nC) and
    l2 = (1 - r)/(2nC).

    Args:
        C: Inverse strength, positive.
        n: Number of training samples.
        l1_ratio: 1 for penalty="l1", 0 for "l2", between for "elasticnet".
    """
    _check_ratio(l1_ratio)
    if not 0 < C < math.inf:
        raise ValueError(f"0 < C < infinity must hold, but got C={C}.")
    return _penalty(l1_ratio / (_samples(n) * C), (1 - l1_ratio) / (2 * n * C))


def to_logistic_regression(penalty: Penalty, n: int) -> tuple[float, float]:
    """Returns (C, l1_ratio) of sklearn's LogisticRegression for an L1, L2 or ElasticNet."""
    l1, l2 = _strengths(penalty, "an L1, L2 or ElasticNet")
    inverse = _samples(n) * (l1 + 2 * l2)
    if not inverse:
        raise ValueError("No finite C switches the penalty off; use penalty=None there.")
    return 1 / inverse, l1 / (l1 + 2 * l2)


def from_keras(l1: float = 0.0, l2: float = 0.0) -> Penalty:
    """Keras' L1, L2 and L1L2, l1·Σ|w| + l2·Σw² beside a mean loss: the same strengths."""
    return _penalty(l1, l2)


def to_keras(penalty: Penalty) -> tuple[float, float]:
    """Returns (l1, l2) of Keras' L1L2 for an L1, L2 or ElasticNet."""
    return _strengths(penalty, "an L1, L2 or ElasticNet")


def from_half_mean(l1: float = 0.0, l2: float = 0.0, *, n: int) -> Penalty:
    """The textbooks' (lam/2n)·Σ: each strength divided by 2n."""
    return _penalty(l1 / (2 * _samples(n)), l2 / (2 * n))


def to_half_mean(penalty: Penalty, n: int) -> tuple[float, float]:
    """Returns (l1, l2) of the (lam/2n)·Σ convention for an L1, L2 or ElasticNet."""
    l1, l2 = _strengths(penalty, "an L1, L2 or ElasticNet")
    return 2 * _samples(n) * l1, 2 * n * l2


def from_weight_decay(weight_decay: float) -> L2:
    """Coupled weight_decay of torch's SGD and Adam, added to the gradient: L2(weight_decay/2).

    AdamW's decoupled decay is no L2 penalty: use `WeightDecay(rate)`.
    """
    return L2(weight_decay / 2)


def to_weight_decay(penalty: Penalty) -> float:
    """Returns torch's coupled weight_decay for an L2."""
    _, l2 = _strengths(penalty, "an L2", l1=False)
    return 2 * l2


def prior_scale(penalty: Penalty, n: int) -> float:
    """Returns the scale of the prior whose MAP estimate the penalty gives, beside a mean log-loss.

    The summed negative log-likelihood plus n·penalty is minus the log-posterior: an L2 is a
    Gaussian prior of standard deviation 1/√(2·n·lam), an L1 a Laplace prior of scale b = 1/(n·lam).

    Args:
        penalty: An L1 or an L2. An elastic net's prior has two scales: ask for each part.
        n: Number of training samples.
    """
    if isinstance(penalty, ElasticNet):
        raise ValueError(
            f"prior_scale needs an L1 or an L2, but got {penalty!r}. Ask for its parts."
        )
    l1, l2 = _strengths(penalty, "an L1 or an L2")
    if l1 == l2 == 0:
        return math.inf
    return 1 / (_samples(n) * l1) if l1 else (2 * _samples(n) * l2) ** -0.5


def _penalty(l1: float, l2: float) -> Penalty:
    """The simplest penalty l1·Σ|w| + l2·Σw²."""
    parts = L1(l1), L2(l2)
    if l2 == 0:
        return parts[0]
    return parts[1] if l1 == 0 else ElasticNet(l1 + l2, l1 / (l1 + l2))


def _strengths(
    penalty: Penalty, wanted: str, *, l1: bool = True, l2: bool = True
) -> tuple[float, float]:
    strengths = None
    match penalty:
        case L1(lam):
            strengths = float(lam), 0.0
        case L2(lam):
            strengths = 0.0, float(lam)
        case ElasticNet():
            parts = penalty.parts
            strengths = float(parts[0].lam), float(parts[1].lam)
    if strengths is None or (strengths[0] and not l1) or (strengths[1] and not l2):
        raise ValueError(f"This convention holds {wanted}, but got {penalty!r}.")
    return strengths


def _samples(n: int) -> int:
    if n < 1:
        raise ValueError(f"n, the number of training samples, must be at least 1, but got n={n}.")
    return n


def _check_ratio(l1_ratio: float) -> None:
    if not 0 <= l1_ratio <= 1:
        raise ValueError(f"0 <= l1_ratio <= 1 must hold, but got l1_ratio={l1_ratio}.")
