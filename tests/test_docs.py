"""The documents are true: links lead somewhere; settings, errors, terms and commands of the code are all in them."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Iterator
from contextlib import AsyncExitStack
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from adapters.registry import ADAPTERS
from gateway import __main__ as command_line
from gateway import errors, model, vault
from gateway.app import senders_of
from gateway.model import ContactType
from gateway.observe import Metrics
from gateway.rules.routing import Directory
from gateway.settings import Settings, load
from gateway.sharing import Unshared
from gateway.web import problems
from tests.pages import PAGES

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLE = ROOT / "config" / "gateway.example.toml"

# Enough of Markdown for these documents: code is dropped, a link is [text](target) or ![text](target).
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_NO_DEFAULT = re.compile(
    r"# (\[\[|(templates|config|url_file|name|sha256|roles|staff|unit|from_names|password|password_file"
    r"|secret|token|aes_key|messaging_service_sid) = )"
)
_TOML = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"\bdocs/[a-z]+/[\w.-]+\.md\b|\bdocs/[\w-]+\.md\b")


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def links(document: Path) -> Iterator[str]:
    for target in _LINK.findall(_CODE.sub("", document.read_text(encoding="utf-8"))):
        if "://" not in target:
            yield target


def anchors(document: Path) -> set[str]:
    """Return the anchors GitHub gives a document's headings."""
    headings = _HEADING.findall(document.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def settings_of(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of a section's settings, those of tables instead of the tables themselves."""
    for name, field in section.model_fields.items():
        inner = [
            part
            for part in (field.annotation, *get_args(field.annotation))
            if inspect.isclass(part) and issubclass(part, BaseModel)
        ]
        if inner:
            yield from settings_of(inner[0], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def config_of(settings: Settings) -> dict[str, BaseModel]:
    """Return each channel's table as its adapter reads it."""
    channels = {source: dict(table) for source, table in settings.channels.items()}
    return {source: ADAPTERS[table.pop("adapter")].Config.model_validate(table) for source, table in channels.items()}


def example() -> str:
    """Return the example with all its channels: the further ones are comments, which lose one `# `."""
    begins = "# [channels."
    shipped, _, further = EXAMPLE.read_text(encoding="utf-8").partition(begins)
    return shipped + re.sub(r"^# ", "", begins + further, flags=re.MULTILINE)


def uncommented(*, defaults_only: bool = False) -> dict[str, Any]:
    """Return the example with every setting it shows, or only with those that have a default to show."""
    lines = example().splitlines()
    kept = [line for line in lines if not (defaults_only and _NO_DEFAULT.match(line))]
    return tomllib.loads("\n".join(re.sub(r"^# (?=\w+ = |\[\[)", "", line) for line in kept))


def has(table: Any, dotted: str) -> bool:
    for part in dotted.split("."):
        table = table[0] if isinstance(table, list) else table
        if part not in table:  # a table of tables, each under a name of the operator's choice
            table = next((inner for inner in table.values() if isinstance(inner, dict)), {})
        if part not in table:
            return False
        table = table[part]
    return True


def codes() -> set[str]:
    """Return the codes of everything raised on purpose, and of what the REST API answers."""
    found = [*vars(errors).values(), *vars(vault).values()]
    raised = {item.code for item in found if inspect.isclass(item) and issubclass(item, errors.GatewayError)}
    return raised | set(problems.TABLE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = []
    for target in links(document):
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_that_is_drawn_is_what_would_be_drawn_now(name: str) -> None:
    assert text(f"docs/reference/{name}") == PAGES[name](), "python -m tests.pages writes it"


def test_every_document_the_code_names_exists() -> None:
    folders = ("gateway", "adapters", "sandbox", "templates", "config")
    files = [
        path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".j2", ".toml")
    ]
    named = {name for path in files for name in _NAMED.findall(path.read_text(encoding="utf-8"))}
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_every_setting_is_explained() -> None:
    explained = text("docs/reference/settings.md")
    assert [name for name in settings_of(Settings) if f"`{name}`" not in explained] == []


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_every_setting_of_a_channel_is_explained(name: str) -> None:
    _, _, explained = text("docs/reference/settings.md").partition(f'### `adapter = "{name}"`')
    assert [setting for setting in settings_of(ADAPTERS[name].Config) if f"`{setting}`" not in explained] == []


def test_the_example_of_a_configuration_loads() -> None:
    assert list(config_of(load(EXAMPLE, {}))) == ["complaints-mailbox"]


def test_the_example_of_a_configuration_shows_every_setting() -> None:
    shown = uncommented()
    channels = {table["adapter"]: table for table in shown["channels"].values()}
    missing = [name for name in settings_of(Settings) if not has(shown, name)]
    for adapter, found in ADAPTERS.items():
        channel = channels.get(adapter, {})
        missing += [f"{adapter}: {name}" for name in settings_of(found.Config) if not has(channel, name)]
    assert missing == []


def test_what_the_example_says_of_a_default_is_true() -> None:
    """Uncommenting a line of the example changes nothing: its value is the default."""
    written_out = Settings.model_validate(uncommented(defaults_only=True))
    shipped = Settings.model_validate(tomllib.loads(example()))
    assert written_out.model_dump(exclude={"channels"}) == shipped.model_dump(exclude={"channels"})
    assert config_of(written_out) == config_of(shipped)


async def test_what_is_to_be_written_for_wecom_and_wechat_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's settings open every channel it tells of, and its member of staff is told in WeCom."""
    settings, routing = (tomllib.loads(block) for block in _TOML.findall(text("docs/howto/wechat-and-wecom.md")))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secrets").mkdir()
    for name in ("chat", "colleagues", "official"):
        for secret, value in (("secret", "s" * 43), ("token", "QDG6eK"), ("aes-key", "A" * 43)):
            (tmp_path / "secrets" / f"{name}-{secret}").write_text(value, encoding="utf-8")
    async with AsyncExitStack() as stack:
        openings = command_line.open_channels(Settings.model_validate(settings), command_line.clock)
        opened = [await stack.enter_async_context(opening(Unshared())) for opening in openings]
    assert set(senders_of(opened)) == {ContactType.WECOM, ContactType.WECOM_STAFF, ContactType.WECHAT}
    staff = Directory.from_mapping(routing).staff.values()
    assert [person.ways[0].type for person in staff] == [ContactType.WECOM_STAFF]


def test_every_error_code_is_explained() -> None:
    explained = text("docs/reference/errors.md")
    assert sorted(code for code in codes() if f"| `{code}` |" not in explained) == []


def test_every_status_of_the_rest_door_is_explained() -> None:
    explained = text("docs/reference/errors.md")
    table = [f"| `{code}` | {status} |" for code, (status, _) in problems.TABLE.items()]
    assert [row for row in table if row not in explained] == []


def test_every_value_of_the_model_is_in_the_glossary() -> None:
    glossary = text("docs/reference/glossary.md")
    enums = [item for item in vars(model).values() if inspect.isclass(item) and issubclass(item, StrEnum)]
    values = {value.value for enum in enums for value in enum}
    assert sorted(value for value in values if f"`{value}`" not in glossary) == []


def test_every_figure_is_explained_to_the_operator() -> None:
    explained = text("docs/howto/operate.md")
    families = {family.name for family in Metrics().registry.collect()}
    assert sorted(name for name in families if f"`{name}" not in explained) == []


def test_every_command_is_explained_to_the_operator() -> None:
    explained = text("docs/howto/operate.md")
    usage = command_line._parser().format_help()
    commands = re.findall(r"^    ([a-z]+) ", usage, re.MULTILINE)
    assert commands == [
        "serve",
        "migrate",
        "check",
        "backup",
        "restore",
        "move",
        "verify",
        "case",
        "import",
        "keys",
        "normalise",
    ]
    assert [command for command in commands if f"huiyin {command}" not in explained] == []


def test_every_make_target_is_explained() -> None:
    explained = text("README.md") + text("CONTRIBUTING.md")
    targets = re.findall(r"^([a-z]+):.*## ", text("Makefile"), re.MULTILINE)
    assert "test" in targets
    assert [target for target in targets if f"make {target}" not in explained] == []


def test_every_decision_is_linked_from_the_architecture() -> None:
    architecture = text("docs/architecture.md")
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [path.name for path in decisions if f"](adr/{path.name})" not in architecture] == []
