"""The running program: what it says about itself, what it does when it cannot take more, how it starts and stops."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway import node
from gateway.errors import Misconfigured
from gateway.model import NoticeState
from gateway.vault import Vault
from tests.acceptance.world import World, a_world, number_in, until
from tests.factories import Clock, message

TOKEN = "a-token"
WITH_TOKEN = {"port": 0, "tokens": [{"name": "app", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}]}


async def get(world: World, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as client, client.get(f"{world.site}{path}") as answer:
        json = answer.content_type == "application/json"
        return answer.status, await (answer.json() if json else answer.text())


async def test_a_ready_node_shows_its_dependencies_and_the_age_of_each_loop(world: World) -> None:
    async with world.gateway():
        status, report = await get(world, "/readyz")
        assert (status, report["ready"]) == (200, True)
        assert set(report["parts"]) == {
            "storage",
            "intake",
            "keys",
            "workdays",
            "clock",
            "upkeep",
            "timers",
            "redating",
            "receipts",
            "send:email",
            "listen:complaints-mailbox",
        }
        assert all("age_seconds" in report["parts"][name] for name in ("upkeep", "timers", "redating", "send:email"))
        assert (await get(world, "/healthz"))[0] == 200


async def test_a_listener_that_hears_nothing_for_too_long_makes_the_node_not_ready(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """lesson 2."""
    monkeypatch.setattr(node, "LISTENER_SECONDS", 0.2)
    async with world.gateway():

        async def silent() -> Any:
            status, report = await get(world, "/readyz")
            return None if report["parts"]["listen:complaints-mailbox"]["ok"] else (status, report["ready"])

        assert await until(silent) == (503, False)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_leaves_the_node_ready_and_the_customer_told(world: World, hours: int) -> None:
    """Lesson 18, "clock jump"."""
    async with world.gateway():
        await world.emails("wang@example.com", "转账没到账")
        await world.mail_to("wang@example.com")
        world.clock.later(hours=hours)
        status, report = await get(world, "/readyz")
        assert (status, report["ready"]) == (200, True)
        assert all(0 <= part.get("age_seconds", 0) < 60 for part in report["parts"].values())
        await world.emails("li@example.com", "请退年费")
        await world.mail_to("li@example.com")


async def test_a_year_without_its_calendar_is_shown(tmp_path: Path) -> None:
    """D.9."""
    async with a_world(tmp_path, Clock(Clock().at.replace(month=12))) as world, world.gateway():
        status, report = await get(world, "/readyz")
        assert report["parts"]["workdays"] == {"ok": False}
        assert (status, report["ready"]) == (200, True)


async def test_the_figures_tell_how_long_a_number_and_a_notice_took(world: World) -> None:
    async with world.gateway():
        await world.emails("wang@example.com", "转账没到账")
        await world.mail_to("wang@example.com")

        async def sent() -> bool:
            _, figures = await get(world, "/metrics")
            return "huiyin_number_to_sent_seconds_count 1.0" in figures

        await until(sent)
        _, figures = await get(world, "/metrics")
        assert "huiyin_received_to_number_seconds_count 1.0" in figures
        assert 'huiyin_messages_total{channel="email",outcome="opened"} 1.0' in figures


async def test_a_notice_without_a_sender_waits_and_is_sent_when_one_is_configured(world: World) -> None:
    channels = world.settings.channels["complaints-mailbox"]
    world.changes["channels"] = {"complaints-mailbox": {k: v for k, v in channels.items() if k != "smtp"}}
    async with world.gateway() as running:
        await world.emails("wang@example.com", "转账没到账")
        await world.emptied()
        async with running.storage.reading() as tx:
            assert await tx.notices.states() == {NoticeState.NO_CHANNEL: 1}
    world.changes.clear()
    async with world.gateway():
        assert number_in(await world.mail_to("wang@example.com"))


async def test_beyond_its_room_the_gateway_says_503_with_retry_after(tmp_path: Path, clock: Clock) -> None:
    async with a_world(tmp_path, clock, intake={"queue": 1, "batch": 1}, web=WITH_TOKEN) as world, world.gateway():
        url = f"{world.site}/api/v1/complaints"
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as client:

            async def post(key: int) -> tuple[int, str | None]:
                headers = {"Idempotency-Key": f"key-{key}"}
                async with client.post(url, json={"text": "急"}, headers=headers) as answer:
                    return answer.status, answer.headers.get("Retry-After")

            answers = await asyncio.gather(*(post(key) for key in range(40)))
            refused = [retry_after for status, retry_after in answers if status == 503]
            assert refused
            assert all(retry_after is not None and int(retry_after) > 0 for retry_after in refused)
            assert {status for status, _ in answers} == {201, 503}
            # Nothing that was refused was half taken: the same key is taken now.
            assert [(await post(key))[0] for key in range(40)] == [200 if s == 201 else 201 for s, _ in answers]


async def test_what_was_handed_in_before_a_stop_is_committed(world: World) -> None:
    async with world.gateway() as running:
        handed_in = asyncio.create_task(running.accept([message(f"第{n}条") for n in range(50)]))
        await asyncio.wait({handed_in}, timeout=0)
    assert len({receipt.number for receipt in await handed_in}) == 50


async def test_keys_that_are_missing_are_never_replaced_by_new_ones(world: World) -> None:
    async with world.gateway():
        pass
    keys = world.folder / "huiyin.keys"
    keys.rename(world.folder / "elsewhere")
    with pytest.raises(Misconfigured, match="restore or copy it"):
        async with world.gateway():
            pass
    assert not keys.exists()


async def test_the_keys_of_another_database_are_refused(world: World) -> None:
    async with world.gateway() as running:
        await running.accept([message()])
    (world.folder / "huiyin.keys").unlink()
    Vault.create(world.folder / "huiyin.keys")
    with pytest.raises(Misconfigured, match="another database"):
        async with world.gateway():
            pass


async def test_a_keys_file_others_can_read_is_refused(world: World) -> None:
    async with world.gateway():
        pass
    (world.folder / "huiyin.keys").chmod(0o644)
    with pytest.raises(Misconfigured, match="chmod 600"):
        async with world.gateway():
            pass
