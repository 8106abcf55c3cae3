"""A process that dies between any two steps of the path, and is started again: nothing lost, nothing numbered twice
(lessons 16, 19, 36, 70, 71).
"""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import aiohttp
import pytest

from gateway import audit
from gateway.model import EventKind
from gateway.storage.sqlite import SqliteStorage
from gateway.vault import Vault
from tests.acceptance.mortal_gateway import STEPS
from tests.acceptance.processes import process
from tests.acceptance.world import BANK, World, hidden_fields, number_in, until

ROOT = Path(__file__).parents[2]
CUSTOMERS = ("a@example.com", "b@example.com", "c@example.com")


async def numbers_held(world: World) -> list[str]:
    """Return the number of every complaint in the database, each chain verified."""
    vault = Vault.load(world.folder / "huiyin.keys")
    numbers = [number_in(mail) for customer in CUSTOMERS for mail in world.mails_to(customer)]
    async with SqliteStorage.open(world.settings.storage.url, vault) as storage, storage.reading() as tx:
        held = await tx.complaints.by_number(set(numbers))
        for complaint in held.values():
            entries = await tx.timeline.of(complaint.id)
            assert audit.broken_at(vault.audit_key, entries) is None
            opened, *later = [entry.event.kind for entry in entries]
            assert opened is EventKind.OPENED
            assert set(later) <= {EventKind.ALARM_SOUNDED}  # an hour passes, and nobody grades it
    return sorted(held)


def everyone_was_told(world: World) -> bool:
    return all(world.mails_to(customer) for customer in CUSTOMERS)


@pytest.mark.parametrize("step", STEPS)
async def test_a_kill_at_any_step_loses_no_mail_and_numbers_none_twice(world: World, step: str) -> None:
    """A021, A028."""
    for customer in CUSTOMERS:
        await world.emails(customer, f"{customer} 的钱没到账")
    async with process(world, step=step) as (child, _):
        assert await asyncio.wait_for(child.wait(), 60) == -signal.SIGKILL
    async with process(world, step="never", hours=1):  # past the lease of what had been claimed
        await until(lambda: everyone_was_told(world))
        await world.emptied()
    assert len(await world.box.contents("Processed")) == 3
    assert len(await numbers_held(world)) == 3
    for customer in CUSTOMERS:
        # Told twice only where the provider had taken it before the kill, and then as the same mail.
        assert len({(str(mail["Message-ID"]), number_in(mail)) for mail in world.mails_to(customer)}) == 1


@pytest.mark.parametrize("step", ["message prepared", "rows written but not committed", "committed"])
async def test_a_customer_whose_form_was_cut_off_sends_it_again_and_has_one_complaint(world: World, step: str) -> None:
    answers = {"name": "李小明", "contact": CUSTOMERS[0], "text": "年费没提前说"}
    async with aiohttp.ClientSession() as browser:
        async with process(world, step=step) as (child, site):
            async with browser.get(f"{site}/?lang=zh-Hans") as page:
                fields = hidden_fields(await page.text()) | answers
            with pytest.raises(aiohttp.ClientError):
                await browser.post(f"{site}/?lang=zh-Hans", data=_form(fields))
            assert await asyncio.wait_for(child.wait(), 60) == -signal.SIGKILL
        async with process(world, step="never", hours=1) as (_, site):
            async with browser.post(f"{site}/?lang=zh-Hans", data=_form(fields)) as answer:
                page_text = await answer.text()
            told = await world.mail_to(CUSTOMERS[0])
    assert number_in(told) in page_text
    assert await numbers_held(world) == [number_in(told)]
    assert [mail.rcpt for mail in world.sink.received if mail.rcpt != BANK] == [CUSTOMERS[0]]


def _form(fields: dict[str, str]) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for name, value in fields.items():
        form.add_field(name, value, content_type="text/plain")
    return form
