"""Which random numbers a member draws: the seed and the number of its stream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bioxen.errors import ValidationError

Seeds = int | Sequence[int]
"""One of a whole ensemble, or one for each member."""


def streams(seed: Seeds, first_member: int, members: int) -> NDArray[np.uint64]:
    """Return [members][2]: each member's seed and the number of its stream.

    Args:
        seed: one for all, whose streams are numbered from `first_member` on; or one for each member, which
            draws what member `first_member` of an ensemble with that seed does.
        first_member: the index of the first member in its ensemble.
        members: how many there are.

    Raises:
        ValidationError: a seed or the first member is out of range, or the seeds are not one a member.
    """
    own = not isinstance(seed, int)
    seeds = [seed] if isinstance(seed, int) else list(seed)
    if not all(0 <= one < 2**64 for one in seeds) or first_member < 0:
        raise ValidationError(
            "A seed or the first member is out of range.",
            details={"place": "seed", "remedy": "Give seeds from 0 to 2^64 - 1, and no negative member."},
        )
    if own and len(seeds) != members:
        raise ValidationError(
            f"There are {len(seeds)} seeds for {members} members.",
            details={"place": "seed", "remedy": "Give one seed, or one for each member."},
        )
    found = np.empty((members, 2), np.uint64)
    found[:, 0] = np.array(seeds, np.uint64)
    found[:, 1] = first_member if own else np.arange(first_member, first_member + members, dtype=np.uint64)
    return found
