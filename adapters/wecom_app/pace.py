"""How many cards one member may be sent now: what is over WeCom's limits it drops, with errcode 0 (path/90236)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

from adapters.wecom_app.config import Config
from gateway.errors import Temporary
from gateway.ports import Now, Shared

_MINUTE, _HOUR = 60, 3600
_PARTS = 3
"""How many windows of ours a minute or an hour has. Nobody knows when one of WeCom's begins, but it touches at most one
more than these, so each may hold a fourth of WeCom's limit."""


class Pace:
    """Counts for all nodes, and keeps a part of each count for urgent cards (A102)."""

    def __init__(self, config: Config, secret: str, shared: Shared, now: Now) -> None:
        self._config = config
        self._secret = secret.encode()
        self._shared = shared
        self._now = now

    async def spend(self, userid: str, *, urgent: bool) -> None:
        """Count a card for this member. Raises Temporary("paced") when it has to wait, and for how long."""
        # Counts may be seen by whoever looks into Redis, members may not.
        member = hmac.new(self._secret, userid.encode(), hashlib.sha256).hexdigest()[:32]
        name = f"wecom_app:{self._config.agent_id}:{member}"
        for span, most in ((_MINUTE, self._config.per_minute), (_HOUR, self._config.per_hour)):
            limit, seconds = most // (_PARTS + 1), span // _PARTS
            if not urgent:  # a count of their own, so that those who try in vain use up nothing of the other
                ordinary = max(1, int(limit * (1 - self._config.reserve)))
                await self._count(f"{name}:{span}:ordinary", ordinary, seconds)
            await self._count(f"{name}:{span}", limit, seconds)

    async def _count(self, name: str, limit: int, seconds: int) -> None:
        if not await self._shared.spend(name, limit=limit, seconds=seconds):
            left = seconds - self._now().timestamp() % seconds
            raise Temporary("paced", retry_after=timedelta(seconds=left))
