"""Reference pages that are drawn from the code and the tests: `python -m tests.pages` writes them.

tests/test_docs.py fails when one of them is not what would be written now.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.model import Role, State
from gateway.rules import clocks, commands, guards, transitions
from gateway.rules.transitions import ENDED, HANDLED, OPEN, STAFF, TABLE, WORKED, Transition
from tests import schemas
from tests.clauses import clauses_page
from tests.lives import stories_page

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"

S = State
PICTURES: Mapping[str, tuple[str, tuple[State, ...]]] = {
    "The straight way": (
        "From the number to the file.",
        (
            *(S.REGISTERED, S.TRIAGED, S.DISPATCHED, S.ACCEPTED, S.INVESTIGATING, S.CONCLUDED, S.APPROVED),
            *(S.REPLIED, S.RESOLVED, S.CALLBACK_DONE, S.CLOSED, S.ARCHIVED),
        ),
    ),
    "While it is checked": (
        "An appraisal and a mediation begin from more states than this one, and lead back to where they began; the "
        "clocks of the law and of the promise stand still meanwhile.",
        (S.INVESTIGATING, S.NEED_INFO, S.COORDINATING, S.APPRAISAL, S.MEDIATION, S.CONCLUDED, S.REWORK),
    ),
    "After the outcome": (
        "What the customer says of it, and what follows.",
        (
            *(S.REPLIED, S.RESOLVED, S.UNSATISFIED, S.REOPENED, S.ESCALATED, S.INVESTIGATING, S.REVIEW),
            *(S.CALLBACK_DONE, S.CLOSED, S.ARCHIVED),
        ),
    ),
    "What is not dispatched": (
        "Simple questions, doubles, suggestions, and what is not for the bank: all this from `triaged`, too. A case is "
        "withdrawn from any open state.",
        (
            *(S.REGISTERED, S.ANSWERED, S.MERGED, S.NOT_HANDLED, S.TRANSFERRED_OUT, S.SUGGESTION_REVIEW),
            *(S.CLOSED, S.WITHDRAWN, S.ARCHIVED),
        ),
    ),
}
"""Each picture shows the arrows between its states that no earlier picture shows."""

PAUSES = frozenset({S.APPRAISAL, S.MEDIATION})
MANY = 9  # what can happen in so many states would hide the rest of a picture
GROUPS: Mapping[str, frozenset[State]] = {
    "any": frozenset(State),
    "any open": OPEN,
    "any worked on": WORKED,
    "any handled": HANDLED,
    "any answered": transitions.ANSWERED,
    "any ended": ENDED,
}


def lifecycle_page() -> str:
    """Return the pictures and the table of everything that may happen to a complaint."""
    lines = [
        "# The life of a complaint",
        "",
        "Drawn from `gateway/rules/transitions.py` by `python -m tests.pages`; what is not here cannot happen.",
        "A command is refused with `conflict` in another state, with `forbidden` for another role, with `invalid` by a",
        "guard.",
        *_pictures(),
        "",
        "## Commands",
        "",
        "| row | command | what it does | in the states | then | who | refused when |",
        "|---|---|---|---|---|---|---|",
        *(_line(row) for row in TABLE),
        "",
        *(f"- *{name}*: {_listed(states)}" for name, states in GROUPS.items() if name != "any"),
        "- roles: " + ", ".join(f"`{role.value}`" for role in Role) + "; the [glossary](glossary.md) has their names",
    ]
    return "\n".join(lines) + "\n"


def _pictures() -> Iterator[str]:
    shown: set[tuple[State, State, str]] = set()
    for title, (words, states) in PICTURES.items():
        arrows = [arrow for row in TABLE if len(row.sources) < MANY for arrow in _arrows(row, states)]
        arrows = [arrow for arrow in arrows if arrow not in shown]
        shown |= set(arrows)
        yield from ("", f"## {title}", "", words, "", "```mermaid", "stateDiagram-v2")
        if S.REGISTERED in states:
            yield "    [*] --> registered: register"
        for source, target in dict.fromkeys((source, target) for source, target, _ in arrows):
            names = [name for a, b, name in arrows if (a, b) == (source, target)]
            yield f"    {source.value} --> {target.value}: {', '.join(names)}"
        yield from (f"    {state.value} --> [*]" for state in states if state in ENDED - {S.CLOSED})
        yield "```"


def _arrows(row: Transition, states: tuple[State, ...]) -> Iterator[tuple[State, State, str]]:
    """Yield the row's arrows among these states; into and out of a pause only by the picture's first state."""
    targets = _targets(row)
    sources = [state for state in states if state in row.sources]
    if set(targets) & PAUSES:
        sources = sources[:1]
    if set(sources) & PAUSES:
        targets = targets[:1]
    for source in sources:
        for target in targets:
            if target in states and target is not source:
                yield source, target, commands.name_of(row.command)


def _targets(row: Transition) -> list[State]:
    if row.target is None:
        return []
    return [row.target] if isinstance(row.target, State) else list(transitions.MAY_LEAD_TO[row.target])


def _line(row: Transition) -> str:
    stays = row.target is None or (not isinstance(row.target, State) and row.command is commands.Regrade)
    then = ", ".join([*(["stays"] if stays else []), *(state.value for state in _targets(row))])
    then = "where it began" if row.sources and row.sources <= PAUSES else then
    roles = "staff" if row.roles == STAFF else ", ".join(sorted(row.roles))
    doc = (inspect.getdoc(row.command) or "").split("\n")[0]
    refusals = "; ".join(dict.fromkeys(guards.WORDS[word] for guard in row.guards for word in _words_of(guard)))
    cells = (row.id, f"`{commands.name_of(row.command)}`", doc, _sources(row.sources), then, roles, refusals)
    return "| " + " | ".join(cells).rstrip() + " |"


def _sources(states: frozenset[State]) -> str:
    """Return the states by name, or as the group they are nearest to where that is shorter."""
    name, group = min(GROUPS.items(), key=lambda item: len(item[1] ^ states))
    but = f" but {_listed(group - states)}" if group - states else ""
    more = f", and {_listed(states - group)}" if states - group else ""
    return min(_listed(states) or "none", name + but + more, key=len)


def _listed(states: Iterable[State]) -> str:
    held = set(states)
    return ", ".join(state.value for state in State if state in held)


def _words_of(guard: Callable[..., Any], known: frozenset[str] = frozenset()) -> list[str]:
    """Return the words with which a guard refuses, those of the rules it asks included."""
    source = inspect.getsource(guard)
    asked = {name: _rule(name) for name in re.findall(r"(\w+)\(", source) if name not in known}
    words = [word for word in guards.WORDS if f':{word}"' in source or f'problem="{word}"' in source]
    for rule in asked.values():
        words += _words_of(rule, known | asked.keys() | {guard.__name__}) if rule else []
    return words


def _rule(name: str) -> Callable[..., Any] | None:
    found = getattr(guards, name, None) or getattr(clocks.Dating, name, None)
    return found if inspect.isfunction(found) and found.__module__ in (guards.__name__, clocks.__name__) else None


PAGES: Mapping[str, Callable[[], str]] = {
    "lifecycle.md": lifecycle_page,
    "clauses.md": clauses_page,
    "stories.md": stories_page,
    "schemas/ticket.v1.schema.json": schemas.ticket_file,
    "schemas/complaint.v1.schema.json": schemas.complaint_file,
}


def main() -> None:
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")
        sys.stdout.write(f"docs/reference/{name} is written.\n")


if __name__ == "__main__":
    main()
