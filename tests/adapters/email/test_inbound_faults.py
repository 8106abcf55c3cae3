"""The mailbox server misbehaves: it stalls, cuts the line, refuses to move. Scripted, since real ones rarely will."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import pytest

from adapters.email import Config, open_channel
from gateway.errors import Misconfigured, Unavailable
from gateway.model import InboundEvent, InboundMessage, Outcome, Receipt
from gateway.ports import Channel
from tests.shared import tools

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
OK, NO = b"OK done", b"NO refused"


@dataclass
class Server:
    """Enough of an IMAP server for one client. `faults` maps a command's first words to what happens instead."""

    capabilities: str = "IMAP4rev1 IDLE MOVE UIDPLUS"
    greeting: bytes = b"* OK ready\r\n"
    mails: dict[int, bytes] = field(default_factory=dict)
    faults: dict[str, bytes | None] = field(default_factory=dict)  # an answer; b"" cuts the line; None says nothing
    seen: list[str] = field(default_factory=list)
    port: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            try:
                await self.obey(reader, writer)
            finally:
                writer.close()
                await writer.wait_closed()

    async def obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.greeting)
        while line := await reader.readline():
            tag, _, command = line.decode().strip().partition(" ")
            self.seen.append(command)
            fault = next((name for name in self.faults if command.startswith(name)), None)
            answer = self.faults[fault] if fault is not None else self.answer(command)
            if answer == b"":
                break
            if answer is not None and tag != "DONE":
                untagged, _, status = answer.rpartition(b"\r\n")
                writer.write((untagged + b"\r\n" if untagged else b"") + tag.encode() + b" " + status + b"\r\n")

    def answer(self, command: str) -> bytes:
        words = command.split(" ")
        match words:
            case ["CAPABILITY"]:
                return f"* CAPABILITY {self.capabilities}\r\n".encode() + OK
            case ["SELECT", _]:
                return b"* OK [UIDVALIDITY 7] valid\r\n" + OK
            case ["UID", "SEARCH", *_]:
                return f"* SEARCH {' '.join(map(str, self.mails))}\r\n".encode() + OK
            case ["UID", "FETCH", uids, "(UID", *_]:
                row = '* {0} FETCH (UID {0} INTERNALDATE "23-Nov-2026 10:00:00 +0800" RFC822.SIZE {1})\r\n'
                rows = (row.format(n, len(self.mails[n])) for n in map(int, uids.split(",")))
                return "".join(rows).encode() + OK
            case ["UID", "FETCH", uid, _]:
                raw = self.mails[int(uid)]
                return b"* 1 FETCH (UID %d BODY[] {%d}\r\n%b)\r\n" % (int(uid), len(raw), raw) + OK
            case ["UID", "MOVE" | "EXPUNGE", uids, *_]:
                for uid in map(int, uids.split(",")):
                    self.mails.pop(uid, None)
        return OK

    def count(self, start: str) -> int:
        return sum(command.startswith(start) for command in self.seen)


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[Server]:
    talks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.ensure_future(server.talk(reader, writer)))

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server
    await asyncio.wait_for(asyncio.gather(*talks), 5)


@asynccontextmanager
async def channel(server: Server, **imap: Any) -> AsyncIterator[Channel]:
    config = Config.model_validate(
        {
            "address": "complaints@bank.example",
            "imap": {
                "host": "127.0.0.1",
                "port": server.port,
                "tls": "none",
                "user": "intake",
                "password": "secret",
                "timeout": 0.5,
                **imap,
            },
        }
    )
    async with open_channel(config, tools(now=lambda: NOW), "box") as opened:
        yield opened


@dataclass
class Intake:
    taken: Counter[str] = field(default_factory=Counter)

    async def __call__(self, events: Sequence[InboundEvent]) -> Sequence[Receipt]:
        self.taken.update(event.subject for event in events if isinstance(event, InboundMessage))
        return [Receipt(outcome=Outcome.OPENED, number="TS-1") for _ in events]


async def listen(opened: Channel, intake: Intake, *, looks: int) -> None:
    """Listen until so many looks have succeeded. Whatever ends it before is raised."""
    enough = asyncio.Event()
    count = 0

    def alive() -> None:
        nonlocal count
        count += 1
        if count >= looks:
            enough.set()

    assert opened.listener is not None
    listener = asyncio.ensure_future(opened.listener.listen(intake, alive))
    waiting = asyncio.ensure_future(enough.wait())
    await asyncio.wait({listener, waiting}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if listener.done():
        listener.result()
    listener.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await listener


def mail(subject: str) -> bytes:
    return f"From: customer@example.com\r\nSubject: {subject}\r\n\r\nx\r\n".encode()


async def test_a_server_that_stalls_after_fetch_ends_the_look_and_the_next_one_succeeds() -> None:
    """Lesson 1 (z#1861, #2013, #2043, #2321): a fetch that hangs for ever stops the intake until a restart."""
    server = Server(mails={1: mail("one")}, faults={"UID FETCH 1 (BODY": None})
    intake = Intake()
    async with running(server), channel(server) as opened:
        started = monotonic()
        with pytest.raises(Unavailable, match="in time"):
            await listen(opened, intake, looks=1)
        assert monotonic() - started < 5
        assert server.mails
        server.faults.clear()
        await listen(opened, intake, looks=1)
    assert intake.taken == {"one": 1}
    assert not server.mails


@pytest.mark.parametrize("command", ["CAPABILITY", "LOGIN", "SELECT", "UID SEARCH", "UID FETCH", "UID MOVE"])
async def test_a_cut_line_is_noticed_at_once_whatever_was_asked(command: str) -> None:
    """The library leaves pending commands waiting when the connection goes (channels 4.1)."""
    server = Server(mails={1: mail("one")}, faults={command: b""})
    async with running(server), channel(server, timeout=60) as opened:
        started = monotonic()
        with pytest.raises(Unavailable):
            await listen(opened, Intake(), looks=2)
        assert monotonic() - started < 5


async def test_a_line_cut_while_idling_is_noticed_at_once() -> None:
    server = Server(faults={"IDLE": b""})
    async with running(server), channel(server, timeout=60) as opened:
        with pytest.raises(Unavailable):
            await listen(opened, Intake(), looks=2)


@pytest.mark.parametrize("greeting", [b"* BYE too many connections\r\n", b"", b"\x00\xff\r\n"])
async def test_a_server_that_does_not_greet_is_unavailable(greeting: bytes) -> None:
    server = Server(greeting=greeting)
    async with running(server), channel(server) as opened:
        with pytest.raises(Unavailable):
            await listen(opened, Intake(), looks=1)


async def test_a_mail_that_cannot_be_moved_is_taken_in_once_and_stops_no_other() -> None:
    """Lesson 4 (z#1662): not on the next look, nor after the connection was lost and opened again."""
    server = Server(
        capabilities="IMAP4rev1 MOVE",  # no IDLE: it looks every second
        mails={n: mail(f"mail {n}") for n in (1, 2, 3)},
        faults={"UID MOVE 1,2,3 ": NO, "UID MOVE 2 ": NO},
    )
    intake = Intake()
    async with running(server), channel(server, idle_seconds=1) as opened:
        await listen(opened, intake, looks=3)
        await listen(opened, intake, looks=2)
        assert list(server.mails) == [2]
        assert server.count("UID FETCH 2 (BODY") == 1
        server.faults.clear()
        await listen(opened, intake, looks=1)
    assert intake.taken == {"mail 1": 1, "mail 2": 1, "mail 3": 1}
    assert not server.mails


async def test_mail_announced_only_during_a_look_is_looked_for_at_once_but_not_for_ever() -> None:
    """The library drops the announcement; without our own ear the mail would wait for the end of the IDLE."""
    server = Server(faults={"UID SEARCH": b"* 1 EXISTS\r\n* SEARCH\r\n" + OK, "IDLE": None})
    async with running(server), channel(server) as opened:
        with pytest.raises(Unavailable):  # the scripted server never confirms the IDLE
            await listen(opened, Intake(), looks=3)
    assert server.seen[-3:] == ["UID SEARCH ALL", "UID SEARCH ALL", "IDLE"]


async def test_large_mails_make_smaller_bites() -> None:
    large = mail("large") + b"y" * 9_000_000
    server = Server(mails={1: large, 2: large, 3: large, 4: mail("small")})
    async with running(server), channel(server, timeout=20) as opened:
        await listen(opened, Intake(), looks=2)
    assert [command for command in server.seen if "MOVE" in command] == [
        'UID MOVE 1,2 "Processed"',
        'UID MOVE 3,4 "Processed"',
    ]


async def test_a_new_uidvalidity_means_every_mail_is_looked_at_anew() -> None:
    """Lesson 24 (itop#253, paperless-ngx#12839): the old uids then name other mails."""
    server = Server(mails={1: mail("old")}, faults={"UID MOVE": NO})
    intake = Intake()
    async with running(server), channel(server) as opened:
        await listen(opened, intake, looks=1)
        server.mails = {1: mail("new")}
        server.faults = {"SELECT": b"* OK [UIDVALIDITY 8] valid\r\n" + OK}
        await listen(opened, intake, looks=1)
    assert intake.taken == {"old": 1, "new": 1}


async def test_without_move_a_mail_is_copied_once_however_often_its_removal_fails() -> None:
    """Lesson 23 (os#5645): a copy a minute fills the disk."""
    server = Server(capabilities="IMAP4rev1 UIDPLUS", mails={1: mail("one")}, faults={"UID STORE": NO})
    intake = Intake()
    async with running(server), channel(server, idle_seconds=1) as opened:
        await listen(opened, intake, looks=3)
        await listen(opened, intake, looks=1)
        assert server.count("UID STORE") >= 3
        server.faults.clear()
        await listen(opened, intake, looks=1)
    assert server.count('UID COPY 1 "Processed"') == 1
    assert server.count("UID EXPUNGE 1") == 1
    assert not server.mails
    assert intake.taken == {"one": 1}


async def test_a_server_that_can_only_expunge_everything_is_refused() -> None:
    """A plain EXPUNGE would also remove mail that a person marked deleted and nobody took in."""
    async with running(Server(capabilities="IMAP4rev1 IDLE")) as server, channel(server) as opened:
        with pytest.raises(Misconfigured, match="neither MOVE nor UIDPLUS"):
            await listen(opened, Intake(), looks=1)


async def test_netease_is_told_who_we_are_before_select_in_the_form_it_takes() -> None:
    """163 and 126 answer SELECT with "Unsafe Login" otherwise, and refuse blanks inside the brackets."""
    async with running(Server(capabilities="IMAP4rev1 ID MOVE")) as server, channel(server) as opened:
        await listen(opened, Intake(), looks=1)
    told = server.seen.index('ID ("name" "huiyin" "version" "1.0")')
    assert told < next(n for n, command in enumerate(server.seen) if command.startswith("SELECT"))


async def test_a_folder_the_server_will_not_make_is_named_with_a_way_out() -> None:
    server = Server(faults={'CREATE "Processed"': NO, 'STATUS "Processed"': NO})
    async with running(server), channel(server) as opened:
        with pytest.raises(Misconfigured, match=r'"INBOX\.Processed"'):
            await listen(opened, Intake(), looks=1)


@pytest.mark.parametrize("answer", [b"* 1 FETCH (UID 1 BODY[] NIL)\r\n" + OK, OK])
async def test_a_mail_somebody_removed_meanwhile_is_no_error(answer: bytes) -> None:
    server = Server(capabilities="IMAP4rev1 MOVE", mails={1: mail("one")}, faults={"UID FETCH 1 (BODY": answer})
    intake = Intake()
    async with running(server), channel(server) as opened:
        await listen(opened, intake, looks=2)
    assert not intake.taken


def test_the_words_of_a_server_stay_out_of_errors() -> None:
    """They repeat what was asked, and a mail's text with it."""
    assert "customer" not in str(asyncio.run(refused(b"NO cannot find customer@example.com")))


async def refused(answer: bytes) -> Unavailable:
    server = Server(faults={"UID SEARCH": answer})
    async with running(server), channel(server) as opened:
        with pytest.raises(Unavailable) as caught:
            await listen(opened, Intake(), looks=1)
    return caught.value
