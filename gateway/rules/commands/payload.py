"""A command as JSON: its name, its fields, and which of them may hold personal data. Pure."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter

from gateway.rules.commands.fields import PRIVATE


def name_of(command: type[Any]) -> str:
    """Return the command's name towards people and programs: `AskCustomer` is `ask_customer`."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in command.__name__).removeprefix("_")


def parts(command: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the command's fields as JSON values: what may be shown, and what may hold personal data."""
    kind: Any = type(command)
    values: dict[str, Any] = adapter(kind).dump_python(command, mode="json")
    private = _private(kind)
    public = {key: value for key, value in values.items() if key not in private}
    return public, {key: value for key, value in values.items() if key in private}


def read(kind: Any, values: dict[str, Any]) -> Any:
    """Build a command from JSON values. Raises pydantic's ValidationError, which names the field."""
    return adapter(kind).validate_python(values)


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return what checks and writes a command's JSON; also the source of its JSON Schema."""
    return TypeAdapter(kind)


@cache
def _private(kind: Any) -> frozenset[str]:
    hints = get_type_hints(kind, include_extras=True)
    return frozenset(field.name for field in fields(kind) if PRIVATE in _marks(hints[field.name]))


def _marks(hint: Any) -> set[str]:
    found = {mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, str)}
    for inner in get_args(hint):
        found |= _marks(inner)
    return found
