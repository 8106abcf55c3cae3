"""The commands `case show` and `case do`: work on one complaint from a terminal, as somebody of the directory.

What a command may do is in rules/, how it is carried out in casework.py; which fields it has is read from its class.
"""

from __future__ import annotations

import argparse
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from gateway.app import assembled
from gateway.casework import COMMANDS, Casefile, command_of, look_at
from gateway.errors import Forbidden, Invalid
from gateway.model import Actor, Clock, ClockName, Complaint, Role
from gateway.node import Node
from gateway.rules import commands, grading, lifecycle, masks, transitions
from gateway.rules.routing import Directory
from gateway.settings import Settings, explain
from gateway.terminal import Terminal

OPTIONAL = "may be left out"
SAME_MOMENT = timedelta(seconds=1)
"""A limit of no minutes is kept by what happens at once (S0-6(1))."""
OPERATOR = Actor(id="operator", roles=frozenset({Role.AUD}))
"""Who has the keys file can read everything: without --as a case is shown as to an auditor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a command as an option: `improvement.due` of a field within a field."""

    path: str
    required: bool
    form: str  # what a value looks like
    choices: tuple[str, ...] = ()
    many: bool = False
    pairs: bool = False  # NAME=VALUE


def add_to(commands_of_huiyin: Any, terminal: Terminal) -> Any:
    """Add the command `case` with its two steps; return what takes further ones."""
    words = "Show one complaint, or do something with it, as somebody of the directory (config/routing.toml)."
    steps = commands_of_huiyin.add_parser("case", help=words, description=words).add_subparsers(
        required=True, metavar="STEP"
    )
    words = "Show a complaint: clocks with their clauses, timeline, notices, and what may be done now."
    step = steps.add_parser("show", help=words, description=f"{words} The customer is masked.")
    step.add_argument("number", metavar="NUMBER")
    step.add_argument("--as", dest="staff", metavar="STAFF", help="see it as this person does; default: as an auditor")
    words = "show the customer's name and contacts in full; who looked and why goes on record. Needs --as"
    step.add_argument("--unmask", metavar="REASON", help=words)
    step.set_defaults(run=partial(_run, _show, terminal))
    words = "Give a complaint one command, such as grade, accept, conclude or approve."
    listed = "\n".join(f"  {name:<20} {_first_line(row)}" for name, row in sorted(COMMANDS.items()))
    step = steps.add_parser(
        "do",
        help=words,
        description=f"{words} What a command needs: huiyin case do NUMBER COMMAND --help",
        epilog=f"commands, with the roles that may give them:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    step.add_argument("number", metavar="NUMBER")
    step.add_argument("command", metavar="COMMAND", choices=sorted(COMMANDS))
    step.add_argument("rest", nargs=argparse.REMAINDER, metavar="--field value ... --as STAFF")
    step.set_defaults(run=partial(_run, _do, terminal))
    return steps


def _run(step: Any, terminal: Terminal, options: Namespace) -> int:
    if step is _do:
        options = _parser_of(options.command).parse_args(options.rest, namespace=options)
    return terminal.run(step(options, terminal.settings(options), terminal))


async def _show(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    async with assembled(settings, terminal.channels(settings), now=terminal.now) as (node, _):
        actor = actor_of(node.book.directory, options.staff) if options.staff else OPERATOR
        file = await case_file(node, options.number, actor, options.unmask)
        for part in _pages(file, actor, node, plain=options.unmask is not None):
            terminal.show(part)
    return 0


async def case_file(node: Node, number: str, actor: Actor, unmask: str | None) -> Casefile:
    """Return the case as the actor may see it, after the reason to see its customer in full, if any, is on record."""
    number = number.strip().upper()
    if unmask is None:
        return await node.casework.show(number, actor)
    try:
        command = look_at({"reason": unmask})
    except ValidationError as error:
        raise Invalid(f"--unmask: {explain(error)}") from None
    return await node.casework.unmask(number, command, actor)


async def _do(options: Namespace, settings: Settings, terminal: Terminal) -> int:
    try:
        command = command_of({**_from_json(options.json), **_given(options), "command": options.command})
    except ValidationError as error:
        raise Invalid(f"{explain(error)}. See huiyin case do NUMBER {options.command} --help") from None
    except Invalid as error:
        raise Invalid(f"{error.field}: {error}. See huiyin case do NUMBER {options.command} --help") from None
    async with assembled(settings, terminal.channels(settings), now=terminal.now) as (node, _):
        actor = actor_of(node.book.directory, options.staff)
        try:
            after = await node.casework.do(options.number.strip().upper(), command, actor, expected=options.if_version)
        except Invalid as error:
            raise Invalid(f"{error.field}: {error}" if error.field else str(error)) from None
        zone = ZoneInfo(settings.bank.zone)
        terminal.say(
            f"{after.number} is {after.state}, version {after.version}; promised {_local(after.promised_at, zone)}."
        )
        terminal.say(f"{actor.id} may now: {', '.join(_permitted(after, actor)) or 'nothing more'}.")
    return 0


def actor_of(directory: Directory, staff: str) -> Actor:
    """Return who --as names. Raises Forbidden, saying whom the directory knows."""
    person = directory.staff.get(staff)
    if person is None:
        known = ", ".join(sorted(directory.staff)[:20]) or "nobody yet"
        raise Forbidden(f"--as: config/routing.toml has no staff {staff!r}; it names {known}")
    return person.actor


# -- what a command is given


def _parser_of(name: str) -> ArgumentParser:
    """Return the parser of one command's fields."""
    row = COMMANDS[name]
    parser = ArgumentParser(
        prog=f"huiyin case do NUMBER {name}",
        usage=f"huiyin case do NUMBER {name} --as STAFF [--field value ...]",
        description=f"{(row.command.__doc__ or '').strip()} Given by: {_roles(row)}.",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--as", dest="staff", required=True, metavar="STAFF", help="who does it, by staff number")
    parser.add_argument(
        "--json",
        type=Path,
        default=None,
        metavar="FILE",
        help="the fields as a JSON object; - reads them from the input",
    )
    parser.add_argument(
        "--if-version",
        type=int,
        default=None,
        metavar="N",
        help="only while the case is at this version: else it is said what happened since",
    )
    for field in fields_of(row.command):
        words = [
            ", ".join(field.choices),
            "several may follow" if field.many else "",
            "" if field.required else OPTIONAL,
        ]
        parser.add_argument(
            f"--{field.path}",
            dest=f"field {field.path}",
            nargs="+" if field.many or field.pairs else None,
            choices=field.choices or None,
            metavar="ONE-OF" if field.choices else field.form,
            help="; ".join(word for word in words if word),
        )
    return parser


def fields_of(command: Any) -> Sequence[Field]:
    """Return the fields of a command, those of a field with parts by their parts."""
    schema = commands.adapter(command).json_schema()
    return list(_fields(schema, schema.get("$defs", {}), "", optional=False))


def _fields(schema: Mapping[str, Any], known: Mapping[str, Any], prefix: str, *, optional: bool) -> Iterator[Field]:
    for name, declared in schema.get("properties", {}).items():
        one, nullable = _resolved(declared, known)
        needed = name in schema.get("required", ()) and not optional
        if "properties" in one:
            yield from _fields(one, known, f"{prefix}{name}.", optional=not needed)
            continue
        many = one.get("type") == "array"
        inner = _resolved(one["items"], known)[0] if many else one
        yield Field(
            path=f"{prefix}{name}",
            required=needed,
            form=_form(inner),
            choices=_choices(inner, nullable=nullable),
            many=many,
            pairs=one.get("type") == "object",
        )


def _resolved(declared: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """Return what a schema stands for, and whether it may be null."""
    variants = declared.get("anyOf", [declared])
    chosen = next(one for one in variants if one.get("type") != "null")
    found = known[chosen["$ref"].rpartition("/")[2]] if "$ref" in chosen else chosen
    return found, len(variants) > 1


def _form(schema: Mapping[str, Any]) -> str:
    if schema.get("type") == "object":
        return "NAME=VALUE"
    return {"date": "2026-11-26", "date-time": "2026-11-26T14:30:00+08:00"}.get(schema.get("format", ""), "TEXT")


def _choices(schema: Mapping[str, Any], *, nullable: bool) -> tuple[str, ...]:
    if schema.get("type") == "boolean":
        return ("true", "false", *(("none",) if nullable else ()))
    return tuple(schema.get("enum", ()))


def _given(options: Namespace) -> dict[str, Any]:
    """Return the fields that were given as the JSON they stand for."""
    values: dict[str, Any] = {}
    for field in fields_of(COMMANDS[options.command].command):
        given = getattr(options, f"field {field.path}", None)
        if given is None:
            continue
        inner = values
        *outer, name = field.path.split(".")
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[name] = _value(field, given)
    return values


def _value(field: Field, given: Any) -> Any:
    if field.pairs:
        return dict(_pairs(given, field.path))
    return None if field.choices and given == "none" else given


def _pairs(given: Iterable[str], path: str) -> Iterator[tuple[str, str]]:
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise Invalid(f"give it as NAME=VALUE, such as --{path} overall=5", field=path)
        yield name, value


def _from_json(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        values = json.loads(text)
    except (OSError, ValueError):
        raise Invalid("it cannot be read, or is not JSON", field="--json") from None
    if not isinstance(values, dict):
        raise Invalid('it must be an object: {"field": value, ...}', field="--json")
    return values


# -- what is shown


def _pages(file: Casefile, actor: Actor, node: Node, *, plain: bool) -> Iterator[Table | Text]:
    zone = ZoneInfo(node.settings.bank.zone)
    complaint = file.complaint
    missing = grading.missing_particulars(complaint, [one.body for one in file.messages])
    yield _head(complaint, node.now(), zone, complaint.name if plain else masks.mask_name(complaint.name), missing)
    if plain:
        yield _table("Contacts", ("type", "value"), [(one.contact.type, one.contact.value) for one in file.contacts])
    yield _table("Clocks", ("clock", "until", "", "clause", "rule"), _clocks(complaint, node.now(), zone))
    yield _table(
        "Timeline",
        ("", "at", "who", "what"),
        [(str(one.seq), _local(one.at, zone), one.actor, one.event.kind) for one in file.timeline],
    )
    yield _table(
        "Notices",
        ("notice", "to", "state", "by"),
        [(one.kind, one.recipient, one.state, _ways(file, one.id)) for one in file.notices],
    )
    known = Role if actor is OPERATOR else actor.roles
    permitted = [f"{name} ({_roles(COMMANDS[name])})" for name in _permitted(complaint, actor, roles=known)]
    yield Text("\n".join(["What may be done now", *(f"  {one}" for one in permitted or ["nothing"])]))


def _head(complaint: Complaint, now: datetime, zone: ZoneInfo, customer: str, missing: Sequence[str]) -> Text:
    case = complaint.case
    about = (case.topic, case.content_class, case.scope, case.horizon, case.difficulty)
    said = {
        "state": complaint.state,
        "kind": f"{complaint.kind}{f', {case.nature}' if case.nature else ''}",
        "level": f"{complaint.level}{', not confirmed yet' if complaint.needs_review else ''}",
        "flags": ", ".join(sorted(case.flags)) + (" RED ALERT" if case.red_alert else ""),
        "again": f"complained before: {', '.join(case.named)}; grade it with the flag repeat" if case.repeats else "",
        "about": ", ".join(one for one in about if one),
        "missing": ", ".join(missing),
        "customer": customer + (f", {case.emotion}" if case.emotion else ""),
        "told": _told_until(complaint, now, zone),
        "promised": _local(complaint.promised_at, zone),
        "by law": _local(complaint.legal_at, zone) if complaint.legal_at else "no limit",
        "unit": f"{case.unit}, {case.handler}" if case.unit else "",
        "result": case.result or "",
    }
    lines = [f"{complaint.number}, version {complaint.version}"]
    return Text("\n".join([*lines, *(f"  {name:<9} {value}" for name, value in said.items() if value)]) + "\n")


def _told_until(complaint: Complaint, now: datetime, zone: ZoneInfo) -> str:
    reach = complaint.clocks.get(ClockName.REACH)
    if reach is None or not reach.runs:
        return ""
    if complaint.cannot_be_told(now):
        return f"cannot be told (无法主动告知) since {_local(reach.due_at, zone)}: find another way to reach them"
    return f"only in a chat, until {_local(reach.due_at, zone)}"


def _clocks(complaint: Complaint, now: datetime, zone: ZoneInfo) -> list[Sequence[str]]:
    ordered = sorted(complaint.clocks.items(), key=lambda item: (item[1].stopped_at is not None, item[1].due_at))
    return [
        (
            name,
            _local(clock.due_at, zone),
            _running(clock, now),
            clock.clause,
            f"{clock.profile}@{clock.profile_version}",
        )
        for name, clock in ordered
    ]


def _running(clock: Clock, now: datetime) -> str:
    if clock.stopped_at is not None:
        return "in time" if clock.stopped_at <= clock.due_at + SAME_MOMENT else "was late"
    if clock.paused_at is not None:
        return "stands still"
    return "OVERDUE" if now > clock.due_at else "runs"


def _ways(file: Casefile, notice_id: str) -> str:
    ways = [one for one in file.deliveries if one.notice_id == notice_id]
    return ", ".join(f"{'call' if one.call else one.to.type} {one.state}" for one in ways)


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # not markup: staff numbers come from a file
    return table


def _permitted(complaint: Complaint, actor: Actor, *, roles: Iterable[Role] = ()) -> list[str]:
    permitted = lifecycle.permitted(complaint, roles or actor.roles)
    return [name for one in permitted if (name := commands.name_of(one)) in COMMANDS]


def _first_line(row: transitions.Transition) -> str:
    words = (row.command.__doc__ or "").strip().partition("\n")[0]
    return f"{words} [{_roles(row)}]"


def _roles(row: transitions.Transition) -> str:
    return ", ".join(sorted(row.roles - {Role.SYS, Role.CUS}))


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
