"""Template cards (模板卡片) at the simulated WeCom: which are taken, what can be pressed on them, their form in XML.

Sources: path/90236 (sizes, template_card), path/96469 (the same card in a passive reply's XML).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.wecom_corp import ApiError

_CARD_TYPES = ("text_notice", "button_interaction")
_MOST_BUTTONS, _MOST_LINES, _KEY_BYTES = 6, 6, 1024
_LISTS = frozenset({"button_list", "horizontal_content_list", "jump_list", "action_list"})
_WORD = re.compile(r"(?<!^)(?=[A-Z])")
_ONE_WORD = {"key_name": "keyname", "user_id": "userid"}  # two words in XML, one in JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    key: str
    text: str


def check_card(card: Mapping[str, Any]) -> None:
    """Raise ApiError where a card is not one that WeCom takes."""
    if card.get("card_type") not in _CARD_TYPES:
        raise ApiError(40058)
    if not card.get("main_title", {}).get("title") and not card.get("sub_title_text"):
        raise ApiError(44004)
    if len(card.get("horizontal_content_list", [])) > _MOST_LINES:
        raise ApiError(40058)
    if card["card_type"] == "button_interaction":
        _check_buttons(card)
    elif not card.get("card_action", {}).get("url"):
        raise ApiError(40058)


def _check_buttons(card: Mapping[str, Any]) -> None:
    pressable = buttons(card)
    keys = {one.key for one in pressable}
    if not card.get("task_id") or not 0 < len(pressable) <= _MOST_BUTTONS or len(keys) < len(pressable):
        raise ApiError(40058)
    for one in pressable:
        if not one.text or not one.key or len(one.key.encode()) > _KEY_BYTES:
            raise ApiError(40058)


def buttons(card: Mapping[str, Any]) -> tuple[Button, ...]:
    """Return what can be pressed on a card, which for anything but a card is nothing."""
    if card.get("card_type") != "button_interaction":
        return ()
    shown = card.get("button_list", [])
    return tuple(Button(key=str(one.get("key", "")), text=str(one.get("text", ""))) for one in shown)


def replaced_by(card: Mapping[str, Any]) -> str:
    """Return the words that stand for a new card's buttons, "" where they can be pressed."""
    return str(card.get("replace_text", ""))


def card_of(xml: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON form of a TemplateCard: its names in snake_case, one element of a list as a list of one."""
    card: dict[str, Any] = {}
    for name, value in xml.items():
        snake = _WORD.sub("_", name).lower()
        key = _ONE_WORD.get(snake, snake)
        card[key] = [_inner(one) for one in _many(value)] if key in _LISTS else _inner(value)
    return card


def _many(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _inner(value: object) -> object:
    return card_of(value) if isinstance(value, Mapping) else value
