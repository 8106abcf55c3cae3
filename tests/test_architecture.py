"""The architecture in words: a failure is sentences that say which file broke which rule of docs/architecture.md.

The arrows between packages are import-linter's (pyproject.toml); here is what it cannot say, or says less plainly.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from adapters.registry import ADAPTERS

ROOT = Path(__file__).resolve().parent.parent
LINES = 500
EMPTY_NAME = re.compile(r"(^|[_/])(utils?|helpers?|common|base|manager|service|handlers?|core|misc|impl)([_/.]|$)")

# Where each vendor's library may be known: one file a role, or the package that is named after the technology.
HOMES: Mapping[str, tuple[str, ...]] = {
    "aiohttp": (
        "gateway/web/",
        "gateway/app.py",
        "adapters/webhook/outbound.py",
        "adapters/sms/api.py",
        "adapters/weixin/api.py",
        "adapters/weixin/answers.py",
    ),
    "aioimaplib": ("adapters/email/imap.py",),
    "aiosmtplib": ("adapters/email/outbound.py",),
    "aiosqlite": ("gateway/storage/",),
    "alembic": ("gateway/storage/",),
    "asyncpg": ("gateway/storage/",),
    "cryptography": ("gateway/vault.py",),
    "inscriptis": ("adapters/email/parts.py",),
    "jinja2": ("gateway/rendering.py", "gateway/share.py", "gateway/web/screens.py"),
    "openpyxl": ("adapters/counter/sheets.py", "adapters/counter/workbook.py"),
    "phonenumbers": ("gateway/rules/addresses.py",),
    "prometheus_client": ("gateway/observe.py",),
    "redis": ("gateway/coordination/redis.py", "adapters/stream/outbound.py"),
    "rich": (
        "gateway/__main__.py",
        "gateway/terminal.py",
        "gateway/case_commands.py",
        "gateway/filing_commands.py",
        "gateway/import_commands.py",
    ),
    "sqlalchemy": ("gateway/storage/",),
    "sqlite3": ("gateway/storage/",),
    "twilio": ("adapters/sms/api.py",),
    "uvloop": ("gateway/__main__.py",),
    "wechatpy": ("adapters/weixin/callback.py",),
}

SHARED = ("adapters.tools", "adapters.settings", "adapters.weixin")  # by channels, the last by those of Tencent
ADAPTERS_SEE = ("gateway.model", "gateway.ports", "gateway.errors", "gateway.rules", "adapters")
STORAGE_SEES = ("gateway.model", "gateway.ports", "gateway.errors", "gateway.rules", "gateway.vault", "gateway.storage")
COORDINATION_SEES = ("gateway.model", "gateway.ports", "gateway.errors", "gateway.coordination")


def sources(*folders: str) -> list[str]:
    """Return the Python files under these folders as paths from the root; what lies in a dot folder is not ours."""
    found = (path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))


@cache
def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def imports(path: str) -> Iterator[str]:
    """Yield the modules a file imports, wherever in it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@cache
def io_modules() -> frozenset[str]:
    """Return what the import-linter contract about purity forbids, so that there is one list."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    return frozenset(next(one["forbidden_modules"] for one in contracts if "no input or output" in one["name"]))


def pure() -> list[str]:
    return [
        *sources("gateway/rules"),
        *sources("gateway/model"),
        *(path for path in sources("adapters") if path.endswith("/wire.py")),
    ]


def test_only_the_command_line_knows_the_channels() -> None:
    broken = [
        f"{path} imports {module}: only gateway/__main__.py may know adapters"
        for path in sources("gateway")
        if path != "gateway/__main__.py"
        for module in imports(path)
        if is_in(module, ("adapters",))
    ]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    ("folder", "seen"),
    [
        ("adapters", ADAPTERS_SEE),
        ("gateway/storage", STORAGE_SEES),
        ("gateway/coordination", COORDINATION_SEES),
    ],
)
def test_what_speaks_to_a_technology_sees_no_use_case(folder: str, seen: tuple[str, ...]) -> None:
    broken = [
        f"{path} imports {module}: {folder}/ may see only {', '.join(seen)}"
        for path in sources(folder)
        for module in imports(path)
        if is_in(module, ("gateway", "adapters")) and not is_in(module, seen)
    ]
    assert not broken, "\n".join(broken)


def test_no_channel_knows_another() -> None:
    broken = [
        f"{path} imports {module}: a channel knows itself and {', '.join(SHARED)} only"
        for path in sources("adapters")
        if (channel := path.split("/")[1]) not in ("registry.py", "tools.py", "settings.py", "__init__.py")
        for module in imports(path)
        if is_in(module, ("adapters",)) and not is_in(module, (f"adapters.{channel}", *SHARED))
    ]
    assert not broken, "\n".join(broken)


def test_rules_nouns_and_wire_code_import_nothing_that_does_input_or_output() -> None:
    broken = [
        f"{path} imports {module}: rules/, model/ and wire.py are pure, they get values and return values"
        for path in pure()
        for module in imports(path)
        if module.split(".")[0] in io_modules()
    ]
    assert not broken, "\n".join(broken)


def test_rules_nouns_and_wire_code_wait_for_nothing_and_open_nothing() -> None:
    broken = [
        f"{path}:{node.lineno} is async or opens a file: rules/, model/ and wire.py are pure"
        for path in pure()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.AsyncFunctionDef | ast.Await)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("open", "print"))
    ]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_vendors_library_is_known_where_its_role_is(library: str) -> None:
    broken = [
        f"{path} imports {library}, which is known only in {', '.join(HOMES[library]) or 'no file yet'}"
        for path in sources("gateway", "adapters")
        if any(is_in(module, (library,)) for module in imports(path)) and not path.startswith(HOMES[library] or ("-",))
    ]
    assert not broken, "\n".join(broken)


def test_what_ships_knows_neither_the_sandbox_nor_the_tests() -> None:
    broken = [
        f"{path} imports {module}, which is not in the wheel"
        for path in sources("gateway", "adapters")
        for module in imports(path)
        if is_in(module, ("sandbox", "tests", "bench"))
    ]
    assert not broken, "\n".join(broken)


def test_every_adapter_exports_the_same_three_names() -> None:
    exported = {name: sorted(adapter.__all__) for name, adapter in ADAPTERS.items()}  # type: ignore[attr-defined]  # a module has one
    assert exported == {name: ["Config", "open_channel", "read"] for name in ADAPTERS}


def test_no_file_has_two_jobs() -> None:
    broken = [
        f"{path} has {lines} lines: over {LINES} it has two jobs, find them"
        for path in sources("gateway", "adapters", "sandbox", "bench", "tests")
        if (lines := len((ROOT / path).read_text(encoding="utf-8").splitlines())) > LINES
    ]
    assert not broken, "\n".join(broken)


def test_no_module_has_a_name_that_says_nothing() -> None:
    broken = [
        f"{path}: name it after what it is about"
        for path in sources("gateway", "adapters", "sandbox", "bench")
        if EMPTY_NAME.search(path)
    ]
    assert not broken, "\n".join(broken)


def test_every_module_opens_with_what_lives_in_it() -> None:
    broken = [
        f"{path} has no opening lines that say what lives in it"
        for path in sources("gateway", "adapters", "sandbox", "bench")
        if not ast.get_docstring(tree(path))
    ]
    assert not broken, "\n".join(broken)
