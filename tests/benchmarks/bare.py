"""The Trainer that people have without regsearch, as quiet as it gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytorch_lightning import Trainer

from regsearch.training.surroundings import quiet, seeded, share_of_threads


def fit(module: Callable[[], Any], data: Callable[[], tuple[Any, Any]], max_epochs: int) -> None:
    """Makes a module and loaders under a seed, and trains them in a Trainer of their own."""
    with share_of_threads(), quiet(), seeded(0):
        trainer = Trainer(
            max_epochs=max_epochs,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            devices=1,
        )
        trainer.fit(module(), *data())
