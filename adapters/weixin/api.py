"""Calls Tencent's APIs with an access token all nodes share, and says what their failures mean.

Token and secret travel in the query, so that no address may get into a log, an error or a repr.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp

from adapters.weixin import answers
from adapters.weixin.answers import Answer, Refused
from gateway.errors import Misconfigured, Permanent, Temporary, Unavailable, Unknown
from gateway.ports import FetchedToken, Media, Shared

__all__ = ["Api", "Refused", "TokenCall"]

Got = TypeVar("Got")

_TOKEN_REFUSED = frozenset({40001, 40014, 42001})  # wrong, invalid, expired: they end early as they like (path/91039)
_CONNECTING = 0.5  # of the timeout: what takes longer to connect was surely not handed over
_LARGEST = 16 << 20  # bytes of an answer: a thousand messages of 2 kB, each character written as \u6295
_SMALL = 64 << 10
_LONGEST_TOKEN = 86_400  # seconds; both say 7200
_DOWNLOAD = 120.0  # seconds for a whole file, of 20 MB at most
_JSON = {"Content-Type": "application/json; charset=utf-8"}
_CONTROL = re.compile(r"(?<!\\)((?:\\\\)*)\\u[0-9a-f]{4}")  # after an even number of backslashes


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCall:
    """How the provider is asked for an access token. Holds the secret.

    WeCom: path="/cgi-bin/gettoken", query={"corpid", "corpsecret"}; official accounts: path="/cgi-bin/stable_token",
    body={"grant_type": "client_credential", "appid", "secret"}.
    """

    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)  # None: a GET


class Api:
    """One app of one account. Safe to call concurrently; repeats nothing but a call whose token was refused, once."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, shared: Shared, token_name: str, fetch_token: TokenCall
    ) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._shared = shared
        self._token_name = token_name
        self._fetch_token = fetch_token
        silence = session.timeout.total
        self._patience = aiohttp.ClientTimeout(total=_DOWNLOAD, connect=session.timeout.connect, sock_read=silence)

    @classmethod
    def open(
        cls, *, base_url: str, timeout: float, shared: Shared, token_name: str, fetch_token: TokenCall
    ) -> AbstractAsyncContextManager[Api]:
        """Return it, to be entered. Nothing is connected before it is used.

        `timeout` in seconds: of each single request, of each silence in a download. `token_name` is the same on every
        node, and of this app alone.
        """
        limit = aiohttp.ClientTimeout(total=timeout, connect=timeout * _CONNECTING)
        return cls._opened(limit, base_url, shared, token_name, fetch_token)

    @classmethod
    @asynccontextmanager
    async def _opened(
        cls, limit: aiohttp.ClientTimeout, base_url: str, shared: Shared, token_name: str, fetch_token: TokenCall
    ) -> AsyncIterator[Api]:
        async with aiohttp.ClientSession(timeout=limit) as session:
            yield cls(session, base_url, shared, token_name, fetch_token)

    async def call(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Post the body; return the answer, whose errcode is 0.

        Raises Temporary (nothing was done: no token, too often, not reached), Unknown (it may be done), or Refused.
        """

        async def once(token: str) -> Mapping[str, Any]:
            answer = await self._answer("POST", path, {"access_token": token}, body)
            return answers.judged(answer, needs_code=True)

        return await self._with_token(once)

    async def download(self, path: str, params: Mapping[str, str], *, limit: int) -> Media:
        """Get a file. Raises Temporary, Permanent when it is over `limit` bytes or no file, or Refused."""

        async def once(token: str) -> Media:
            address, query = self._base_url + path, {**params, "access_token": token}
            async with self._session.get(
                address, params=query, timeout=self._patience, allow_redirects=False
            ) as response:
                if not answers.is_file(response):
                    answers.judged(await _read(response, _SMALL))
                    raise Permanent("not_a_file")  # such as the page where an official account's film is to be seen
                content = await _content(response, limit)
            if len(content) > limit:
                raise Permanent("too_large")
            return Media(content=content, media_type=response.content_type, name=answers.name_of(response.headers))

        async def told(token: str) -> Media:
            try:
                return await once(token)
            except (aiohttp.ClientError, OSError) as error:
                raise answers.failure(error) from None

        return await self._reading(told)

    async def check(self, path: str, params: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """Get something that changes nothing, for a probe; return the answer.

        Raises Unavailable where nobody answers, Misconfigured with the errcode where the answer is a refusal.
        """

        async def once(token: str) -> Mapping[str, Any]:
            return answers.judged(await self._answer("GET", path, {**(params or {}), "access_token": token}))

        try:
            return await self._reading(once)
        except Temporary as failure:
            if failure.reason in answers.ABOUT_US:
                raise Misconfigured(f"{self._base_url} refuses {path}: {failure.reason}") from None
            raise Unavailable(f"{self._base_url}: {failure.reason}") from None
        except Refused as refused:
            raise Misconfigured(f"{self._base_url} refuses {path}: {refused.reason}") from None

    async def _reading(self, once: Callable[[str], Awaitable[Got]]) -> Got:
        """As `_with_token`, for what changes nothing: what may or may not have been done can be done again."""
        try:
            return await self._with_token(once)
        except Unknown as failure:
            raise Temporary(failure.reason) from None

    async def _with_token(self, once: Callable[[str], Awaitable[Got]]) -> Got:
        token = await self._token()
        try:
            return await once(token)
        except Refused as refused:
            if refused.code not in _TOKEN_REFUSED:
                raise
        token = await self._token(refused=token)
        try:
            return await once(token)
        except Refused as refused:
            if refused.code not in _TOKEN_REFUSED:
                raise
            # Not once more, ever: for two thousand calls an hour with bad tokens they give no token for an hour.
            raise Temporary(refused.reason) from None

    async def _token(self, refused: str = "") -> str:
        return await self._shared.token(self._token_name, self._fetched, refused=refused)

    async def _fetched(self) -> FetchedToken:
        """Ask for a token. Raises nothing but Temporary: without one nothing is handed over, whatever the reason."""
        ask = self._fetch_token
        try:
            answer = await self._answer("GET" if ask.body is None else "POST", ask.path, ask.query, ask.body)
            told = answers.judged(answer)
        except (Refused, Unknown) as failure:
            raise Temporary(failure.reason) from None
        value, seconds = told.get("access_token"), told.get("expires_in")
        if not isinstance(value, str) or not value or not isinstance(seconds, int) or seconds < 1:
            raise Temporary("bad_reply")
        return FetchedToken(value=value, seconds=min(seconds, _LONGEST_TOKEN))

    async def _answer(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> Answer:
        data = None if body is None else _written(body)
        try:
            async with self._session.request(
                method,
                self._base_url + path,
                params=query,
                data=data,
                headers=None if data is None else _JSON,
                allow_redirects=False,
            ) as response:
                return await _read(response, _LARGEST)
        except (aiohttp.ClientError, OSError) as error:
            raise answers.failure(error) from None


def _written(body: Mapping[str, Any]) -> bytes:
    """Return the JSON of a body without \\u6295 for 投, which aiohttp's own has: WeCom refuses it, 40033 (path/90455).

    What can be written in no other way, control characters, is a space.
    """
    return _CONTROL.sub(r"\1 ", json.dumps(body, ensure_ascii=False)).encode("utf-8", "replace")


async def _read(response: aiohttp.ClientResponse, limit: int) -> Answer:
    return Answer(status=response.status, content=await _content(response, limit))


async def _content(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return the body, or its beginning: a byte more than `limit` says that there is more."""
    content = bytearray()
    while len(content) <= limit and (more := await response.content.read(limit + 1 - len(content))):
        content += more
    return bytes(content)
