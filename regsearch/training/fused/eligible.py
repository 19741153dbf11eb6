"""What fused training does as the Trainer would, and what it refuses, by name.

Every argument of the Trainer and every hook of a LightningModule is on a list here: what has no
effect on a trial's numbers, what is done exactly, and, by being on neither, what is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pytorch_lightning.core.hooks import CheckpointHooks, DataHooks, ModelHooks
from torch import nn
from torch.optim import LBFGS, Optimizer

from regsearch.namespaces import namespace_of
from regsearch.training.fused.clipping import Clipping
from regsearch.training.fused.feed import Limits
from regsearch.training.fused.refusal import NotFusableError
from regsearch.training.task import Task

# Arguments that change no trial's numbers, whatever they are.
_FREE = frozenset(
    {
        "benchmark",
        "default_root_dir",
        "enable_autolog_hparams",
        "inference_mode",
        "limit_predict_batches",
        "limit_test_batches",
        "log_every_n_steps",
        "min_epochs",
        "min_steps",
        "use_distributed_sampler",
    }
)
# Arguments that are done here.
_DONE = frozenset(
    {
        "accelerator",
        "check_val_every_n_epoch",
        "gradient_clip_algorithm",
        "gradient_clip_val",
        "limit_train_batches",
        "limit_val_batches",
    }
)
# Arguments that are fine as long as they ask for nothing: these values, or what is false.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "accumulate_grad_batches": (1,),
    "max_steps": (-1,),
    "num_nodes": (1,),
    "precision": (32, "32", "32-true"),
    "strategy": ("auto",),
    "val_check_interval": (1.0,),
}
_ACCELERATORS = ("auto", "cpu", "gpu", "cuda")

# Methods of a module that a fused trial calls, or that are not part of a fit.
_CALLED = frozenset({"configure_model", "configure_optimizers", "setup"})
_STEPS = frozenset({"training_step", "validation_step"})
_OUTSIDE = frozenset(
    {"test_step", "predict_step", "forward", "on_save_checkpoint", "on_load_checkpoint"}
    | {f"on_{stage}_{when}" for stage in ("test", "predict") for when in ("start", "end")}
    | {f"on_{stage}_epoch_{when}" for stage in ("test", "predict") for when in ("start", "end")}
    | {f"on_{stage}_batch_{when}" for stage in ("test", "predict") for when in ("start", "end")}
    | {f"on_{stage}_model_{mode}" for stage in ("test", "predict") for mode in ("eval", "train")}
    | {"test_dataloader", "predict_dataloader", "state_dict", "load_state_dict"}
)
_METHODS = frozenset(
    {
        "backward",
        "clip_gradients",
        "configure_callbacks",
        "configure_gradient_clipping",
        "freeze",
        "log",
        "log_dict",
        "lr_scheduler_step",
        "manual_backward",
        "optimizer_step",
        "optimizer_zero_grad",
        "toggle_optimizer",
        "toggled_optimizer",
        "unfreeze",
        "untoggle_optimizer",
    }
)
_HOOKS = _METHODS.union(
    *(
        (name for name in vars(kind) if not name.startswith("__"))
        for kind in (CheckpointHooks, DataHooks, ModelHooks)
    )
)


def check_trainer(task: Task) -> None:
    """Raises NotFusableError if the Task's Trainer would do what fused training does not."""
    if task.devices_per_trial != 1:
        raise NotFusableError("a trial is spread over several devices")
    for name, value in task.trainer.items():
        if name in _FREE or name in _DONE:
            continue
        if value and value not in _NEUTRAL.get(name, ()):
            raise NotFusableError(f"Task.trainer has {name}={value!r}")
    for name in ("limit_train_batches", "limit_val_batches"):
        limit = task.trainer.get(name, 1.0)
        if isinstance(limit, float) and not 0 <= limit <= 1:
            raise NotFusableError(f"Task.trainer has {name}={limit}")
    if task.trainer.get("gradient_clip_algorithm") not in (None, "norm", "value"):
        algorithm = task.trainer["gradient_clip_algorithm"]
        raise NotFusableError(f"Task.trainer has gradient_clip_algorithm={algorithm!r}")
    if task.trainer.get("check_val_every_n_epoch", 1) is None:
        raise NotFusableError("Task.trainer has check_val_every_n_epoch=None")
    if task.trainer.get("accelerator", "auto") not in _ACCELERATORS:
        raise NotFusableError(f"Task.trainer has accelerator={task.trainer['accelerator']!r}")


def limits_of(task: Task) -> Limits:
    """Returns how much of the loaders the Task's Trainer would read."""
    asked: Mapping[str, Any] = {name: v for name, v in task.trainer.items() if v is not None}
    return Limits(
        asked.get("limit_train_batches", 1.0),
        asked.get("limit_val_batches", 1.0),
        asked.get("check_val_every_n_epoch", 1),
    )


def clipping_of(task: Task) -> Clipping:
    """Returns how the Task's Trainer would clip gradients."""
    is_by_value = task.trainer.get("gradient_clip_algorithm") == "value"
    limit = task.trainer.get("gradient_clip_val") or 0.0
    return Clipping(limit, "value" if is_by_value else "norm")


def device_of(task: Task) -> torch.device:
    """Returns where the Task's Trainer would train."""
    wanted = task.trainer.get("accelerator", "auto")
    if wanted in ("gpu", "cuda") or (wanted == "auto" and torch.cuda.is_available()):
        return torch.device("cuda", 0)
    return torch.device("cpu")


def check_module(module: Any) -> None:
    """Raises NotFusableError if the Trainer would do something with a module that is not done here.

    Raises:
        TypeError: If it is no LightningModule.
    """
    base = namespace_of(module).LightningModule
    if not module.automatic_optimization:
        raise NotFusableError("it optimizes manually")
    for name in sorted(_HOOKS - _CALLED - _STEPS - _OUTSIDE):
        if _is_overridden(name, module, base):
            raise NotFusableError(f"it overrides {name}")


def check_parts(module: nn.Module) -> None:
    """Raises NotFusableError if a module has parts that cannot run for several trials at once."""
    for name, part in module.named_modules():
        if isinstance(part, nn.RNNBase):
            raise NotFusableError(f"its {name} is a {type(part).__name__}")
        if part._forward_hooks or part._forward_pre_hooks or part._backward_hooks:
            raise NotFusableError(f"its {name or 'module'} has hooks")


def _is_overridden(name: str, module: Any, base: type) -> bool:
    own = getattr(type(module), name, None)
    return own is not getattr(base, name, None) or name in vars(module)


def check_optimizer(optimizer: Optimizer) -> None:
    """Raises NotFusableError if an optimizer needs more than one gradient a step."""
    if isinstance(optimizer, LBFGS):
        raise NotFusableError("LBFGS evaluates its loss several times a step")
