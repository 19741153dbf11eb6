"""Tiny modules, data and Trainers that the tests of callback, mixin and training share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import lightning.pytorch
import pytorch_lightning
import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer
from torch.utils.data import DataLoader, TensorDataset

from regsearch import ElasticNet, RegularizedMixin

NAMESPACES = [pytorch_lightning, lightning.pytorch]

QUIET = {
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "accelerator": "cpu",
    "devices": 1,
}

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]
Parameters = dict[str, Tensor]


def sgd(parameters: Iterable[nn.Parameter]) -> Optimizer:
    return SGD(parameters, lr=0.1)


def data(samples: int = 10) -> TensorDataset:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(samples, 4, generator=generator, dtype=torch.float64)
    return TensorDataset(x, x @ x.new_tensor([[1.0], [-1.0], [0.5], [0.0]]))


def loader(samples: int = 10, batch_size: int = 4) -> DataLoader[Any]:
    return DataLoader(data(samples), batch_size=batch_size)


@functools.cache
def net_class(pl: Any, *bases: type) -> Any:
    """Returns a two-layer regression module of a namespace, with further bases in front."""

    class Net(*bases, pl.LightningModule):  # type: ignore[misc]
        def __init__(self, make_optimizer: MakeOptimizer = sgd) -> None:
            super().__init__()
            self.make_optimizer = make_optimizer
            with torch.random.fork_rng():
                torch.manual_seed(0)
                self.body = nn.Linear(4, 3).double()
                self.head = nn.Linear(3, 1).double()

        def forward(self, x: Tensor) -> Tensor:
            return self.head(torch.tanh(self.body(x)))

        def loss(self, batch: Any) -> Tensor:
            return nn.functional.mse_loss(self(batch[0]), batch[1])

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return self.loss(batch)

        def configure_optimizers(self) -> Any:
            return self.make_optimizer(self.parameters())

    return Net


def mixed(pl: Any) -> Any:
    return net_class(pl, RegularizedMixin)


def fit(
    pl: Any,
    module: Any,
    callbacks: Sequence[Any] = (),
    *,
    epochs: int = 1,
    batches: Any = None,
    trainer: Mapping[str, Any] | None = None,
) -> Any:
    """Fits a module quietly and returns the Trainer."""
    made = pl.Trainer(
        **QUIET | {"max_epochs": epochs, "callbacks": [*callbacks], **(trainer or {})}
    )
    made.fit(module, loader() if batches is None else batches)
    return made


def snapshot(module: nn.Module) -> Parameters:
    return {name: parameter.detach().clone() for name, parameter in module.named_parameters()}


def assert_same(
    some: nn.Module | Parameters, others: nn.Module | Parameters, atol: float = 0
) -> None:
    some = snapshot(some) if isinstance(some, nn.Module) else some
    others = snapshot(others) if isinstance(others, nn.Module) else others
    for name, parameter in some.items():
        torch.testing.assert_close(parameter, others[name], rtol=0, atol=atol, msg=name)


def descend(
    module: Any,
    batches: Iterable[Any],
    *,
    lr: float = 0.1,
    l1: float = 0.0,
    l2: float = 0.0,
    names: Sequence[str] = ("body.weight", "head.weight"),
) -> None:
    """Proximal gradient descent written out: the truth that trained modules are held against."""
    for batch in batches:
        module.zero_grad()
        module.loss(batch).backward()
        with torch.no_grad():
            for name, w in module.named_parameters():
                penalised = name in names
                w -= lr * (w.grad + 2 * l2 * w * penalised)
                if penalised:
                    w.copy_(w.sign() * (w.abs() - lr * l1).clamp(min=0))


PENALTY = ElasticNet(0.1, 0.5)
STRENGTHS = {"l1": 0.05, "l2": 0.05}  # the same penalty, for `descend`


def overriding(pl: Any, **members: Any) -> Any:
    """A net whose class has members of its own."""
    return type("Overriding", (net_class(pl),), members)


def by_hand(pl: Any, batches: Any, lr: float = 0.1) -> Any:
    """A net that met the batches in a plain loop with `PENALTY`."""
    net = net_class(pl)()
    descend(net, batches, lr=lr, **STRENGTHS)
    return net
