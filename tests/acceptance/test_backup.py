"""The drill: back up while serving, lose the database, restore it, serve again. And a bank that moves house."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from gateway import node
from gateway.__main__ import main
from gateway.errors import Misconfigured
from gateway.model import Outcome
from gateway.rules.numbering import Pattern, Patterns
from gateway.transfer import Carried, Transfer
from tests.acceptance.world import World, hidden_fields, number_in, until
from tests.databases import Database, postgres_database
from tests.servers import PostgresServer


@dataclass(frozen=True, slots=True)
class Places:
    """Where the database is, and an empty place for when it is lost."""

    first: str
    second: str


@pytest.fixture(params=["sqlite", "postgres"])
async def places(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Places]:
    if request.param == "sqlite":
        yield Places(*(f"sqlite:///{world.folder}/{name}.db" for name in ("first", "second")))
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    async with postgres_database(postgres) as first, postgres_database(postgres) as second:
        yield Places(first.url, second.url)


def keep_in(world: World, url: str) -> None:
    world.changes["storage"] = {"url": url, "keys_file": world.folder / "huiyin.keys"}


def nobody(step: str, done: int, total: int | None) -> None:
    """Hear of progress."""


def transfer(world: World) -> Transfer:
    return Transfer(world.settings, accept_broken=False, report=nobody)


async def backed_up(world: World) -> Path:
    folder = world.folder / "elsewhere"
    folder.mkdir()
    await transfer(world).back_up(folder / "monday.db", beside_keys=False)
    return folder / "monday.db"


async def restored(world: World, backup: Path) -> Carried:
    patterns = node.number_patterns(world.settings)
    return await transfer(world).restore(backup, patterns=patterns, now=world.clock(), skip=100_000)


def number_on(page: str) -> str:
    found = re.search(r"TS-\d{6}-\d+-[0-9A-Z]", page)
    assert found
    return found[0]


async def test_a_lost_database_is_restored_and_served_again(world: World, places: Places) -> None:
    """A142. Also: no number that a customer may know from after the backup is given again."""
    keep_in(world, places.first)
    async with world.gateway():
        await world.emails(
            "wang@example.com", "昨晚转账2,000元显示成功，对方一直没收到", Message_ID="<kept@customers.example.com>"
        )
        wang = number_in(await world.mail_to("wang@example.com"))
        await world.emptied()
    mailbox = world.settings.channels["complaints-mailbox"]
    world.changes["channels"] = {"complaints-mailbox": {**mailbox, "smtp": None}}
    async with world.gateway():  # for a while nothing can be sent
        li = number_on(await world.submits(name="李小明", contact="li@example.com", text="年费80元没提前说，请退"))
        backup = await backed_up(world)
        lost = number_on(await world.submits(name="陈静", contact="chen@example.com", text="柜台排队两小时"))
        await world.emails("zhao@example.com", "手机银行打不开")
        await world.emptied()
    del world.changes["channels"]

    keep_in(world, places.second)
    carried = await restored(world, backup)
    assert carried.waiting == 1
    async with world.gateway():
        assert number_in(await world.mail_to("li@example.com")) == li
        assert [message.outcome for message in await world.messages(wang)] == [Outcome.OPENED]
        for raw in await world.box.contents("Processed"):  # what was taken in since the backup, and what it holds
            await world.box.append(raw, world.clock())
        zhao = number_in(await world.mail_to("zhao@example.com"))
        later = number_on(await world.submits(name="孙丽", contact="sun@example.com", text="信用卡额度被降"))
        await world.emptied()
        assert len({wang, li, lost, zhao, later}) == 5
        assert int(zhao.split("-")[2]) > 100_000
        assert [message.outcome for message in await world.messages(wang)] == [Outcome.OPENED]
        assert len(world.mails_to("wang@example.com")) == 1


async def test_a_bank_moves_while_it_serves_and_nothing_is_taken_in_at_the_old_place(
    world: World, places: Places
) -> None:
    keep_in(world, places.first)
    async with world.gateway(), aiohttp.ClientSession() as browser:
        before = number_on(await world.submits(name="李小明", contact="li@example.com", text="请退年费"))
        await world.mail_to("li@example.com")
        async with browser.get(f"{world.site}/?lang=zh-Hans") as page:
            fields = hidden_fields(await page.text())
        await transfer(world).move(places.second)
        answer = await world.posts(
            browser, {**fields, "name": "王芳", "contact": "wang@example.com", "text": "重复扣费"}
        )
        assert not re.search(r"TS-\d{6}", answer)

        async def refused() -> bool:
            async with browser.get(f"{world.site}/readyz") as answer:
                return answer.status == 503

        await until(refused)
        await world.emails("zhao@example.com", "手机银行打不开")
    with pytest.raises(Misconfigured, match="was moved to"):
        async with world.gateway():
            pass
    keep_in(world, places.second)
    async with world.gateway():
        after = number_in(await world.mail_to("zhao@example.com"))
        assert (await world.complaint(before)).number == before != after
        assert len(world.mails_to("li@example.com")) == 1


async def test_the_old_place_can_be_left_for_another_kind_of_database_and_come_back_to(
    world: World, postgres: PostgresServer
) -> None:
    async with postgres_database(postgres) as there:
        homes = [f"sqlite:///{world.folder}/old.db", there.url, f"sqlite:///{world.folder}/new.db"]
        numbers = []
        for home, following in zip(homes, [*homes[1:], None], strict=True):
            keep_in(world, home)
            async with world.gateway():
                numbers.append(number_on(await world.submits(name="李小明", contact="li@example.com", text="请退年费")))
                for number in numbers:
                    assert (await world.complaint(number)).name == "李小明"
            if following is not None:
                await transfer(world).move(following)
        assert len(set(numbers)) == 3


# -- the commands -----------------------------------------------------------------------------------------------------


@pytest.fixture
async def served_once(world: World, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database with one complaint, in the folder where the commands now run."""
    url = f"sqlite:///{world.folder}/huiyin.db"
    async with world.gateway():
        await world.submits(name="李小明", contact="li@example.com", text="请退年费")
        await world.mail_to("li@example.com")
    monkeypatch.chdir(world.folder)
    (world.folder / "elsewhere").mkdir()
    return Database(url, (world.folder,))


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(main, arguments)


async def test_the_commands_say_what_they_did_and_what_is_left_to_do(
    served_once: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("backup", "--to", "elsewhere/monday.db") == 0
    said = capsys.readouterr()
    assert "1 complaints, 1 timeline entries: every chain holds" in said.out
    assert "keep a copy of huiyin.keys elsewhere" in said.err
    (served_once.folders[0] / "huiyin.db").unlink()
    assert await run("restore", "--from", "elsewhere/monday.db", "--skip-numbers", "500") == 0
    said = capsys.readouterr()
    assert "newest entry is of 2026-11-23 02:15:00 UTC" in said.out
    assert "of the 0 deliveries that wait" in said.out
    assert "the next 500 are left out" in said.out
    assert await run("verify") == 0
    assert "every chain holds" in capsys.readouterr().out
    assert await run("move", "--to", "sqlite:///new.db") == 0
    assert "Name the new database in storage.url" in capsys.readouterr().out
    assert await run("check") == 1
    assert "was moved to sqlite:///new.db" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["backup", "--to", "beside.db"], "holds the keys file"),
        (["backup", "--to", "huiyin.db", "--beside-keys"], "huiyin.db exists"),
        (["restore", "--from", "elsewhere/none.db"], "there is no database"),
        (["move", "--to", "sqlite:///huiyin.db"], "cannot be moved to where it is"),
        (["move", "--to", "mysql://there/huiyin"], "no storage for mysql"),
    ],
)
async def test_what_cannot_be_done_is_said_and_nothing_is_changed(
    served_once: Database, capsys: pytest.CaptureFixture[str], command: list[str], expected: str
) -> None:
    assert await run(*command) == 1
    assert expected in capsys.readouterr().err
    assert await run("check") == 0


async def test_a_database_that_is_in_use_is_not_overwritten_by_a_backup(
    served_once: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    await run("backup", "--to", "elsewhere/monday.db")
    assert await run("restore", "--from", "elsewhere/monday.db") == 1
    assert "not empty" in capsys.readouterr().err


async def test_a_broken_chain_is_named_and_copied_only_when_that_is_meant(
    served_once: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    [[number]] = await served_once.run("SELECT number FROM complaints")
    await served_once.run("UPDATE timeline SET actor = 'nobody'")
    assert await run("verify") == 1
    assert number in capsys.readouterr().err
    assert await run("backup", "--to", "elsewhere/monday.db") == 1
    assert number in capsys.readouterr().err
    assert list((served_once.folders[0] / "elsewhere").iterdir()) == []
    assert await run("backup", "--to", "elsewhere/monday.db", "--accept-broken") == 0
    assert number in capsys.readouterr().out


async def test_a_restore_leaves_out_numbers_of_every_pattern_and_of_a_day_the_backup_does_not_know(
    served_once: Database, world: World
) -> None:
    """The pattern may have been changed on the very day, and be changed back."""
    await run("backup", "--to", "elsewhere/monday.db")
    (world.folder / "huiyin.db").unlink()
    patterns = Patterns(
        current=Pattern.parse("TS-{yymmdd}-{serial:6}-{check}"),
        old=(Pattern.parse("KF-{yyyymmdd}-{serial:6}-{check}"),),
    )
    world.clock.later(days=1)
    await transfer(world).restore(
        world.folder / "elsewhere" / "monday.db", patterns=patterns, now=world.clock(), skip=100_000
    )
    held = dict(await served_once.run("SELECT scope, last FROM numbers"))
    assert held == {"TS-261123": 1, "TS-261124": 100_000, "KF-20261124": 100_000}


async def test_a_pattern_without_room_for_the_numbers_left_out_is_said_and_nothing_is_restored(
    served_once: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    await run("backup", "--to", "elsewhere/monday.db")
    (served_once.folders[0] / "huiyin.db").unlink()
    assert await run("restore", "--from", "elsewhere/monday.db", "--skip-numbers", "100000000") == 1
    assert "no room for 100000000" in capsys.readouterr().err
    assert await run("restore", "--from", "elsewhere/monday.db", "--skip-numbers", "0") == 0


async def test_numbers_cannot_be_given_back(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["restore", "--from", "x.db", "--skip-numbers", "-5"])
    assert "expected a whole number" in capsys.readouterr().err
