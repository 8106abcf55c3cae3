"""The bank's people at their WeCom (企业微信): the cards that lie there, and the buttons they press."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from sandbox.desk import Refused
from sandbox.example_bank import MEMBERS, NAMES
from sandbox.wecom import StaffMessage, WeCom

MOST = 20
_NUMBER = re.compile(r"TS-\d{6}-\d{6}-\w")
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agents:
    """Everybody of MEMBERS with their WeCom."""

    wecom: WeCom

    def members(self) -> Sequence[Json]:
        """Return everybody with their last MOST cards, newest first, as their WeCom shows them."""
        return [
            {
                "userid": userid,
                "staff": staff,
                "name": NAMES[staff],
                "cards": [_card(one) for one in self.wecom.cards(userid)[: -MOST - 1 : -1]],
            }
            for userid, staff in MEMBERS.items()
        ]

    async def press(self, userid: str, task_id: str, key: str) -> None:
        """Press a button of a card. Raises Refused where there is none such, or where the gateway did not answer."""
        buttons = [one.buttons for one in self.wecom.cards(userid) if one.task_id == task_id and not one.replaced]
        if key not in [button.key for found in buttons for button in found]:
            raise Refused("there is no such button")
        pressed = await self.wecom.press(userid, task_id, key)
        if pressed.status != HTTPStatus.OK:
            raise Refused(f"the gateway answered WeCom with {pressed.status}")


def number_of(card: StaffMessage) -> str:
    """Return the number of the complaint that a card is about, "" where it names none."""
    found = _NUMBER.search(str(card.content))
    return found[0] if found else ""


def _card(message: StaffMessage) -> Json:
    content = message.content
    return {
        "id": message.msgid,
        "task": message.task_id,
        "at": message.at.isoformat(),
        "number": number_of(message),
        "title": content.get("main_title", {}).get("title", ""),
        "text": content.get("sub_title_text", content.get("content", "")),
        "opens": bool(content.get("card_action", {}).get("url")),
        "buttons": [] if message.replaced else [{"key": one.key, "text": one.text} for one in message.buttons],
        "replaced": message.replaced,
    }
