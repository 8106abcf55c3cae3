"""A node whose keys file is an old copy: what it cannot open waits, and is neither lost, quarantined nor given up."""

from __future__ import annotations

import shutil
from datetime import date

import pytest

from gateway import keysfile, retry
from gateway.errors import Permanent, Temporary, Unavailable
from gateway.model import NoticeState, OutboundMessage, Outcome, Sent
from gateway.ports import Lane
from gateway.storage.opening import open_storage
from gateway.vault import MissingMaster, Vault
from tests.conftest import Core
from tests.factories import email_contact, message
from tests.unit.test_delivery import ScriptedSender, damage, states, worker


class Elsewhere:
    """Another machine: its copy of the keys file is rotated, and this one's is not."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.here, self.file = core.folder / "huiyin.keys", core.folder / "rotated.keys"
        shutil.copy(self.here, self.file)
        keysfile.change(self.file, lambda ring: ring.prepared(date(2026, 11, 23)).activated())

    async def rotate(self) -> None:
        url = f"sqlite:///{self.core.folder / 'huiyin.db'}"
        async with open_storage(url, Vault.load(self.file)) as storage, storage.writing(Lane.BULK) as tx:
            assert (await tx.rewrapping.page("")).ends

    def bring_the_file(self) -> None:
        shutil.copy(self.file, self.here)


@pytest.fixture
def elsewhere(core: Core) -> Elsewhere:
    return Elsewhere(core)


async def test_a_reply_to_a_complaint_that_cannot_be_opened_is_not_taken_and_joins_when_it_comes_again(
    core: Core, elsewhere: Elsewhere
) -> None:
    """A021 the other way round: nothing is wrong with the reply, so it is not quarantined either."""
    [first] = await core.intake.accept([message()])
    await elsewhere.rotate()
    reply = message(f"{first.number} 还没收到")
    with pytest.raises(MissingMaster):
        await core.intake.accept([reply])
    [new] = await core.intake.accept([message()])
    assert new.outcome is Outcome.OPENED
    elsewhere.bring_the_file()
    [receipt] = await core.intake.accept([reply])
    assert (receipt.outcome, receipt.number) == (Outcome.JOINED, first.number)


async def test_a_due_notice_stays_due_for_whoever_can_open_it_and_no_attempt_is_counted(
    core: Core, elsewhere: Elsewhere
) -> None:
    """Attempts counted for nothing would give the contact up at its first real failure."""
    await core.intake.accept([message() for _ in range(3)])
    await elsewhere.rotate()
    sender = ScriptedSender()
    for _ in range(retry.LAST):
        with pytest.raises(MissingMaster):
            await worker(core, sender).run_once()
    assert sender.got == []
    elsewhere.bring_the_file()
    sender = ScriptedSender(*[Temporary("451 4.7.1")] * 3)
    assert await worker(core, sender).run_once() == 3
    assert await states(core) == {NoticeState.SENDING: 3}
    core.clock.later(seconds=16)
    assert await worker(core, sender).run_once() == 3
    assert await states(core) == {}


class RotatedMeanwhile(ScriptedSender):
    """Refuses one contact; while it is asked, the keys are rotated elsewhere."""

    def __init__(self, elsewhere: Elsewhere) -> None:
        super().__init__()
        self.elsewhere = elsewhere

    async def send(self, sent: OutboundMessage) -> Sent:
        if sent.to.value != "gone@example.com":
            return await super().send(sent)
        await self.elsewhere.rotate()
        raise Permanent("550 5.1.1")


async def test_a_notice_whose_next_contact_cannot_be_opened_is_not_dead_and_goes_there_later(
    core: Core, elsewhere: Elsewhere
) -> None:
    contacts = (email_contact("gone@example.com"), email_contact("b@example.com"))
    await core.intake.accept([message(contacts=contacts), message(), message()])
    await worker(core, RotatedMeanwhile(elsewhere)).run_once()
    assert await states(core) == {NoticeState.SENDING: 1}  # the others are sent, and recorded
    elsewhere.bring_the_file()
    core.clock.later(seconds=16)
    sender = ScriptedSender(Permanent("550 5.1.1"))
    for _ in range(2):
        await worker(core, sender).run_once()
    assert [sent.to.value for sent in sender.got] == ["gone@example.com", "b@example.com"]
    assert await states(core) == {}


async def test_damage_is_still_damage(core: Core, elsewhere: Elsewhere) -> None:
    await core.intake.accept([message(), message()])
    damage(core, "update deliveries set content = x'00' where key = (select min(key) from deliveries)")
    sender = ScriptedSender()
    assert await worker(core, sender).run_once() == 2
    assert len(sender.got) == 1


async def test_an_attachment_that_is_being_uploaded_is_unavailable(core: Core, elsewhere: Elsewhere) -> None:
    async with core.storage.writing(Lane.BULK) as tx:
        await tx.blobs.stage("staged", b"first", seq=0, at=core.clock())
    await elsewhere.rotate()

    async def go_on() -> None:
        async with core.storage.writing(Lane.BULK) as tx:
            await tx.blobs.stage("staged", b" second", seq=1, at=core.clock())

    with pytest.raises(Unavailable):
        await go_on()
    elsewhere.bring_the_file()
    await go_on()
    async with core.storage.reading() as tx:
        assert b"".join([chunk async for chunk in tx.blobs.read("staged")]) == b"first second"


async def test_the_node_is_not_ready_until_it_has_the_file(core: Core, elsewhere: Elsewhere) -> None:
    await core.intake.accept([message()])
    await core.storage.check()
    await elsewhere.rotate()
    with pytest.raises(MissingMaster):
        await core.storage.check()
    elsewhere.bring_the_file()
    await core.storage.check()
