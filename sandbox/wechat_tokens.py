"""The access tokens of a simulated 公众号: two kinds that know nothing of each other, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

LIFE = timedelta(seconds=7200)
_RENEWED = timedelta(minutes=5)  # before its end a stable token is replaced, and both are good until then


class AccessTokens:
    """What /cgi-bin/token and /cgi-bin/stable_token give out."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._until: dict[str, datetime] = {}  # every token that was ever given out
        self._revoked: set[str] = set()
        self._plain = self._stable = ""
        self.given = 0  # how often one was asked for

    def plain(self) -> tuple[str, int]:
        """Return a new token and its seconds. The one before it is no good from now on."""
        self.given += 1
        self._revoked.add(self._plain)
        self._plain = self._new()
        return self._plain, int(LIFE.total_seconds())

    def stable(self, *, anew: bool) -> tuple[str, int]:
        """Return the token that everybody gets, and how many seconds it still lasts. `anew` revokes it first."""
        self.given += 1
        if anew:
            self._revoked.add(self._stable)
        left = self._until.get(self._stable, self._now()) - self._now()
        if self._stable in self._revoked or left <= _RENEWED:
            self._stable, left = self._new(), LIFE
        return self._stable, int(left.total_seconds())

    def expire(self) -> None:
        """Let all tokens end before their time."""
        self._until = {token: self._now() for token in self._until}

    def revoke(self) -> None:
        """Let all tokens be worth nothing, as when somebody else has asked for a new one."""
        self._revoked |= self._until.keys()

    def problem(self, token: str) -> int:
        """Return the errcode of a call with this token, 0 where it is good."""
        if not token:
            return 41001
        if token not in self._until:
            return 40014
        if token in self._revoked:
            return 40001
        return 42001 if self._now() >= self._until[token] else 0

    def _new(self) -> str:
        token = f"access-{uuid4().hex}"
        self._until[token] = self._now() + LIFE
        return token
