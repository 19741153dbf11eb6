"""Parameters of which each process holds a part: what a penalty must know of them.

`torch.distributed.fsdp.fully_shard` (in Lightning, `ModelParallelStrategy`) turns parameters into
DTensors. They keep their names and shapes, so that selectors select what they always do; only the
local parts lie in this process's memory. An elementwise penalty works on local parts alone, and its
value is their sum over the processes. A group penalty would need groups that are whole, and is
refused.

The older FullyShardedDataParallel flattens parameters and cuts them anywhere: neither shapes nor
layers can be told from what it shows, so it is refused as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, distributed, nn

from regsearch.stepsizes import Step

if TYPE_CHECKING or distributed.is_available():  # some builds of torch come without
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor

_SHARDED: tuple[type[DTensor], ...] = (DTensor,) if distributed.is_available() else ()

Groups = tuple[Any, ...]
"""The process groups over which the parts of a tensor are spread; () if it is whole."""


def reshard(module: nn.Module) -> None:
    """Has a module show the parameters that its optimizer steps, not whole copies of them.

    After a forward pass without a backward one, as in a validation, some layers still hold what
    they gathered.
    """
    if distributed.is_available() and distributed.is_initialized():
        for layer in module.modules():
            if isinstance(layer, FSDPModule):
                layer.reshard()


def groups_of(tensor: Tensor) -> Groups:
    """Returns the process groups over which the parts of a tensor are spread."""
    if not isinstance(tensor, _SHARDED):
        return ()
    mesh, placements = tensor.device_mesh, tensor.placements
    return tuple(mesh.get_group(i) for i, p in enumerate(placements) if not p.is_replicate())


def is_sharded(tensors: Iterable[Tensor]) -> bool:
    """Whether any of the tensors is a DTensor."""
    return any(isinstance(tensor, _SHARDED) for tensor in tensors)


def by_groups(tensors: Iterable[Tensor]) -> dict[Groups, list[Tensor]]:
    """Returns the tensors by the process groups that hold their parts, in the same order."""
    found: dict[Groups, list[Tensor]] = {}
    for tensor in tensors:
        found.setdefault(groups_of(tensor), []).append(tensor)
    return found


def local(tensor: Tensor) -> Tensor:
    """Returns the part of a tensor that this process holds; it shares the tensor's memory.

    Raises:
        TypeError: If the processes hold summands and not parts, as gradients that are yet to be
            reduced.
    """
    if not isinstance(tensor, _SHARDED):
        return tensor
    if any(placement.is_partial() for placement in tensor.placements):
        raise TypeError(
            "A penalised parameter and its gradient must be split into parts or replicated, but "
            f"got the placements {tensor.placements}. Leave this parameter out with exclude(...)."
        )
    with torch.no_grad():
        part: Tensor = tensor.to_local()
    return part


def local_step(step: float | Step) -> float | Step:
    """Returns an optimizer's step for the part of a parameter that this process holds."""
    return step._replace(moment=local(step.moment)) if isinstance(step, Step) else step


def summed(value: Tensor, groups: Groups) -> Tensor:
    """Returns the sum of the processes' values over each of the groups."""
    for group in groups:
        distributed.all_reduce(value, group=group)
    return value


def anywhere(here: bool, tensors: Iterable[Tensor]) -> bool:
    """Whether something holds on any of the processes that share the tensors."""
    for groups, some in by_groups(tensors).items():
        flag = torch.tensor(float(here), device=some[0].device)
        here = bool(summed(flag, groups))
    return here


def whole(value: Any) -> Any:
    """Returns a DTensor put together, on all its processes; anything else as it is."""
    return value.full_tensor() if isinstance(value, _SHARDED) else value


def whole_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a state dict with its DTensors put together; all processes must call this."""
    return {name: whole(value) for name, value in state.items()}


def refuse_flattened(parameter: nn.Parameter) -> None:
    """Raises TypeError for a parameter that FullyShardedDataParallel has flattened."""
    if getattr(parameter, "_fsdp_flattened", False):
        raise TypeError(
            "A penalised parameter must show its shape, but FullyShardedDataParallel flattens "
            "parameters and cuts them anywhere. Use torch.distributed.fsdp.fully_shard, which does "
            "not: in Lightning, strategy=ModelParallelStrategy() and fully_shard in "
            "configure_model. DDP works as well."
        )


def refuse_groups(penalty: Any, parameters: Mapping[str, nn.Parameter]) -> None:
    """Raises TypeError, for a penalty that is not elementwise, if a parameter is sharded."""
    names = [name for name, parameter in parameters.items() if groups_of(parameter)]
    if names:
        raise TypeError(
            "A penalty on sharded parameters must be elementwise with strengths that are numbers, "
            f"as a process holds only a part of each group, but got {penalty!r} on "
            f"{', '.join(names)}. Use L1, L2 or ElasticNet, leave these parameters out with "
            "exclude(...), or train with DDP, where each process holds all."
        )
