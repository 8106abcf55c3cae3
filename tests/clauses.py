"""Which clauses of the rule books are proven by which tests: read from the tests' own words.

A test cites a clause by its id, or a range of them by its first and last (see test_clauses.py), in its docstring, its
comments or its decorators; a module's docstring speaks for all its tests. Names and data in the code cite nothing.
"""

from __future__ import annotations

import ast
import re
import tokenize
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).parent.parent
SHOWN = 3  # tests a clause
GOVERNANCE = "not for software"  # what the words of a clause begin with that no program can meet
# Neither part of a longer word or code (U+A028, TS-A028) nor followed by one.
_CITED = re.compile(r"(?<![A-Za-z0-9_+#.-])A(\d{3})(?![A-Za-z0-9_])(?: ?(?:-|to) ?A(\d{3})(?![A-Za-z0-9_]))?")


def clauses_page() -> str:
    """Return every clause with the tests that cite it, or the plain statement that there is none yet."""
    parts, cited = listed(), tests_by_clause()
    clauses = [clause for _, part in parts for clause in part]
    lines = [
        "# The clauses, and what proves them",
        "",
        f"{sum(clause in cited for clause in clauses)} of {len(clauses)} clauses are proven by a test that names them.",
        "Written by `python -m tests.pages` from [clauses.toml](clauses.toml) and the tests themselves; the codes of",
        "the sources are in the [glossary](glossary.md).",
        "",
    ]
    for title, part in parts:
        lines += [f"## {title}", "", "| clause | source | what it asks for | proven by |", "|---|---|---|---|"]
        for clause, (source, words) in part.items():
            lines.append(f"| {clause} | {source} | {words} | {_proof(words, cited.get(clause, ()))} |")
        lines.append("")
    return "\n".join(lines)


def listed() -> list[tuple[str, Mapping[str, tuple[str, str]]]]:
    """Return the parts of the clause table: a title, and for each clause its source and what it asks for."""
    table = tomllib.loads((ROOT / "docs" / "reference" / "clauses.toml").read_text(encoding="utf-8"))
    return [(part["title"], part["clauses"]) for part in table["parts"]]


def tests_by_clause() -> dict[str, list[str]]:
    """Return for each clause the tests that cite it, as "file::test"; those that do so themselves come first."""
    own: dict[str, list[str]] = defaultdict(list)
    shared: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT / "tests").as_posix()
        for test, itself, module in citations(path.read_text(encoding="utf-8")):
            for clause in itself:
                own[clause].append(f"{name}::{test}")
            for clause in module - itself:
                shared[clause].append(f"{name}::{test}")
    return {clause: own[clause] + shared[clause] for clause in sorted(own.keys() | shared.keys())}


def citations(source: str) -> list[tuple[str, set[str], set[str]]]:
    """Return for each test of a module its name, the clauses it cites itself, and those its module cites for it."""
    tree = ast.parse(source)
    module = cited(ast.get_docstring(tree) or "")
    comments = {
        token.start[0]: token.string
        for token in tokenize.generate_tokens(StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            said = [comments[line] for line in range(first, (node.end_lineno or first) + 1) if line in comments]
            said += [ast.unparse(one) for one in node.decorator_list]
            found.append((node.name, cited("\n".join([ast.get_docstring(node) or "", *said])), module))
    return found


def cited(text: str) -> set[str]:
    """Return the clauses a text names; raise ValueError for a range that ends before it begins."""
    clauses: set[str] = set()
    for match in _CITED.finditer(text):
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"{match[0]}: the range ends before it begins")
        clauses |= {f"A{number:03d}" for number in range(first, last + 1)}
    return clauses


def _proof(words: str, tests: Sequence[str]) -> str:
    if words.startswith(GOVERNANCE):
        return "not software"
    shown = [f"`{test}`" for test in tests[:SHOWN]]
    more = [f"and {len(tests) - SHOWN} more"] if tests[SHOWN:] else []
    return "<br>".join(shown + more) or "not there yet"
