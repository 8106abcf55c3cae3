"""What a notice says -> the values of an approved template, in the form its fields take. Pure; sending is outbound.py.

A field's name says what may stand in it: thing3, phrase1, time4 (订阅消息参数值内容限制说明, developers.weixin.qq.com).
WeChat refuses a whole notice for one value (47003), so each is checked here first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set
from datetime import UTC, datetime, tzinfo
from itertools import product
from typing import Literal

from gateway.errors import Permanent
from gateway.model import Kind, Language, NoticeKind, Template

ValueName = Literal["number", "status", "matter", "promised", "received", "at", "telephone", "bank"]
Fields = Mapping[str, ValueName]
"""The field of a template, and what stands in it."""

K = NoticeKind
# At most five Chinese characters: a `phrase` takes nothing else, in no language.
_STATUS: Mapping[NoticeKind, tuple[str, str]] = {
    K.ACKNOWLEDGEMENT: ("已受理", "已受理"),
    K.BROUGHT_FORWARD: ("答复提前", "答覆提前"),
    K.ANSWER: ("已答复", "已答覆"),
    K.MERGED: ("合并办理", "合併辦理"),
    K.INFORMATION_REQUEST: ("待补充", "待補充"),
    K.FIRST_PROGRESS: ("核查中", "核查中"),
    K.PROGRESS: ("核查中", "核查中"),
    K.DAILY_PROGRESS: ("核查中", "核查中"),
    K.EXTENSION: ("已延期", "已延期"),
    K.CLOCK_PAUSED: ("暂停计时", "暫停計時"),
    K.OUTCOME_UPHELD: ("已答复", "已答覆"),
    K.OUTCOME_REJECTED: ("已答复", "已答覆"),
    K.LOOKING_AGAIN: ("重新核查", "重新核查"),
    K.SURVEY: ("待评价", "待評價"),
    K.CALLBACK_SCRIPT: ("待回访", "待回訪"),
    K.REVIEW_ACCEPTED: ("申请已受理", "申請已受理"),
    K.REVIEW_DECISION: ("已有决定", "已有決定"),
    K.SUGGESTION_REPLY: ("已答复", "已答覆"),
    K.INQUIRY_ANSWER: ("已答复", "已答覆"),
    K.WITHDRAWN: ("已撤回", "已撤回"),
    K.NOT_FOR_US: ("无法办理", "無法辦理"),
    K.MEDIATION_OFFER: ("调解建议", "調解建議"),
    K.SECURITY_NOTE: ("安全提示", "安全提示"),
    K.CLOSED_UNANSWERED: ("已办结", "已辦結"),
    K.CALLBACK_FEEDBACK: ("已处理", "已處理"),
    K.STAY_IN_TOUCH: ("核查中", "核查中"),
    K.CONTACT_NOTED: ("已登记", "已登記"),
}
_CALL = ("请来电了解", "請來電瞭解")
"""Of what no template can carry, where nothing else does, either."""
TOLD = frozenset(_STATUS)
"""The notices there are for customers."""
_MATTERS: Mapping[Kind, Mapping[Language, str]] = {
    Kind.COMPLAINT: {
        Language.ZH_HANS: "您反映的问题",
        Language.ZH_HANT: "您反映的問題",
        Language.EN: "Your complaint",
    },
    Kind.SUGGESTION: {
        Language.ZH_HANS: "您的建议",
        Language.ZH_HANT: "您的建議",
        Language.EN: "Your suggestion",
    },
    Kind.INQUIRY: {
        Language.ZH_HANS: "您咨询的问题",
        Language.ZH_HANT: "您諮詢的問題",
        Language.EN: "Your question",
    },
}

_HAN = "[㐀-䶿一-鿿]"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}"
_DATE = r"[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日"
_RULES = {
    kind: re.compile(pattern)
    for kind, pattern in {
        "thing": r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,20}",
        "character_string": r"[ -~]{1,32}",
        "phrase": f"{_HAN}{{1,5}}",
        "name": f"{_HAN}{{1,10}}|[ -~]{{1,20}}",
        "time": f"({_DATE} )?{_CLOCK}",
        "date": f"{_DATE}( {_CLOCK})?",
        "phone_number": r"[0-9+() -]{1,17}",
    }.items()
}
_FIELD = re.compile(rf"({'|'.join(_RULES)})[0-9]{{1,2}}")
_END_OF_DAY = (23, 59)

# A day alone may fit where a moment does not.
_NOON, _END = datetime(2026, 12, 26, 12, tzinfo=UTC), datetime(2026, 12, 26, 23, 59, tzinfo=UTC)


def data_of(fields: Fields, said: Template, zone: tzinfo) -> dict[str, dict[str, str]]:
    """Return `data` of the call. Raises Permanent("does_not_fit") where WeChat would refuse a value (47003)."""
    values = {name: _written(value, name, said, zone) for name, value in fields.items()}
    if not all(_fits(name, value) for name, value in values.items()):
        raise Permanent("does_not_fit")
    return {name: {"value": value} for name, value in values.items()}


def misfits(fields: Fields, notices: Set[NoticeKind]) -> Iterator[str]:
    """Yield the fields that cannot hold what is to stand in them, by what is known at start-up.

    A bank's own name, telephone or form of a number may still be too long: that is seen in `data_of`.
    """
    samples = list(_samples(notices))
    for name, value in fields.items():
        if not _FIELD.fullmatch(name) or not all(_fits(name, _written(value, name, said, UTC)) for said in samples):
            yield name


def _samples(notices: Set[NoticeKind]) -> Iterator[Template]:
    for notice, language, kind, at in product(sorted(notices), Language, Kind, (_NOON, _END)):
        yield Template(
            notice=notice,
            language=language,
            kind=kind,
            number="TS-261123-000123-V",
            at=at,
            received_at=at,
            promised_at=at,
            bank="示例银行",
            telephone="400-000-0000",
        )


def _written(value: ValueName, field: str, said: Template, zone: tzinfo) -> str:
    return _VALUES[value](said, _kind(field), zone)


def _kind(field: str) -> str:
    return field.rstrip("0123456789")


def _fits(field: str, value: str) -> bool:
    return _RULES[_kind(field)].fullmatch(value) is not None


def _status(said: Template, kind: str, zone: tzinfo) -> str:
    simplified, traditional = _CALL if said.asked_to_call else _STATUS[said.notice]
    return traditional if said.language is Language.ZH_HANT else simplified


def _moment(at: datetime, kind: str, zone: tzinfo) -> str:
    """Write a moment as this kind of field takes it; the end of a day is that day, wherever a day alone may stand."""
    local = at.astimezone(zone)
    is_written_out = kind in ("time", "date")
    day = f"{local.year}年{local.month}月{local.day}日" if is_written_out else f"{local:%Y-%m-%d}"
    is_day = kind != "time" and (local.hour, local.minute) == _END_OF_DAY
    return day if is_day else f"{day} {local:%H:%M}"


_VALUES: Mapping[ValueName, Callable[[Template, str, tzinfo], str]] = {
    "number": lambda said, kind, zone: said.number,
    "status": _status,
    "matter": lambda said, kind, zone: _MATTERS[said.kind][said.language],
    "promised": lambda said, kind, zone: _moment(said.promised_at, kind, zone),
    "received": lambda said, kind, zone: _moment(said.received_at, kind, zone),
    "at": lambda said, kind, zone: _moment(said.at, kind, zone),
    "telephone": lambda said, kind, zone: said.telephone,
    "bank": lambda said, kind, zone: said.bank,
}
