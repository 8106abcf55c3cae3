"""What customers come with, and when: weekdays and holidays, hours of the day, kinds, levels, channels, languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from random import Random
from typing import TypeVar

from bench.halfyear.plan import Plan, local
from gateway.model import ChannelKind, Contact, ContactType, Flag, Kind, Language, Level, Nature, Product
from gateway.rules.worktime import Calendar

Choice = TypeVar("Choice")

OFF, AFTER_A_HOLIDAY = 0.35, 1.7
"""How many come on a day off, and on the first working days after three or more of them; a working day is 1."""
HOURS = (2, 1, 1, 1, 1, 2, 4, 8, 18, 26, 27, 22, 14, 16, 23, 24, 22, 17, 12, 12, 13, 11, 7, 4)
CHANNELS = {
    ChannelKind.EMAIL: 34,
    ChannelKind.APP: 22,
    ChannelKind.WEB_FORM: 16,
    ChannelKind.HOTLINE: 14,
    ChannelKind.BRANCH_COUNTER: 7,
    ChannelKind.LETTER: 4,
    ChannelKind.REGULATOR: 3,
}
KINDS = {Kind.COMPLAINT: 84, Kind.INQUIRY: 10, Kind.SUGGESTION: 6}
LANGUAGES = {Language.ZH_HANS: 87, Language.ZH_HANT: 6, Language.EN: 7}
LEVELS = {Level.GENERAL: 73, Level.IMPORTANT: 21, Level.MAJOR: 6}
NATURES = {Nature.SERVICE: 50, Nature.TECHNICAL: 29, Nature.COMPLIANCE: 21}
PRODUCTS = {
    Product.CREDIT_CARD: 30,
    Product.DEBIT_CARD: 22,
    Product.LOAN: 15,
    Product.WEALTH: 14,
    Product.PAYMENT: 14,
    Product.FX: 5,  # has no route: a person dispatches it (A051)
}
SAID = {
    Language.ZH_HANS: (
        "年费80元没提前说，请退",
        "转账显示成功，对方没收到",
        "柜台排了两个小时没人理",
        "理财和当初说的不一样",
    ),
    Language.ZH_HANT: ("年費80元沒有事先說明，請退還", "轉帳顯示成功，對方沒有收到"),
    Language.EN: ("I was charged twice for one payment", "Nobody at the branch could tell me why my card was blocked"),
}
ASKED = {
    Language.ZH_HANS: "请问国庆期间网点几点开门？",
    Language.ZH_HANT: "請問假日分行幾點開門？",
    Language.EN: "What are your hours on the holiday?",
}
PROPOSED = {
    Language.ZH_HANS: "建议大厅加两把椅子",
    Language.ZH_HANT: "建議大廳多放兩張椅子",
    Language.EN: "Please put two more chairs into the hall",
}
WITH_A_CODE = "，我的短信验证码是482913"  # what nobody should send (D.3)
FAMILY_NAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN_NAMES = ("芳", "伟", "敏", "静", "丽", "强", "磊", "军", "洋", "艳", "勇", "娟", "涛", "明", "超", "霞")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One message that opens a complaint; `again`: the place of the earlier matter of the same customer, if any."""

    place: int
    at: datetime
    channel: ChannelKind
    kind: Kind
    level: Level  # what a person will find it to be
    nature: Nature
    product: Product
    flags: frozenset[Flag]
    language: Language
    name: str
    contacts: tuple[Contact, ...]
    text: str
    twice: bool = False  # the same mail in two of our boxes
    unreadable: bool = False
    again: int | None = None

    @property
    def email(self) -> str:
        return next((one.value for one in self.contacts if one.type is ContactType.EMAIL), "")


def matters(plan: Plan, calendar: Calendar) -> Sequence[Matter]:
    """Return what comes in during the plan's days, in order; `calendar` is the true one, known late or not."""
    dice = Random(f"{plan.seed}/matters")
    moments = sorted(_moments(plan, calendar, dice))
    made: list[Matter] = []
    for place, at in enumerate(moments):
        made.append(_again(made, place, at, dice) or _matter(place, at, dice))
    return made


def _moments(plan: Plan, calendar: Calendar, dice: Random) -> Sequence[datetime]:
    days = [plan.begins + timedelta(days=n) for n in range(plan.days)]
    chosen = dice.choices(days, [_rate(day, calendar) for day in days], k=plan.complaints)
    hours = dice.choices(range(24), HOURS, k=plan.complaints)
    return [
        local(day, time(hour, dice.randrange(60), dice.randrange(60))) for day, hour in zip(chosen, hours, strict=True)
    ]


def _rate(day: date, calendar: Calendar) -> float:
    if not calendar.is_workday(day):
        return OFF
    off_before = all(not calendar.is_workday(day - timedelta(days=n)) for n in (1, 2, 3))
    return AFTER_A_HOLIDAY if off_before else 1.0


def _matter(place: int, at: datetime, dice: Random) -> Matter:
    kind, level, language = pick(KINDS, dice), pick(LEVELS, dice), pick(LANGUAGES, dice)
    channel = pick(CHANNELS, dice)
    if channel is ChannelKind.REGULATOR:
        kind, level = Kind.COMPLAINT, Level.MAJOR
    text = {Kind.INQUIRY: ASKED[language], Kind.SUGGESTION: PROPOSED[language]}.get(kind) or dice.choice(SAID[language])
    mailed = channel is ChannelKind.EMAIL
    return Matter(
        place=place,
        at=at,
        channel=channel,
        kind=kind,
        level=level if kind is Kind.COMPLAINT else Level.GENERAL,
        nature=pick(NATURES, dice),
        product=pick(PRODUCTS, dice),
        flags=_flags(level, dice) if kind is Kind.COMPLAINT else frozenset(),
        language=language,
        name=dice.choice(FAMILY_NAMES) + dice.choice(GIVEN_NAMES),
        contacts=_contacts(place, channel, dice),
        text=text + WITH_A_CODE if dice.random() < 0.01 else text,
        twice=mailed and dice.random() < 0.03,
        unreadable=mailed and dice.random() < 0.01,
    )


def _again(before: Sequence[Matter], place: int, at: datetime, dice: Random) -> Matter | None:
    """Let a customer of the last days write again about the same matter, now and then, without naming the number."""
    lately = [one for one in before[-60:] if one.again is None and one.email and at - one.at < timedelta(days=4)]
    if dice.random() > 0.05 or not lately:
        return None
    first = dice.choice(lately)
    return replace(first, place=place, at=at, again=first.place, twice=False, unreadable=False)


def _flags(level: Level, dice: Random) -> frozenset[Flag]:
    flags = {Flag.URGENT} if dice.random() < 0.07 else set()
    if level is Level.MAJOR:
        flags.add(dice.choice((Flag.MEDIA, Flag.LARGE_LOSS, Flag.GROUP, Flag.SAFETY)))
    elif level is Level.IMPORTANT:
        flags.add(dice.choice((Flag.REGULATOR_THREAT, Flag.REPEAT, Flag.CLUSTER, Flag.PRIVACY, Flag.LEGAL_THREAT)))
    return frozenset(flags)


def _contacts(place: int, channel: ChannelKind, dice: Random) -> tuple[Contact, ...]:
    mobile = Contact(type=ContactType.MOBILE, value=f"+86138{place:08}", verified=channel is not ChannelKind.WEB_FORM)
    known = channel in (ChannelKind.APP, ChannelKind.BRANCH_COUNTER)
    email = Contact(type=ContactType.EMAIL, value=f"customer{place}@example.com", verified=known)
    if channel is ChannelKind.EMAIL:
        return (email,)
    if channel is ChannelKind.LETTER:
        return (mobile,) if dice.random() < 0.7 else ()
    chance = dice.random()
    if chance < 0.45:
        return (email, mobile)
    return (email,) if chance < 0.72 else (mobile,)


def pick(choices: Mapping[Choice, int], dice: Random) -> Choice:
    """Return one of the choices by its weight."""
    return dice.choices(list(choices), list(choices.values()))[0]
