"""What a process must find in its environment to be one rank of several, on one machine or more.

These are the variables that `torchrun` sets, so that torch and Lightning recognise the group by
themselves, and start no processes of their own.
"""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def rank_environment(
    rank: int, size: int, *, address: str, port: int, local_size: int | None = None
) -> dict[str, str]:
    """Returns the environment of one rank; it must be set before torch's process group is made.

    Args:
        rank: From 0 to `size` - 1; rank 0 is the one that reports.
        size: How many workers train a trial together.
        address: The machine of rank 0, as the others reach it.
        port: A free one there; see `free_port`.
        local_size: How many of them see the same devices, and take one each; None is all.

    >>> environment = rank_environment(1, 2, address="127.0.0.1", port=29500)
    >>> environment["RANK"], environment["WORLD_SIZE"]
    ('1', '2')
    """
    local_size = size if local_size is None else local_size
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank % local_size),
        "GROUP_RANK": str(rank // local_size),
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(local_size),
        "MASTER_ADDR": address,
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "regsearch",  # by this Lightning knows that others start the ranks
    }


def free_port(address: str = LOOPBACK) -> int:
    """Returns a port of this machine that nobody uses; by the time it is used somebody may."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def is_port_taken(error: str) -> bool:
    """Tells whether a traceback says that the port was used by somebody after all.

    >>> is_port_taken("DistNetworkError: ... errno: 98 - Address already in use")
    True
    """
    return any(sign in error.lower() for sign in ("eaddrinuse", "address already in use"))
