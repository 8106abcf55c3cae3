"""Access tokens of providers, sealed: one for all nodes, replaced by compare-and-set so that one refresh serves all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Select, bindparam, select

from gateway.errors import Conflict
from gateway.ports import ProviderToken
from gateway.storage import tables
from gateway.storage.connection import Connection, Words
from gateway.storage.keys import Keys

TOKENS = tables.provider_tokens
COLUMNS = TOKENS.c
REPLACE = (
    TOKENS.update()
    .where(COLUMNS.name == bindparam("this"))
    .values(version=bindparam("to"), expires_at=bindparam("until"), sealed=bindparam("as"))
)


class SqlTokens:
    """A token's owner, as the data keys know it, is "token:<name>"."""

    def __init__(self, db: Connection, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def get(self, names: Collection[str]) -> Mapping[str, ProviderToken]:
        found = await self._db.lookup(_held, sorted(names))
        await self._keys.load([_owner(row.name) for row in found])
        return {
            row.name: ProviderToken(
                name=row.name,
                value=str(self._keys.open(_owner(row.name), row.sealed, _place(row.name)) or ""),
                version=row.version,
                expires_at=row.expires_at,
            )
            for row in found
        }

    async def replace(self, token: ProviderToken) -> None:
        owner, held = _owner(token.name), await self._db.lookup(_held, [token.name])
        if token.version != (held[0].version if held else 0) + 1:
            raise Conflict
        if held:
            await self._keys.load([owner])
        else:
            await self._keys.make([owner])
        sealed = self._keys.seal(owner, token.value, _place(token.name))
        row = {"name": token.name, "version": token.version, "expires_at": token.expires_at, "sealed": sealed}
        if not held:
            self._db.insert(TOKENS, [row], contended=True)  # another node may store its first one at this moment
            return
        values = {"this": token.name, "to": token.version, "until": token.expires_at, "as": sealed}
        await self._db.run(REPLACE, [values])


def _owner(name: str) -> str:
    return f"token:{name}"


def _place(name: str) -> str:
    return f"provider_tokens.sealed.{name}"


def _held(words: Words) -> Select[Any]:
    return words.locked(select(TOKENS).where(words.among(COLUMNS.name)).order_by(COLUMNS.name))
