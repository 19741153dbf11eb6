"""What the selectors pick, on a module with one of everything."""

from __future__ import annotations

import pickle

import pytest
from torch import nn

from regsearch.penalties import L1
from regsearch.regularizer import Regularizer
from regsearch.selection import (
    Exclude,
    Named,
    OfType,
    Selector,
    everything,
    exclude,
    named,
    of_type,
    weights,
)


class Zoo(nn.Module):
    """An encoder, norms, an embedding, a recurrent layer, a frozen and a tied weight."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.enc = nn.Sequential(nn.Conv1d(4, 4, 3), nn.BatchNorm1d(4), nn.Linear(4, 4))
        self.norm = nn.LayerNorm((2, 4))
        self.rnn = nn.GRU(4, 4)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.head = nn.Linear(4, 2)
        self.tied = self.head


CONVOLUTION, ENCODER, HEAD = "enc.0.weight", "enc.2.weight", "head.weight"
RECURRENT = {"rnn.weight_ih_l0", "rnn.weight_hh_l0"}


def _first_of(value: object) -> str | None:
    """Names a case by its selector: sets and functions look different in each process."""
    return repr(value) if isinstance(value, Named | OfType | Exclude) else None


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        (weights, {CONVOLUTION, ENCODER, HEAD, *RECURRENT}),
        (named("enc.*"), {CONVOLUTION, ENCODER}),
        (named("head.*", "rnn.*_ih_*"), {HEAD, "rnn.weight_ih_l0"}),
        (named("tied.*"), {"tied.weight"}),
        (named("head.*", among=everything), {HEAD, "head.bias"}),
        (of_type(nn.Linear), {ENCODER, HEAD}),
        (of_type(nn.Linear, nn.Conv1d), {CONVOLUTION, ENCODER, HEAD}),
        (of_type(nn.LayerNorm, among=everything), {"norm.weight", "norm.bias"}),
        (of_type(nn.Embedding, among=everything), {"embed.weight"}),
        (exclude(named("enc.*")), {HEAD, *RECURRENT}),
        (exclude(of_type(nn.GRU), among=named("rnn.*", "head.*")), {HEAD}),
        (lambda name, owner, parameter: name == "head.bias", {"head.bias"}),
    ],
    ids=_first_of,
)
def test_selects(select: Selector, expected: set[str]) -> None:
    assert set(Regularizer(L1(0.1), select).parameters(Zoo())) == expected


def test_everything_is_all_that_is_trainable_once() -> None:
    zoo = Zoo()
    chosen = Regularizer(L1(0.1), everything).parameters(zoo)
    assert {id(p) for p in chosen.values()} == {id(p) for p in zoo.parameters() if p.requires_grad}
    assert len(chosen) == len({id(p) for p in chosen.values()})


def test_frozen_parameters_are_left_alone_whatever_a_selector_says() -> None:
    with pytest.raises(ValueError, match="selects none of Zoo's parameters: .*frozen.weight"):
        Regularizer(L1(0.1), lambda name, owner, p: name.startswith("frozen")).parameters(Zoo())


@pytest.mark.parametrize("select", [weights, named("a.*"), of_type(nn.Linear), exclude(weights)])
def test_selectors_pickle_and_compare(select: Selector) -> None:
    assert pickle.loads(pickle.dumps(select)) == select


def test_their_repr_says_what_they_pick() -> None:
    assert "enc.*" in repr(named("enc.*"))
    assert "Linear" in repr(of_type(nn.Linear))


@pytest.mark.parametrize("make", [named, of_type])
def test_picking_nothing_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match="at least one pattern|needs module classes"):
        make()  # type: ignore[operator]


def test_an_instance_is_no_type() -> None:
    with pytest.raises(ValueError, match="needs module classes"):
        of_type(nn.Linear(1, 1))  # type: ignore[arg-type]
