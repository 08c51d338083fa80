"""Which part of every batch is this process's, where torchrun started several. Torch-free."""

import os
from dataclasses import dataclass

from pemn_compress.errors import SettingError


@dataclass(frozen=True)
class World:
    """This process's number among `size` ranks, and among those on its own machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    def part(self, start: int, stop: int) -> range:
        """Return the positions in [start, stop), a batch, that this rank steps on; never none.

        Parts differ by one where the last batch of an epoch does not divide. A rank for which
        nothing is left takes the first sample, which `weight` counts as nothing.
        """
        count = stop - start
        low = start + count * self.rank // self.size
        high = start + count * (self.rank + 1) // self.size
        return range(low, high) if high > low else range(start, start + 1)

    def weight(self, start: int, stop: int) -> float:
        """Return what the mean loss over `part` counts, so that the ranks' mean is the batch's."""
        count = stop - start
        own = count * (self.rank + 1) // self.size - count * self.rank // self.size
        return own * self.size / count


def world() -> World:
    """Return what torchrun told this process; one rank where it did not start it.

    Raises SettingError for what torchrun does not say.
    """
    told = os.environ
    if "MASTER_ADDR" not in told or "RANK" not in told:
        return World()
    try:
        rank, size, local = (
            int(told.get(name, default))
            for name, default in (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))
        )
    except ValueError as error:
        raise SettingError(f"RANK, WORLD_SIZE, LOCAL_RANK: expected numbers: {error}") from None
    if not 0 <= rank < size or local < 0:
        raise SettingError(f"RANK, WORLD_SIZE: expected a rank below {size}, got {rank}")
    return World(rank, size, local)


def check_batch(batch_size: int, ranks: int) -> None:
    """Refuse a number of ranks that does not divide the batch. Raises SettingError."""
    if batch_size % ranks:
        sizes = [str(n) for n in range(1, batch_size + 1) if batch_size % n == 0]
        raise SettingError(
            f"the batch of {batch_size} is shared by all ranks: expected a number of ranks that "
            f"divides it ({', '.join(sizes)}), got {ranks}"
        )
