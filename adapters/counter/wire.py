"""A sheet of complaints -> messages, all of them or all that is wrong. Pure: the zone and the present are given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from adapters.counter import sheets
from adapters.counter.columns import COLUMNS, EXAMPLE, REFERRAL
from adapters.counter.config import Config
from adapters.counter.flaws import MOST, flaw
from adapters.counter.row import Row
from adapters.counter.sheets import Cell
from gateway.errors import Flaw, InvalidFile
from gateway.model import (
    ChannelKind,
    Contact,
    ContactType,
    Demand,
    IdType,
    InboundEvent,
    InboundMessage,
    Kind,
    Particulars,
    PreferredChannel,
    Product,
    Represents,
)
from gateway.ports import Filed
from gateway.rules.addresses import is_landline, normal_email, normal_phone

NEVER = datetime.fromtimestamp(0, UTC)
"""Stands in where the time of a row cannot be read: such a row is not taken in."""
_NAMES = {column.header: name for name, column in COLUMNS.items()}
_NEEDS: Mapping[ChannelKind, Mapping[str, str]] = {
    ChannelKind.BRANCH_COUNTER: {"branch": "required_at_counter", "receptionist": "required_at_counter"},
    ChannelKind.REGULATOR: {"body": "required_of_referral"},
}
_COUNTED_BY_BRANCH = frozenset({ChannelKind.OPINION_BOOK, ChannelKind.OFFLINE_IMPORT})
_PREFERS: Mapping[PreferredChannel, tuple[frozenset[ContactType], str]] = {
    PreferredChannel.PHONE: (frozenset({ContactType.MOBILE, ContactType.LANDLINE}), "needs_phone"),
    PreferredChannel.SMS: (frozenset({ContactType.MOBILE}), "needs_mobile"),
    PreferredChannel.EMAIL: (frozenset({ContactType.EMAIL}), "needs_email"),
    PreferredChannel.LETTER: (frozenset({ContactType.ADDRESS}), "needs_address"),
}


def read(data: bytes, name: str) -> Iterable[InboundEvent]:
    """Read a sheet by the default settings. Raises InvalidFile; without a clock no time is in the future."""
    return [filed.event for filed in parse(data, source="file", zone=ZoneInfo(Config().zone))]


def parse(data: bytes, *, source: str, zone: tzinfo, now: datetime | None = None) -> Sequence[Filed]:
    """Return a message for each row but the template's example.

    Raises InvalidFile with everything that is wrong, at most 1 000 flaws and a word that there are more: of a file with
    a mistake nothing is taken in, so that nobody has to remember which rows were.
    """
    (header, titles), *lines = sheets.rows(data)
    names = _names(header, titles)
    messages: list[Filed] = []
    flaws: list[Flaw] = []
    seen: set[str] = set()
    for number, cells in lines:
        row = Row(number, _named(names, cells))
        if row.typed("serial") == EXAMPLE:
            continue
        if any(cell for place, cell in enumerate(cells) if place >= len(names) or not names[place]):
            row.flaws.append(flaw("no_header", row=number))
        message = _message(row, source, zone, now)
        if message.external_id in seen and not row.flaws:
            row.wrong("duplicate_row", "serial")
        seen.add(message.external_id)
        flaws += dict.fromkeys(row.flaws)  # a cell that is read for two purposes is wrong once
        if len(flaws) > MOST:
            flaws = [*flaws[:MOST], flaw("more")]
            break
        messages.append(Filed(place=f"row {number}", event=message))
    if flaws:
        raise InvalidFile(flaws)
    return messages


def _names(row: int, titles: Sequence[Cell]) -> Sequence[str]:
    """Return which column each cell of a row belongs to. A title that is none may be a customer's: it is not shown."""
    last = max(place for place, title in enumerate(titles) if title)
    names = [_NAMES.get(str(title).strip(), "") for title in titles[: last + 1]]
    known = [name for name in names if name]
    if not known:
        raise InvalidFile([flaw("not_the_template", row=row)])
    flaws = [
        flaw("unknown_column", row=row, column=_letter(place))
        for place, name in enumerate(names)
        if titles[place] and not name
    ]
    flaws += [flaw("column_twice", row=row, column=COLUMNS[name].header) for name in _twice(known)]
    flaws += [
        flaw("missing_column", row=row, column=column.header)
        for name, column in COLUMNS.items()
        if column.required and name not in known
    ]
    if flaws:
        raise InvalidFile(flaws)
    return names


def _twice(names: Sequence[str]) -> Iterator[str]:
    return (name for name in dict.fromkeys(names) if names.count(name) > 1)


def _letter(place: int) -> str:
    """Return how a spreadsheet calls a column, by its place from 0."""
    first, last = divmod(place, 26)
    return (chr(ord("A") + first - 1) if first else "") + chr(ord("A") + last)


def _named(names: Sequence[str], cells: Sequence[Cell]) -> Mapping[str, Cell]:
    return {name: cell for name, cell in zip(names, cells, strict=False) if name and cell}


def _message(row: Row, source: str, zone: tzinfo, now: datetime | None) -> InboundMessage:
    """Return what the row says; where it has flaws, something that is thrown away."""
    row.check()
    channel = row.choice("channel", ChannelKind)
    received_at = row.moment("received", zone)
    if received_at and now and received_at > now:
        row.wrong("in_the_future", "received")
    _check_for(channel, row)
    preferred = row.choice("preferred", PreferredChannel)
    said = row.text("text")
    typed = {name: row.typed(name) for name in COLUMNS if row.typed(name)}
    return InboundMessage(
        source=source,
        channel=channel or ChannelKind.OFFLINE_IMPORT,
        external_id=_external_id(row, channel, received_at or NEVER, zone),
        received_at=received_at or NEVER,
        text="\n\n".join(part for part in (said, "\n".join(_referral(row))) if part),
        reply_text=said,
        subject=" ".join(row.typed(name) for name in ("body", "reference")).strip(),
        from_name=row.text("name"),
        contacts=_contacts(row, preferred),
        kind=row.choice("kind", Kind) or Kind.COMPLAINT,
        particulars=Particulars(
            occurred_note=row.text("occurred"),
            product=row.choice("product", Product),
            branch=row.text("branch"),
            receptionist=row.text("receptionist"),
            amount_note=row.text("amount"),
            demand=row.choices("demand", Demand),
            id_type=row.choice("id_type", IdType),
            represents=row.choice("represents", Represents),
            preferred_channel=preferred,
        ),
        raw=json.dumps({COLUMNS[name].header: text for name, text in typed.items()}, ensure_ascii=False).encode(),
    )


def _check_for(channel: ChannelKind | None, row: Row) -> None:
    """Note what this way of receipt needs and does not find, and what belongs to a referral only (A027, A132)."""
    if channel is None:
        return
    for name, problem in _NEEDS.get(channel, {}).items():
        if not row.has(name):
            row.wrong(problem, name)
    if channel in _COUNTED_BY_BRANCH and row.has("serial") and not row.has("branch"):
        row.wrong("required_with_serial", "branch")  # page 12 of another book would count as the same complaint
    for name in REFERRAL:
        if channel is not ChannelKind.REGULATOR and row.has(name):
            row.wrong("only_of_referral", name)


def _referral(row: Row) -> Sequence[str]:
    """Return what a regulator's letter asks for as lines for the file: who, under which reference, by when (A132)."""
    due = row.day("due")
    lines = {"body": row.text("body"), "reference": row.text("reference"), "due": due.isoformat() if due else ""}
    return [f"{COLUMNS[name].header}：{text}" for name, text in lines.items() if text]


def _contacts(row: Row, preferred: PreferredChannel | None) -> tuple[Contact, ...]:
    found: dict[ContactType, str] = {}
    if phone := row.text("phone"):
        number = normal_phone(phone)
        if number is None:
            row.wrong("not_a_phone", "phone")
        landline = number is None or is_landline(number)
        found[ContactType.LANDLINE if landline else ContactType.MOBILE] = number or phone
    if email := row.text("email"):
        address = normal_email(email)
        if address is None:
            row.wrong("not_an_email", "email")
        found[ContactType.EMAIL] = address or email
    if post := row.text("address"):
        found[ContactType.ADDRESS] = post
    wanted, problem = _PREFERS[preferred] if preferred else (frozenset[ContactType](), "")
    if wanted and not wanted & found.keys():
        row.wrong(problem, "preferred")
    return tuple(Contact(type=kind, value=value, preferred=kind in wanted) for kind, value in found.items())


def _external_id(row: Row, channel: ChannelKind | None, received_at: datetime, zone: tzinfo) -> str:
    """Name a row by its own serial in its branch and year, else by all it says; never by its place in the file.

    So a file that comes again, with rows put in above, opens nothing twice.
    """
    if serial := row.text("serial"):
        year = received_at.astimezone(zone).year
        return "serial:" + json.dumps([channel, year, row.text("branch"), serial], ensure_ascii=False)
    said = {name: row.typed(name) for name in COLUMNS if row.typed(name)} | {"received": received_at.isoformat()}
    return f"sha256:{hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()}"
