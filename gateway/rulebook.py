"""Reads the bank's rule books: which profiles apply, which days are worked, who handles what.

An operator's own folder goes over the shipped one file by file (share.py): a bank can change one term, no more.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gateway import share
from gateway.errors import Misconfigured
from gateway.rules.policy import Policy
from gateway.rules.profiles import ANY, Profile, Stack
from gateway.rules.routing import Directory
from gateway.rules.worktime import Calendar, WorkYear

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    policy: Policy
    calendar: Calendar
    directory: Directory


def load(*, zone: str, override: Path | None) -> Rulebook:
    """Read stack, profiles and working days. Raises Misconfigured naming the file that is wrong."""
    stack = _read("policies/stack.toml", Stack.from_mapping, override)
    profiles = [
        _read(name, Profile.from_mapping, override)
        for name in share.names("config", "policies/*.toml", override)
        if name != "policies/stack.toml"
    ]
    try:
        policy = Policy.build(stack, profiles)
        _check_ends(policy)
        years = tuple(
            _read(name, WorkYear.from_mapping, override)
            for name in share.names("config", f"workdays/{policy.target.calendar}-*.toml", override)
        )
        directory = _read("routing.toml", Directory.from_mapping, override)
        return Rulebook(policy=policy, calendar=Calendar(zone=zone, years=years), directory=directory)
    except ValueError as error:
        raise Misconfigured(f"config/policies, config/workdays: {error}") from None


def _check_ends(policy: Policy) -> None:
    """Raise ValueError for a stack in which a case could never end: nothing says until when its customer answers."""
    needed = ("confirm_within", "recheck_within", "read_within")  # without the last, who wrote would count as silent
    missing = [name for name in needed if not policy.limits(name, (ANY,))]
    if not any("callback_window" in profile.windows for profile in (policy.target, *policy.fills)):
        missing.append("callback_window")
    if missing:
        raise ValueError(f"no enabled profile sets {', '.join(missing)}: add huiyin.defaults to fill_from")


def _read(name: str, build: Callable[[Mapping[str, object]], T], override: Path | None) -> T:
    try:
        return build(tomllib.loads(share.read_text("config", name, override)))
    except ValueError as error:  # tomllib's own error is one, too
        raise Misconfigured(f"config/{name}: {error}") from None
