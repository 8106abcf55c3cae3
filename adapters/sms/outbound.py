"""Hands notices to Twilio. What became of them is told by webhook (inbound.py) or asked for (lookup.py)."""

from __future__ import annotations

from typing import Any

from adapters.sms import api, wire
from adapters.sms.api import Client
from adapters.sms.config import Config
from adapters.sms.inbound import STATUS
from adapters.tools import text_of
from gateway.errors import Misconfigured, Permanent, Temporary, Unavailable
from gateway.model import OutboundMessage, Sent


class TwilioSender:
    """A Sender. Twilio takes no idempotency key: a hand-over whose answer was lost is looked up, not repeated."""

    def __init__(self, config: Config, client: Client, hook_url: str) -> None:
        self._config = config
        self._client = client
        self._hook_url = hook_url

    async def send(self, message: OutboundMessage) -> Sent:
        """Hand over one SMS; see ports.Sender. A text of more than `max_segments` SMS is never sent."""
        text = text_of(message).short
        if wire.segments(text) > self._config.max_segments:
            raise Permanent("too_long")
        options: dict[str, Any] = {"to": message.to.value, "body": text}
        if self._config.messaging_service_sid:
            options["messaging_service_sid"] = self._config.messaging_service_sid
        else:
            options["from_"] = self._config.from_number
        try:
            created = await self._client.messages.create_async(
                **options, status_callback=f"{self._hook_url}/{STATUS}/{message.key}"
            )
        except Exception as error:
            # Whatever it is, also an answer the library cannot read, it came after the text may have left.
            raise api.failure(error) from None
        return Sent(provider_id=created.sid or "")

    async def check(self) -> None:
        """Log in. Raises Misconfigured or Unavailable with what to change."""
        try:
            await self._client.api.v2010.accounts(self._config.account_sid).fetch_async()
        except Exception as error:
            failed = api.failure(error)
            if isinstance(failed, Temporary) and failed.reason.startswith("twilio") and failed.reason != api.TOO_MANY:
                raise Misconfigured(
                    f"{self._config.base_url} refuses the login ({failed.reason}): check account_sid and auth_tokens"
                ) from None
            raise Unavailable(f"{self._config.base_url}: {failed.reason}") from None
