"""What is raised where trials cannot be trained as one model, with the reason."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


class NotFusableError(ValueError):
    """A task or module that cannot be fused.

    Args:
        reason: What stands in the way, in words that go on after "because".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Trials can be fused only if their steps can run for all at once, but {reason}. "
            "Change that, or train one trial after another with train='each'."
        )
        self.reason = reason

    def __reduce__(self) -> tuple[type[NotFusableError], tuple[str]]:
        return type(self), (self.reason,)


# What torch says of code that `vmap` cannot take, and what to say of it.
_SAYINGS = {
    ".item()": "a step looks at a number, as .item() and float() do",
    "data-dependent control flow": "a step decides by a tensor's value",
    "dynamic": "a step makes tensors whose shape depends on values",
    "doesn't have storage": "a step takes a tensor out of torch, as .numpy() does",
    "inplace arithmetic": "a step writes into a tensor that all trials share",
}
_SPEAKERS = ("vmap", "functorch", "batching rule", "doesn't have storage", "BatchedTensor")


@contextmanager
def as_refusals() -> Iterator[None]:
    """Turns what torch says of code that it cannot run for several trials into a reason.

    That it runs some of it trial by trial, and slowly, is no reason; it is not said, either.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "There is a performance drop")
            yield
    except (RuntimeError, ValueError, NotImplementedError) as error:
        text = str(error)
        if isinstance(error, NotFusableError) or not any(word in text for word in _SPEAKERS):
            raise
        told = next((told for word, told in _SAYINGS.items() if word in text), None)
        raise NotFusableError(told or f"torch says: {text.splitlines()[0]}") from error
