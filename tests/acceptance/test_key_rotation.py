"""The master key is rotated while nodes serve: nothing is lost, everything opens, the new key wraps all in the end."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway import audit, keysfile, rotation
from gateway.__main__ import form_for, main, open_channels
from gateway.app import Service, service
from gateway.node import Role
from gateway.ports import Lane
from gateway.rotation import BREATH_SECONDS, Rotated
from gateway.settings import StorageSettings
from gateway.storage.opening import open_storage
from gateway.vault import MissingMaster, Vault
from tests.acceptance.world import World, a_world, number_in, until
from tests.contract.records import case, write
from tests.databases import Database
from tests.factories import Clock

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 23)
TOML = """
bank.telephone = "010-00000001"
bank.names = {zh-Hans = "一", zh-Hant = "一", en = "B"}
storage.url = "URL"
storage.keys_file = "KEYS"
"""


@pytest.fixture(params=["on_sqlite", "on_postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    database: Database = request.getfixturevalue(request.param)
    return database


@pytest.fixture
async def world(
    tmp_path: Path, clock: Clock, vault: Vault, database: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setattr("gateway.node.REREAD_SECONDS", 0.1)
    storage = {"url": database.url, "keys_file": tmp_path / "huiyin.keys"}
    async with a_world(tmp_path, clock, storage=storage, nodes=2) as world:
        yield world


@asynccontextmanager
async def node(world: World, role: Role = Role.ALL, *, keys_file: Path | None = None) -> AsyncIterator[Service]:
    """Run a node with the world's keys file, or a copy of it."""
    settings = world.settings
    if keys_file is not None:
        settings = settings.model_copy(
            update={"storage": StorageSettings(url=settings.storage.url, keys_file=keys_file)}
        )
    channels = open_channels(settings, world.clock)
    async with service(settings, channels, form_for=form_for, now=world.clock, role=role) as running:
        world.running = running
        yield running


def copy_of(world: World) -> Path:
    """Bring the keys file to another machine, as it is now."""
    return Path(shutil.copy(world.folder / "huiyin.keys", world.folder / "elsewhere.keys"))


async def rotate(world: World, *nodes: Service) -> Rotated:
    """Do `huiyin keys rotate`, whose wait is over as soon as these nodes have taken up the new key."""
    file = world.folder / "huiyin.keys"

    async def pause(seconds: float) -> None:
        if seconds > BREATH_SECONDS:
            await until(lambda: all(one.vault.active == keysfile.read(file).active for one in nodes))

    return await rotation.rotate(world.settings.storage, TODAY, report=lambda *_: None, pause=pause)


async def ready(node: Service) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{node.port}/readyz") as answer:
        return answer.status, (await answer.json())["parts"]


async def everything_opens(world: World, customers: Sequence[str]) -> None:
    """Each customer was told one number; its whole record opens with the file's keys, and its chain holds."""
    vault = Vault.load(world.folder / "huiyin.keys")
    numbers = {number_in(await world.mail_to(customer)) for customer in customers}
    assert len(numbers) == len(customers)
    async with open_storage(world.settings.storage.url, vault) as storage, storage.reading() as tx:
        assert set(await tx.rewrapping.counts()) == {vault.active}
        held = await tx.complaints.by_number(numbers)
        assert set(held) == numbers
        for complaint in held.values():
            assert audit.broken_at(vault.audit_key, await tx.timeline.of(complaint.id)) is None
            assert all(message.body["text"] for message in await tx.messages.of(complaint.id))


async def test_a_node_takes_in_and_tells_while_its_keys_are_rotated(world: World) -> None:
    customers = [f"c{n}@example.com" for n in range(12)]
    async with node(world) as running:
        for customer in customers[:4]:
            await world.emails(customer, "转账没到账")
        await world.mail_to(customers[0])
        at_work = asyncio.create_task(rotate(world, running))
        for customer in customers[4:8]:
            await world.submits(name="李小明", contact=customer, text="年费没提前说")
            await world.emails(f"mail-{customer}", "请退年费")
        rotated = await at_work
        assert rotated.complete
        assert rotated.damaged == 0
        for customer in customers[8:]:
            await world.submits(name="李小明", contact=customer, text="年费没提前说")
        customers += [f"mail-{customer}" for customer in customers[4:8]]
        told = await world.mail_to(customers[0])
        await world.emails(customers[0], "补充", In_Reply_To=str(told["Message-ID"]), to=str(told["Reply-To"]))
        await world.emptied()
        assert len(await world.messages(number_in(told))) == 2
        await everything_opens(world, customers)
        assert (await ready(running))[1]["keys"]["ok"]
    assert all(len(world.mails_to(customer)) == 1 for customer in customers)
    assert await world.box.contents("Quarantine") == []


async def test_nodes_of_every_role_take_up_the_new_key_by_themselves(world: World) -> None:
    """A web node opens nothing of its own accord, so it must look into the file."""
    async with node(world, Role.WORKER) as worker, node(world, Role.WEB) as web:
        await world.submits(name="李小明", contact="li@example.com", text="年费没提前说")
        assert (await rotate(world, web, worker)).complete
        for running in (web, worker):
            status, parts = await ready(running)
            assert (status, parts["keys"]["ok"]) == (200, True)
            assert parts["keys"]["age_seconds"] >= 0
        await world.submits(name="王芳", contact="wang@example.com", text="请退年费")
        await everything_opens(world, ["li@example.com", "wang@example.com"])


async def test_a_node_with_an_old_copy_is_not_ready_and_holds_up_nobody_until_it_has_the_file(world: World) -> None:
    """What it cannot open it leaves to the others: no delivery is given up, no mail quarantined."""
    old = copy_of(world)
    async with AsyncExitStack() as stack:
        stale = await stack.enter_async_context(node(world, keys_file=old))
        running = await stack.enter_async_context(node(world))
        await world.submits(name="李小明", contact="li@example.com", text="年费没提前说")
        told = await world.mail_to("li@example.com")
        assert (await rotate(world, running)).complete
        status, parts = await ready(stale)
        assert (status, parts["storage"]["ok"]) == (503, False)
        assert (await ready(running))[0] == 200
        for n in range(5):
            await world.submits(name="王芳", contact=f"c{n}@example.com", text="请退年费")
        await world.emails("li@example.com", "补充", In_Reply_To=str(told["Message-ID"]), to=str(told["Reply-To"]))
        for n in range(5):
            await world.mail_to(f"c{n}@example.com")
        with pytest.raises(MissingMaster):
            await rotation.rotate(
                StorageSettings(url=world.settings.storage.url, keys_file=old),
                TODAY,
                report=lambda *_: None,
                pause=asyncio.sleep,
            )
        shutil.copy(world.folder / "huiyin.keys", old)

        async def well() -> bool:
            return (await ready(stale))[0] == 200

        await until(well)
        await world.emptied()
        assert len(await world.messages(number_in(told))) == 2
        await everything_opens(world, ["li@example.com", *(f"c{n}@example.com" for n in range(5))])
    assert await world.box.contents("Quarantine") == []


async def test_a_node_whose_copy_was_prepared_is_ready_throughout_and_takes_up_the_new_key(world: World) -> None:
    prepared = await rotation.prepare(world.settings.storage, TODAY)
    assert await rotation.prepare(world.settings.storage, TODAY) == prepared
    async with node(world, keys_file=copy_of(world)) as there, node(world) as here:
        await world.submits(name="李小明", contact="li@example.com", text="年费没提前说")
        await world.mail_to("li@example.com")
        assert {there.vault.active, here.vault.active} == {"m1"}
        rotated = await rotate(world, here, there)
        assert (rotated.master_id, rotated.complete) == (prepared, True)
        assert [(await ready(one))[0] for one in (here, there)] == [200, 200]
        await everything_opens(world, ["li@example.com"])


async def test_a_rotation_that_is_killed_goes_on_with_the_same_key(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.acceptance.world.PATIENCE", 60.0)  # another process has to start
    file, settings = world.folder / "huiyin.keys", world.folder / "gateway.toml"
    vault = Vault.load(file)
    async with open_storage(database.url, vault) as storage:
        async with storage.writing(Lane.INTAKE) as tx:
            await write(tx, *[case() for _ in range(800)])  # 1600 data keys: eight pages
        await database.run("DELETE FROM queue")
        settings.write_text(TOML.replace("URL", database.url).replace("KEYS", str(file)))
        command = [sys.executable, "-m", "gateway", "--config", str(settings), "keys", "rotate"]
        child = await asyncio.create_subprocess_exec(*command, cwd=ROOT)

        async def begun() -> bool:
            async with storage.reading() as tx:
                return keysfile.read(file).pending in await tx.rewrapping.counts()

        try:
            await until(begun)
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGKILL)
            assert await child.wait() == -signal.SIGKILL
        ring = keysfile.read(file)
        assert ring.active == ring.pending != "m1"
        async with node(world) as running:
            await world.submits(name="李小明", contact="zhao@example.com", text="年费没提前说")
            rotated = await rotate(world, running)
            assert (rotated.master_id, rotated.complete) == (ring.active, True)
            assert list(keysfile.read(file).masters) == ["m1", ring.active]
            await everything_opens(world, ["zhao@example.com"])


@pytest.fixture
def folder(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a database of one complaint, where no node serves, so that none is waited for."""
    monkeypatch.setattr(rotation, "NODES_SECONDS", 0.0)
    monkeypatch.chdir(tmp_path)
    assert main(["migrate"]) == 0
    add_a_case(Vault.load(tmp_path / "huiyin.keys"))
    return tmp_path


def add_a_case(vault: Vault) -> None:
    async def add() -> None:
        async with open_storage("sqlite:///huiyin.db", vault) as storage, storage.writing(Lane.INTAKE) as tx:
            await write(tx, case())

    asyncio.run(add())


def test_the_commands_prepare_rotate_and_retire(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "huiyin.keys"
    old = Vault.load(file)
    assert main(["keys", "rotate", "--prepare"]) == 0
    made = str(keysfile.read(file).pending)
    capsys.readouterr()
    assert main(["keys", "show"]) == 0
    assert capsys.readouterr().out == f"m1  active  wraps 2\n{made}  pending  wraps 0\n"
    assert main(["keys", "retire"]) == 1
    assert "under way" in capsys.readouterr().err
    assert main(["keys", "rotate"]) == 0
    assert f"{made} is active; 2 data keys" in capsys.readouterr().out
    add_a_case(old)
    assert main(["keys", "retire"]) == 1
    assert "2 data keys are still wrapped by m1" in capsys.readouterr().err
    assert list(keysfile.read(file).masters) == ["m1", made]
    assert main(["keys", "rotate"]) == 0
    assert main(["keys", "retire"]) == 0
    said = capsys.readouterr().out
    assert f"Removed from the keys file: m1, {made}" in said
    assert "Older backups of the database" in said
    assert main(["keys", "retire"]) == 0
    assert main(["check"]) == 0
    assert main(["keys", "show"]) == 0
    secrets = [key.hex() for key in keysfile.read(file).masters.values()]
    assert not any(secret in capsys.readouterr().out for secret in secrets)


def test_a_database_of_before_does_not_open_with_a_retired_key_gone_and_says_what_it_needs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Why backups of the keys file are kept as long as backups of the database are."""
    shutil.copy(folder / "huiyin.db", folder / "backup.db")
    shutil.copy(folder / "huiyin.keys", folder / "backup.keys")
    assert main(["keys", "rotate"]) == main(["keys", "retire"]) == 0
    shutil.copy(folder / "backup.db", folder / "huiyin.db")
    for left in folder.glob("huiyin.db-*"):
        left.unlink()
    assert main(["keys", "rotate"]) == 1
    assert "has no master key m1" in capsys.readouterr().err
    shutil.copy(folder / "backup.keys", folder / "huiyin.keys")
    assert main(["check"]) == 0


def test_a_damaged_data_key_is_said_and_stays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(folder / "huiyin.db")) as database, database:
        database.execute(
            "update data_keys set wrapped = zeroblob(60) where owner_id = (select max(owner_id) from data_keys)"
        )
    assert main(["keys", "rotate"]) == 1
    said = capsys.readouterr()
    assert "1 data keys were wrapped anew" in said.out
    assert "1 data keys were damaged before" in said.err
    assert keysfile.read(folder / "huiyin.keys").pending is None
    assert main(["keys", "retire"]) == 1
