"""What all nodes of the gateway have in common, for channels whose provider counts us as one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedToken:
    """An access token as a provider has just given it."""

    value: str = field(repr=False)
    seconds: int  # from now on, for as long as it lasts if nobody asks for another one


class Shared(Protocol):
    """One access token and one count of calls, however many nodes there are."""

    async def token(self, name: str, fetch: Callable[[], Awaitable[FetchedToken]], *, refused: str = "") -> str:
        """Return the access token of this name, the same on every node.

        `refused` is one that the provider does not take any more: another is returned. Whoever is first calls `fetch`,
        all others wait for what it brought. Raises what `fetch` raises, and Temporary where none is to be had now.
        """
        ...

    async def spend(self, name: str, *, limit: int, seconds: int) -> bool:
        """Count one use of the name; return False when `limit` were counted in the present window of `seconds`."""
        ...
