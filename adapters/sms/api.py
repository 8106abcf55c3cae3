"""Calls Twilio's API: the client with a limit on every request, and what its failures mean."""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.http.response import Response
from twilio.rest import Client

from adapters.sms.config import Config
from adapters.sms.wire import reason_of
from gateway.errors import DeliveryFailed, Permanent, Temporary, Unknown

__all__ = ["NOT_FOUND", "TOO_MANY", "Client", "failure", "open_client"]

TOO_MANY = "twilio 20429"
NOT_FOUND = "twilio 20404"
_MAX_WAIT = timedelta(hours=1)

# What is wrong with our account, number or service: every message would meet it until it is put right, so it says
# nothing about this contact. All others of 400 do, also codes that Twilio adds later.
_ABOUT_US = frozenset({21212, 21603, 21606, 21609, 21611, 21659, 21660, 21661, 21703, 21704, 21705})


@asynccontextmanager
async def open_client(config: Config, token: str) -> AsyncIterator[Client]:
    """Yield a client of the API. Nothing is connected before it is used."""
    # `connect` ends earlier, so that a connection that never came about is told from an answer that never came.
    limit = aiohttp.ClientTimeout(total=config.timeout, connect=config.timeout / 2)
    async with aiohttp.ClientSession(timeout=limit) as session:
        client = Client(config.account_sid, token, http_client=_Http(session))
        client.api.base_url = config.base_url
        yield client


class _Http:
    """Carries the library's requests.

    Its own carrier has no time limit, whatever it is told, uses a way to log in that aiohttp has deprecated, and hides
    how long a 429 asks to wait.
    """

    is_async = True

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        **_options: object,
    ) -> Response:
        """Make one request, once. Raises Temporary on 429; every other answer is the library's to judge."""
        login = base64.b64encode(":".join(auth or ()).encode()).decode("ascii")
        async with self._session.request(
            method,
            uri,
            params=params,
            data=data,
            headers={**(headers or {}), "Authorization": f"Basic {login}"},
            allow_redirects=False,
        ) as response:
            if response.status == 429:
                raise Temporary(TOO_MANY, retry_after=_asked(response.headers.get("Retry-After", "")))
            return Response(response.status, await response.text(), response.headers)


def failure(error: Exception) -> DeliveryFailed:
    """Say what went wrong with a request that may have handed something over.

    The reason holds codes only: Twilio's own text repeats the recipient's number.
    """
    match error:
        case DeliveryFailed():
            return error
        case TwilioRestException() | TwilioServiceException():
            return _refused(error.status, error.code)
        case aiohttp.ClientConnectorError():
            return Temporary("tls" if isinstance(error.os_error, ssl.SSLError) else "unreachable")
        case aiohttp.ConnectionTimeoutError():
            return Temporary("unreachable")
        case TimeoutError():
            return Unknown("timeout")
        case aiohttp.ClientError() | OSError():
            return Unknown("disconnected")
    return Unknown("bad_reply")


def _refused(status: int, code: int | None) -> DeliveryFailed:
    # Where Twilio says no code the library puts the status in its place.
    reason = reason_of(code) or f"twilio {status}"
    if status >= 500:
        return Unknown(reason)  # it broke somewhere, and nobody says before or after it took the message
    if status == 400 and code not in _ABOUT_US:
        return Permanent(reason)
    return Temporary(reason)


def _asked(value: str) -> timedelta | None:
    """Return a Retry-After, at most an hour; None where it is missing or a date."""
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        return None
    return min(timedelta(seconds=int(value)), _MAX_WAIT)
