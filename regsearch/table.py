"""What a regularizer resolved to, for people: every parameter, its penalty, or why it has none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from torch import nn
from torch.nn.parameter import is_lazy

from regsearch.selection import EMBEDDINGS, NORMS

_BATCH_NORM = nn.modules.batchnorm._NormBase
_SCALE_FREE = "before a BatchNorm: only the effective learning rate changes"


def parameters_by_name(module: nn.Module) -> Iterator[tuple[str, nn.Module, nn.Parameter]]:
    """Yields (qualified name, owning module, parameter) under every name a parameter has."""
    for prefix, owner in module.named_modules(remove_duplicate=False):
        for name, parameter in owner.named_parameters(recurse=False, remove_duplicate=False):
            yield f"{prefix}.{name}" if prefix else name, owner, parameter


def parameter_table(module: nn.Module, labels: Mapping[int, str]) -> str:
    """Returns a table of all parameters of a module: name, shape, penalty.

    Args:
        module: The module.
        labels: What to say of each penalised parameter, by its id.
    """
    rows = [("parameter", "shape", "penalty")]
    scale_free = _weights_before_batch_norm(module)
    seen: set[int] = set()
    for name, owner, parameter in parameters_by_name(module):
        label = labels.get(id(parameter))
        note = f" ({_SCALE_FREE})" if label and id(parameter) in scale_free else ""
        told = label + note if label else f"left alone: {_why(name, owner, parameter)}"
        if id(parameter) in seen:
            told = "shared: listed above"
        seen.add(id(parameter))
        rows.append((name, _shape(parameter), told))
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    lines = (f"{name:<{widths[0]}}  {shape:>{widths[1]}}  {told}" for name, shape, told in rows)
    return "\n".join(line.rstrip() for line in lines)


def _why(name: str, owner: nn.Module, parameter: nn.Parameter) -> str:
    if not parameter.requires_grad:
        return "frozen"
    if isinstance(owner, NORMS):
        return "norm"
    if isinstance(owner, EMBEDDINGS):
        return "embedding"
    if "bias" in name.rpartition(".")[2]:
        return "bias"
    return "not selected"


def _shape(parameter: nn.Parameter) -> str:
    if is_lazy(parameter):
        return "not yet known"
    return "x".join(map(str, parameter.shape)) or "scalar"


def _weights_before_batch_norm(module: nn.Module) -> set[int]:
    """Ids of weights whose layer is followed, in order of registration, by a norm of its width."""
    owners = [owner for owner in module.modules() if _has_own_state(owner)]
    return {
        id(layer.weight)
        for layer, norm in pairwise(owners)
        if isinstance(norm, _BATCH_NORM) and _width(layer) == norm.num_features
    }


def _has_own_state(owner: nn.Module) -> bool:
    return isinstance(owner, _BATCH_NORM) or any(True for _ in owner.parameters(recurse=False))


def _width(layer: nn.Module) -> int | None:
    """Returns how many features a linear or convolution layer gives; None for other layers."""
    if isinstance(layer, nn.Linear):
        return layer.out_features
    return layer.out_channels if isinstance(layer, nn.modules.conv._ConvNd) else None
