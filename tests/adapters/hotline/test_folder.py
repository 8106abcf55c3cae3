"""The watched folder, with real files: what is taken in, when, and where it goes afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.hotline import Config, open_channel
from gateway.errors import InvalidFile, Misconfigured, Unavailable
from gateway.model import InboundEvent, InboundMessage, Outcome, Receipt, Unreadable
from gateway.ports import Channel
from sandbox import transcripts
from tests.conftest import Core
from tests.shared import tools

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
EARLIER = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
WORDS = "客服：您好\n客户：说好保本，现在亏了"

Until = Callable[[Callable[[], bool]], Awaitable[None]]


@dataclass
class Intake:
    """Stands where the gateway's intake stands: takes everything, remembers it, answers by `outcome`."""

    outcome: Callable[[InboundEvent], Outcome] = lambda event: Outcome.OPENED
    events: list[InboundEvent] = field(default_factory=list)
    down: bool = False

    async def __call__(self, events: Sequence[InboundEvent]) -> Sequence[Receipt]:
        if self.down:
            raise Unavailable
        self.events += events
        return [Receipt(outcome=self.outcome(event), number="TS-1") for event in events]


@pytest.fixture
def line(tmp_path: Path) -> Path:
    folder = tmp_path / "line"
    folder.mkdir()
    return folder


@asynccontextmanager
async def channel(line: Path, **folder: Any) -> AsyncIterator[Channel]:
    config = Config.model_validate({"folder": {"path": line, "poll_seconds": 0.05, **folder}, "max_bytes": 10_000})
    async with open_channel(config, tools(now=lambda: NOW), "line") as opened:
        yield opened


@asynccontextmanager
async def listening(line: Path, intake: Any) -> AsyncIterator[Until]:
    """Run the listener; yield a function that waits until a condition holds after one of its looks."""
    looked = asyncio.Event()

    async def until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                assert not listener.done(), listener.exception()
                looked.clear()
                await looked.wait()

    async with channel(line) as opened:
        assert opened.listener is not None
        listener = asyncio.ensure_future(opened.listener.listen(intake, looked.set))
        listener.add_done_callback(lambda _: looked.set())
        try:
            yield until
        finally:
            listener.cancel()
            with contextlib.suppress(asyncio.CancelledError, Unavailable):
                await listener


def put(line: Path, name: str, content: str | bytes = WORDS) -> Path:
    path = line / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (EARLIER.timestamp(), EARLIER.timestamp()))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.exists() else []


def several_looks() -> Callable[[], bool]:
    """Return a condition that holds after as many looks as anything takes, and some more."""
    looks = iter(range(6))
    return lambda: next(looks, None) is None


async def test_a_transcript_is_taken_in_and_then_filed(line: Path) -> None:
    put(line, "call.txt")
    intake = Intake()
    async with listening(line, intake) as until:
        await until(lambda: names(line / "processed") == ["call.txt"])
    [event] = intake.events
    assert isinstance(event, InboundMessage)
    assert (event.source, event.text, event.received_at) == ("line", "说好保本，现在亏了", EARLIER)
    assert names(line) == []


async def test_the_call_is_described_by_the_file_beside_it(line: Path) -> None:
    put(line, "call.txt.call.json", json.dumps({"id": "c-1", "caller": "13800138000"}))
    put(line, "call.txt")
    intake = Intake()
    async with listening(line, intake) as until:
        await until(lambda: names(line / "processed") == ["call.txt", "call.txt.call.json"])
    [event] = intake.events
    assert isinstance(event, InboundMessage)
    assert (event.external_id, event.from_address) == ("c-1", "+8613800138000")


async def test_a_file_that_is_still_growing_is_left_alone(line: Path) -> None:
    """A telephone system writes as it transcribes: half a call is not a complaint."""
    intake = Intake()
    path = put(line, "call.txt", "客户：一")
    size = 1
    async with listening(line, intake) as until:

        def grows() -> bool:
            nonlocal size
            size += 1
            if size < 8:
                path.write_text("客户：一" + "一" * size, encoding="utf-8")
            return size >= 8

        await until(grows)
        assert intake.events == []
        await until(lambda: len(intake.events) == 1)
    [event] = intake.events
    assert isinstance(event, InboundMessage)
    assert event.text == "一" * 8


async def test_what_is_not_finished_or_no_file_is_left_alone(line: Path, tmp_path: Path) -> None:
    for name in (".hidden.txt", "call.txt.part", "call.txt.tmp", "call.TXT.filepart", "other.call.json", "call.txt~"):
        put(line, name)
    (line / "folder.txt").mkdir()
    (line / "link.txt").symlink_to(put(tmp_path, "elsewhere.txt"))
    intake = Intake()
    before = names(line)
    async with listening(line, intake) as until:
        await until(several_looks())
    assert intake.events == []
    assert names(line) == before


async def test_a_pending_result_waits_with_its_reason_until_it_is_replaced(line: Path) -> None:
    pending, reason = transcripts.NOT_READY["tencent_doing"]
    put(line, "call.json", pending)
    intake = Intake()
    async with listening(line, intake) as until:
        await until(several_looks())
        assert intake.events == []
        assert (line / "call.json.reason").read_text(encoding="ascii").strip() == reason
        put(line, "call.json", WORDS)
        await until(lambda: names(line / "processed") == ["call.json"])
    assert len(intake.events) == 1
    assert names(line) == []


@pytest.mark.parametrize("name", ["aliyun_refused", "aliyun_no_speech", "iflytek_failed", "nothing"])
async def test_a_failed_or_empty_result_is_put_aside_with_its_reason(line: Path, name: str) -> None:
    content, reason = transcripts.NOT_READY[name]
    put(line, "call.json", content)
    intake = Intake()
    async with listening(line, intake) as until:
        await until(lambda: names(line / "rejected") == ["call.json", "call.json.reason"])
    assert intake.events == []
    assert (line / "rejected" / "call.json.reason").read_text(encoding="ascii").strip() == reason


async def test_what_nobody_can_read_gets_a_number_and_is_put_aside(line: Path) -> None:
    """A021: malformed input lands in a manual queue with a number."""
    put(line, "call.json", '{"Result": {"Sent')
    intake = Intake(outcome=lambda event: Outcome.QUARANTINED)
    async with listening(line, intake) as until:
        await until(lambda: names(line / "rejected") == ["call.json", "call.json.reason"])
    [event] = intake.events
    assert isinstance(event, Unreadable)
    assert (event.problem, event.raw) == ("broken_json", b'{"Result": {"Sent')


async def test_a_file_beyond_the_limit_gets_a_number_with_its_beginning(line: Path) -> None:
    put(line, "call.txt", WORDS + "一" * 10_000)
    intake = Intake()
    async with listening(line, intake) as until:
        await until(lambda: names(line / "rejected") == ["call.txt", "call.txt.reason"])
    [event] = intake.events
    assert isinstance(event, Unreadable)
    assert event.problem == "too_large"
    assert event.raw.startswith(WORDS.encode())


async def test_nothing_leaves_the_folder_while_nothing_can_be_taken(line: Path) -> None:
    put(line, "call.txt")
    async with channel(line) as opened:
        assert opened.listener is not None
        with pytest.raises(Unavailable):
            await asyncio.wait_for(opened.listener.listen(Intake(down=True), lambda: None), 30)
    assert names(line) == ["call.txt"]


async def test_a_crash_between_commit_and_move_opens_nothing_twice(line: Path, core: Core) -> None:
    """With the real intake: the copy that is found again is known by its bytes, and filed."""
    kept = put(line, "call.txt").read_bytes()
    outcomes: list[Outcome] = []

    async def accept(events: Sequence[InboundEvent]) -> Sequence[Receipt]:
        receipts = await core.intake.accept(events)
        outcomes.extend(receipt.outcome for receipt in receipts)
        return receipts

    async with listening(line, accept) as until:
        await until(lambda: names(line / "processed") == ["call.txt"])
    put(line, "call.txt", kept)
    put(line, "the same by another name.txt", kept)
    async with listening(line, accept) as until:
        await until(lambda: len(names(line / "processed")) == 3)
    assert outcomes == [Outcome.OPENED, Outcome.DUPLICATE, Outcome.DUPLICATE]


async def test_another_call_under_a_name_that_was_used_is_put_aside(line: Path, core: Core) -> None:
    """Filed as a copy of the first nobody would ever read it, and its customer would never be answered (A021)."""
    put(line, "one.json", json.dumps({"call": {"id": "0"}, "transcript": WORDS}))
    async with listening(line, core.intake.accept) as until:
        await until(lambda: names(line / "processed") == ["one.json"])
        put(line, "two.json", json.dumps({"call": {"id": "0"}, "transcript": "客户：信用卡被盗刷"}))
        put(line, "again.json", json.dumps({"call": {"id": "0"}, "transcript": WORDS}))
        await until(lambda: names(line) == [])
    assert names(line / "processed") == ["again.json", "one.json"]
    assert names(line / "rejected") == ["two.json", "two.json.reason"]
    assert (line / "rejected" / "two.json.reason").read_text(encoding="utf-8") == "other_content\n"


async def test_a_file_of_the_same_name_does_not_replace_the_one_before(line: Path) -> None:
    intake = Intake()
    async with listening(line, intake) as until:
        for words in ("客户：一", "客户：二"):
            put(line, "call.txt", words)
            await until(lambda: names(line) == [])
    assert names(line / "processed") == ["call.txt", "call.txt.1"]
    assert len(intake.events) == 2


async def test_many_files_are_taken_in_oldest_first(line: Path) -> None:
    for at in range(120):
        path = put(line, f"{119 - at}.txt", f"客户：{at}")
        os.utime(path, (EARLIER.timestamp() + at, EARLIER.timestamp() + at))
    intake = Intake()
    async with listening(line, intake) as until:
        await until(lambda: len(names(line / "processed")) == 120)
    assert [event.text for event in intake.events if isinstance(event, InboundMessage)] == [str(n) for n in range(120)]


async def test_a_file_that_cannot_be_moved_is_not_taken_in_again(line: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    put(line, "call.txt")
    intake = Intake()
    with monkeypatch.context() as refusing:
        refusing.setattr(os, "replace", refuse)
        async with listening(line, intake) as until:
            await until(lambda: len(intake.events) == 1)
            await until(several_looks())
            refusing.undo()
            await until(lambda: names(line / "processed") == ["call.txt"])
    assert len(intake.events) == 1


async def test_a_move_that_is_cut_short_leaves_no_call_without_its_details(
    line: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read again without its sidecar it would be known by its bytes, and opened a second time."""
    replace = os.replace

    def cut_short(source: Path, target: Path) -> None:
        if source.name.endswith(".call.json"):
            raise OSError
        replace(source, target)

    monkeypatch.setattr(os, "replace", cut_short)
    put(line, "call.txt.call.json", json.dumps({"id": "c-1"}))
    put(line, "call.txt")
    intake = Intake()
    async with listening(line, intake) as until:
        await until(lambda: names(line / "processed") == ["call.txt"])
        await until(several_looks())
    assert [event.external_id for event in intake.events] == ["c-1"]


async def test_a_time_no_calendar_has_does_not_stop_the_others(line: Path) -> None:
    put(line, "old.txt", "客户：一")
    os.utime(line / "old.txt", (0, 0))
    put(line, "future.txt", "客户：二")
    os.utime(line / "future.txt", (2**33, 2**33))
    intake = Intake()
    async with listening(line, intake) as until:
        await until(lambda: len(intake.events) == 2)
    assert {event.received_at for event in intake.events} == {NOW}


async def test_the_log_says_why_but_not_whose(line: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Telephone systems put the caller's number into a file's name."""
    put(line, "13800138000.json", transcripts.NOT_READY["aliyun_running"][0])
    with caplog.at_level(logging.WARNING, "huiyin"):
        async with listening(line, Intake()) as until:
            await until(several_looks())
    [record] = caplog.records
    assert vars(record)["fields"] == {"source": "line", "reason": "transcript_pending"}
    assert "138" not in caplog.text


async def test_a_folder_that_is_missing_is_named(line: Path) -> None:
    async with channel(line / "missing") as opened:
        assert opened.probe is not None
        with pytest.raises(Unavailable, match="missing"):
            await opened.probe()


async def test_a_folder_that_cannot_be_made_is_named(line: Path) -> None:
    put(line, "a file")
    async with channel(line, processed=line / "a file" / "x") as opened:
        assert opened.probe is not None
        with pytest.raises(Misconfigured, match="a file"):
            await opened.probe()


async def test_a_file_handed_over_by_a_person_is_read_like_any_other(line: Path) -> None:
    async with channel(line) as opened:
        assert opened.reader is not None
        [filed] = opened.reader(WORDS.encode(), "call.txt")
        assert isinstance(filed.event, InboundMessage)
        assert (filed.event.text, filed.event.received_at) == ("说好保本，现在亏了", NOW)
        with pytest.raises(InvalidFile) as refused:
            opened.reader(transcripts.NOT_READY["aliyun_running"][0], "call.json")
    assert [flaw.problem for flaw in refused.value.flaws] == ["transcript_pending"]
