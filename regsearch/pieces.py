"""Lists of tensors in handy pieces: what is large is cut, what is small is put together.

On a CPU a piece fits into its cache, so that several passes over it cost one pass over memory, and
many small tensors do not cost a call each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

# Elements a chunk: two inputs and two buffers of it, in single precision, take 1 MiB.
CHUNK = 65_536


def joined(flat: Sequence[Tensor]) -> Tensor:
    """Returns several flat tensors as one; a single one as it is."""
    return flat[0] if len(flat) == 1 else torch.cat(list(flat))


def pieces(*lists: Sequence[Tensor]) -> Iterator[list[list[Tensor]]]:
    """Covers parallel lists of tensors by lists of flat views, about a chunk of elements at a time.

    Large tensors are cut and small ones of one device and type put together. Those without a flat
    view come alone, whole.
    """
    waiting: list[list[Tensor]] = [[] for _ in lists]
    room, kind = 0, None
    for row in zip(*lists, strict=True):
        if not all(tensor.is_contiguous() for tensor in row):
            yield [[tensor] for tensor in row]
            continue
        limit = _chunk(row[0].device)
        for cut in zip(*(_cut(tensor, limit) for tensor in row), strict=True):
            if waiting[0] and (cut[0].numel() > room or (cut[0].device, cut[0].dtype) != kind):
                yield waiting
                waiting = [[] for _ in lists]
            room = (room if waiting[0] else limit) - cut[0].numel()
            kind = cut[0].device, cut[0].dtype
            for some, piece in zip(waiting, cut, strict=True):
                some.append(piece)
    if waiting[0]:
        yield waiting


def _cut(x: Tensor, limit: int) -> Sequence[Tensor]:
    flat, size = x.view(-1), x.numel()
    return (flat,) if size <= limit else flat.tensor_split(-(-size // limit))


def _chunk(device: torch.device) -> int:
    return CHUNK * torch.get_num_threads() if device.type == "cpu" else 256 * CHUNK
