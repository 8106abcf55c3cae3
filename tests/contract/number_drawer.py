"""One of several processes that register at once: 16 writers, some of whom fail. Prints the numbers it committed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gateway.errors import Contended
from gateway.ports import Lane, Storage
from gateway.storage.opening import open_storage
from gateway.vault import Vault
from tests.contract.records import complaint

WRITERS = 16
BLOCKS = 6


async def register(storage: Storage, writer: int) -> list[str]:
    numbers: list[str] = []
    for block in range(BLOCKS):
        count = 1 + (writer + block) % 3
        try:
            async with storage.writing(Lane.INTAKE) as tx:
                first = await tx.numbers.take("day", count)
                drawn = [f"TS-{serial}" for serial in range(first, first + count)]
                await tx.complaints.add([complaint(number=number) for number in drawn])
                if (writer + block) % 5 == 0:
                    raise RuntimeError("a fault of ours: its serials go back")
        except (RuntimeError, Contended):
            continue
        numbers += drawn
    return numbers


async def main(url: str, keys: str) -> None:
    async with open_storage(url, Vault.load(Path(keys))) as storage:
        numbers = await asyncio.gather(*(register(storage, writer) for writer in range(WRITERS)))
    sys.stdout.write("\n".join(number for batch in numbers for number in batch))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
