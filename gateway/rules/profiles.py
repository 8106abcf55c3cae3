"""Profiles: rule books as data, read from parsed TOML and checked, and the stack that says which apply (A.13, D.8).

What a profile means for a case is policy.py's business; files are read elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from gateway.model import Level
from gateway.rules.worktime import Term

ANY, URGENT = "any", "urgent"
KEYS = frozenset({*Level, URGENT, ANY})
TIMERS = frozenset(
    {
        "accept_within",
        "ack_within",
        "act_within",
        "approval_within",
        "assist_reply_within",
        "callback_written_feedback_within",
        "confirm_within",
        "coordination_meeting_within",
        "dispute_within",
        "evidence_within",
        "final_follow_up_within",
        "first_contact_within",
        "followup_answer_within",
        "holding_reply_by",
        "inquiry_answer_within",
        "no_letter_if_closed_within",
        "outcome_notice_within_after_done",
        "prelim_plan_within",
        "progress_every",
        "promise_to_customer",
        "read_within",
        "recheck_within",
        "register_within",
        "remedy_within",
        "resolve_and_notify_within",
        "resolve_within",
        "review_decide_within",
        "review_request_window",
        "src_by",
        "survey_within",
        "triage_within",
    }
)
WINDOWS = frozenset({"callback_window"})
FACTS = frozenset(
    {
        "approval_amount_over",
        "clock_excludes",
        "clock_restart_on",
        "durable_medium",
        "refer_to",
        "refer_window",
        "regulator_half_year_report",
        "retention",
    }
)
ROLES = ("target", "ceiling")
USABLE = ("verified", "secondary")
STATUSES = (*USABLE, "unverified", "unfinished")
NOTICES = ("none", "any", "written")
_KEYS_OF_A_PROFILE = frozenset(
    {"id", "version", "source", "role", "status", "calendar", "enabled", "roll_forward"}
    | {"timers", "windows", "extensions", "facts"}
)
_PLACEHOLDER = "${"  # a value the bank must set before the profile can be used


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimit:
    """One timer of a profile: a term for each key (a level, urgent, any) and the clause that sets it."""

    clause: str
    terms: Mapping[str, Term]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time in which something happens: not before `opens`, not after `closes`."""

    clause: str
    opens: Term
    closes: Term


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """How far a deadline may move, counted from the receipt, and what that takes.

    `notice`: what the customer gets before the old date: none, any, or one in writing (C14).
    """

    clause: str
    to_total: Term
    reason: str
    approve_by: str
    notice: str
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One rule book: its time limits, and its facts as written, for the parts that read them.

    `status` says how well the source is known: verified, secondary, unverified, or unfinished (something has to be set
    or supplied; `unset` names open values). The last two cannot be enabled. `calendar` names whose working days are
    meant; "any" goes with all. `roll_forward` is explained at worktime.due.
    """

    id: str
    version: str
    source: str
    role: str
    status: str
    calendar: str
    enabled: bool
    roll_forward: bool
    timers: Mapping[str, TimeLimit]
    windows: Mapping[str, Window]
    extensions: tuple[Extension, ...]
    facts: Mapping[str, str | bool | tuple[str, ...]]
    unset: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.enabled and (self.unset or self.status not in USABLE):
            raise ValueError(f"{self.id}: cannot be enabled: {self._obstacle()}")

    @property
    def retention(self) -> int:
        """Return the years a case is kept by this rule book, 0 where it does not say (A123, A124)."""
        said = self.facts.get("retention", "0y")
        years = said.removesuffix("y") if isinstance(said, str) and said.endswith("y") else ""
        if not years.isdecimal():
            raise ValueError(f"{self.id}: retention must be years, such as 5y")
        return int(years)

    def check_usable_as(self, role: str) -> None:
        """Raise ValueError unless the profile is enabled and has that role."""
        if not self.enabled:
            raise ValueError(f"{self.id}: is not enabled: {self._obstacle()}")
        if self.role != role:
            raise ValueError(f"{self.id}: is a {self.role} profile and cannot serve as {role}")
        _ = self.retention  # a term nobody can read is an error at the start, not years later

    def _obstacle(self) -> str:
        if self.unset:
            return f"set {', '.join(self.unset)} first"
        return f"its status is {self.status}" if self.status not in USABLE else "its file says enabled = false"

    @classmethod
    def from_mapping(cls, data: Mapping[str, object]) -> Self:
        """Build a profile from its parsed TOML (format: config/policies/); raise ValueError naming what is wrong.

        A value that still holds "${" is left out and named in `unset`.
        """
        name = _text(data, "id", "profile")
        _only(data, _KEYS_OF_A_PROFILE, name)
        return cls(
            id=name,
            version=_text(data, "version", name),
            source=_text(data, "source", name),
            role=_word(data, "role", name, ROLES),
            status=_word(data, "status", name, STATUSES),
            calendar=_text(data, "calendar", name, default=ANY),
            enabled=_flag(data, "enabled", name),
            roll_forward=_flag(data, "roll_forward", name, default=False),
            timers={key: _limit(table, where) for key, table, where in _tables(data, "timers", name, TIMERS)},
            windows={key: _window(table, where) for key, table, where in _tables(data, "windows", name, WINDOWS)},
            extensions=_extensions(data.get("extensions", []), f"{name}: extensions"),
            facts=_facts(_table(data.get("facts", {}), f"{name}: facts"), f"{name}: facts"),
            unset=tuple(_placeholders(data)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Which profiles apply: `target` promises, `ceiling` is the law, `fill_from`, in order, lends the rest."""

    target: str
    ceiling: str
    fill_from: tuple[str, ...] = ()

    @classmethod
    def from_mapping(cls, data: Mapping[str, object]) -> Self:
        """Build a stack from its parsed TOML; raise ValueError naming what is wrong."""
        _only(data, {"target", "ceiling", "fill_from"}, "stack")
        return cls(
            target=_text(data, "target", "stack"),
            ceiling=_text(data, "ceiling", "stack"),
            fill_from=_texts(data, "fill_from", "stack"),
        )


def _limit(table: Mapping[str, object], where: str) -> TimeLimit:
    _only(table, KEYS | {"clause"}, where)
    keys = sorted(table.keys() & KEYS)
    if not keys:
        raise ValueError(f"{where}: sets no term; its keys are {', '.join(sorted(KEYS))}")
    texts = {key: _text(table, key, where) for key in keys}
    terms = {key: _term(text, f"{where}.{key}") for key, text in texts.items() if _PLACEHOLDER not in text}
    return TimeLimit(clause=_text(table, "clause", where), terms=terms)


def _window(table: Mapping[str, object], where: str) -> Window:
    _only(table, {"clause", "opens", "closes"}, where)
    opens = _term(_text(table, "opens", where), f"{where}.opens")
    closes = _term(_text(table, "closes", where), f"{where}.closes")
    if opens.unit is not closes.unit or opens.count > closes.count:
        raise ValueError(f"{where}: opens at {opens} and closes at {closes}: give one unit, the earlier first")
    return Window(clause=_text(table, "clause", where), opens=opens, closes=closes)


def _extensions(entries: object, where: str) -> tuple[Extension, ...]:
    if not isinstance(entries, list):
        raise ValueError(f"{where}: write [[extensions]]")
    return tuple(_extension(_table(entry, where), where) for entry in entries)


def _extension(table: Mapping[str, object], where: str) -> Extension:
    _only(table, {"clause", "to_total", "reason", "approve_by", "notice", "needs"}, where)
    return Extension(
        clause=_text(table, "clause", where),
        to_total=_term(_text(table, "to_total", where), f"{where}.to_total"),
        reason=_text(table, "reason", where),
        approve_by=_text(table, "approve_by", where, default=""),
        notice=_word(table, "notice", where, NOTICES),
        needs=_texts(table, "needs", where),
    )


def _facts(table: Mapping[str, object], where: str) -> dict[str, str | bool | tuple[str, ...]]:
    _only(table, FACTS, where)
    facts: dict[str, str | bool | tuple[str, ...]] = {}
    for key, value in table.items():
        if isinstance(value, bool):
            facts[key] = value
        else:
            facts[key] = _texts(table, key, where) if isinstance(value, list) else _text(table, key, where)
    return facts


def _placeholders(data: object, path: str = "") -> Iterator[str]:
    if isinstance(data, str) and _PLACEHOLDER in data:
        yield path
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield from _placeholders(value, f"{path}.{key}" if path else str(key))


def _term(text: str, where: str) -> Term:
    try:
        return Term.parse(text)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _tables(
    data: Mapping[str, object], key: str, name: str, allowed: Collection[str]
) -> Iterator[tuple[str, Mapping[str, object], str]]:
    group = _table(data.get(key, {}), f"{name}: {key}")
    _only(group, allowed, f"{name}: {key}")
    for entry, value in group.items():
        where = f"{name}: {key}.{entry}"
        yield entry, _table(value, where), where


def _table(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where}: must be a table")
    return value


def _only(table: Mapping[str, object], allowed: Collection[str], where: str) -> None:
    # a misspelt timer would silently not run
    if unknown := sorted(table.keys() - allowed):
        raise ValueError(f"{where}: unknown key {', '.join(unknown)}")


def _text(table: Mapping[str, object], key: str, where: str, *, default: str | None = None) -> str:
    value = table.get(key, default)
    if not isinstance(value, str) or (key in table and not value):
        raise ValueError(f"{where}: {key} must be a text")
    return value


def _texts(table: Mapping[str, object], key: str, where: str) -> tuple[str, ...]:
    values = table.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{where}: {key} must be a list of texts")
    return tuple(values)


def _flag(table: Mapping[str, object], key: str, where: str, *, default: bool | None = None) -> bool:
    value = table.get(key, default)
    if not isinstance(value, bool):
        raise ValueError(f"{where}: {key} must be true or false")
    return value


def _word(table: Mapping[str, object], key: str, where: str, words: Collection[str]) -> str:
    value = _text(table, key, where)
    if value not in words:
        raise ValueError(f"{where}: {key} is {value!r}; it must be one of {', '.join(words)}")
    return value
