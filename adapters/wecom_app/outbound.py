"""Hands cards to the bank's people in WeCom. What they look like is in wire.py, how many may leave in pace.py."""

from __future__ import annotations

from adapters.tools import card_of
from adapters.wecom_app import wire
from adapters.wecom_app.pace import Pace
from adapters.weixin.api import Api, Refused
from gateway.errors import DeliveryFailed
from gateway.model import OutboundMessage, Sent


class CardSender:
    """A Sender. WeCom takes a task_id once, so what may have been taken is handed over again without harm."""

    def __init__(self, agent_id: int, api: Api, pace: Pace) -> None:
        self._agent_id = agent_id
        self._api = api
        self._pace = pace

    async def send(self, message: OutboundMessage) -> Sent:
        """Hand over one card; see ports.Sender. Raises Temporary("paced") where WeCom would drop it without a word."""
        card, userid = card_of(message), message.to.value.lower()
        body = wire.body(card, key=message.key, userid=userid, agent_id=self._agent_id)
        await self._pace.spend(userid, urgent=card.urgent)
        try:
            answer = await self._api.call("/cgi-bin/message/send", body)
        except Refused as refusal:
            meant = wire.refused(refusal.code)
        else:
            meant = wire.sent(answer, userid)
        if isinstance(meant, DeliveryFailed):
            raise meant
        return meant

    async def check(self) -> None:
        """Ask WeCom about the app. Raises Misconfigured or Unavailable with what to change."""
        await self._api.check("/cgi-bin/agent/get", {"agentid": str(self._agent_id)})
