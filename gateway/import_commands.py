"""The command import: complaints in files are checked as a whole and taken in, and it is said what became of each.

What a file means is its source's own business (ports.Reader, or the adapter's `read`).
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from rich.table import Table
from rich.text import Text

from gateway.app import assembled
from gateway.errors import Flaw, GatewayError, Invalid, InvalidFile, Misconfigured
from gateway.model import ClockName, Complaint, InboundEvent, InboundMessage, Outcome, Receipt
from gateway.node import Node
from gateway.ports import Channel, Filed
from gateway.settings import Settings
from gateway.terminal import Add, Terminal

Read = Callable[[bytes, str], Iterable[InboundEvent]]
Contents = Callable[[Sequence[Path]], Iterable[tuple[Path, bytes | None]]]

AT_ONCE = 50
"""Events of one commit: an import that is cut off has taken in whole ones, and goes on when it is run again."""
MOST_BYTES = 500_000_000
"""Of all files of one run: they are held until it is known that each is sound."""
OWN_TIME = timedelta(minutes=1)
"""What an import may take: what is registered at once and nothing earlier is not late."""
UNDATED = datetime.fromtimestamp(0, UTC)
"""The time of what does not say when it was received, as an adapter's `read` gives it."""
NOT_SEEN = "new"
_OPENED = (Outcome.OPENED, Outcome.PENDING_LINK, Outcome.QUARANTINED)
_WORDS = {
    NOT_SEEN: "new 未登记",
    Outcome.OPENED: "opened 新立",
    Outcome.JOINED: "joined 并入补充",
    Outcome.PENDING_LINK: "pending_link 新立待关联",
    Outcome.DUPLICATE: "duplicate 重复",
    Outcome.MACHINE: "machine 自动邮件",
    Outcome.RECORDED: "recorded 已记录",
    Outcome.QUARANTINED: "quarantined 待人工处理",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What became of one event of a file. `overdue`: the clocks whose limit had passed when it was taken in."""

    place: str
    receipt: Receipt | None  # None in a dry run, for what would be taken in
    overdue: Sequence[ClockName] = ()

    @property
    def word(self) -> str:
        if self.receipt is None:
            return _WORDS[NOT_SEEN]
        return _WORDS[self.receipt.outcome] + (", 内容不同 differs" if self.receipt.differs else "")


def add_to(
    add: Add, terminal: Terminal, *, read: Callable[[str], Read], contents: Contents, template: Callable[[], bytes]
) -> None:
    """Add the command. `read` gives an adapter's reader, `contents` what files hold, None where one cannot be read."""
    parser = add(
        "import",
        lambda options: _import(options),
        "Take in complaints that lie in files: books, letters, the paper of an outage, saved calls and mails.",
        "Every limit counts from the time of receipt in the file. A file with a mistake is named row by row, and then "
        "nothing of any file is taken in. What was taken in before is known again, so an import may be repeated.",
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="files, or folders read in name order")
    parser.add_argument("--source", metavar="NAME", help="the channel of the settings that the files belong to")
    parser.add_argument("--dry-run", action="store_true", help="read, check and compare; take nothing in")
    parser.add_argument("--template", type=Path, metavar="FILE.xlsx", help="only write the workbook to fill in")

    def _import(options: Namespace) -> int:
        if options.template is not None:
            return _write_template(options.template, template(), terminal)
        _check_usage(parser, options)
        work = _Import(options, terminal, read=read, contents=contents)
        return terminal.run(work.run(terminal.settings(options)))


def _check_usage(parser: ArgumentParser, options: Namespace) -> None:
    if not options.files or not options.source:
        parser.error("name the files and their --source, or a --template to write")


def _write_template(path: Path, content: bytes, terminal: Terminal) -> int:
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise Invalid(f"--template: {path} is there already") from None
    except OSError as error:
        raise Invalid(f"--template: {path} cannot be written: {error.strerror}") from None
    terminal.say(f"Wrote {path}. Fill in its first sheet; the second explains each column.")
    return 0


class _Import:
    """One run of the command."""

    def __init__(
        self, options: Namespace, terminal: Terminal, *, read: Callable[[str], Read], contents: Contents
    ) -> None:
        self._options = options
        self._terminal = terminal
        self._read = read
        self._contents = contents

    async def run(self, settings: Settings) -> int:
        terminal, source = self._terminal, self._options.source
        async with assembled(settings, terminal.channels(settings), now=terminal.now) as (node, opened):
            channel = next((one for one in opened if one.source == source), None)
            if channel is None:
                raise Misconfigured(f"--source: the settings have no [channels.{source}]")
            filed, flawed = self._read_all(channel)
            if flawed:
                terminal.warn("Nothing was taken in. Mend what is said above, then run the same command again.")
                return 1
            lines: list[Line] = []
            try:
                await (self._compare if self._options.dry_run else self._take_in)(node, filed, lines)
            except GatewayError:
                self._tell(lines)  # what was taken in before has its number
                raise
        return self._tell(lines)

    def _read_all(self, channel: Channel) -> tuple[Sequence[Filed], bool]:
        """Return what all files hold, and whether any has something wrong, which is said."""
        filed: list[Filed] = []
        size, flawed = 0, False
        many = len(self._options.files) > 1 or self._options.files[0].is_dir()
        for path, data in self._contents(self._options.files):
            try:
                if data is None:
                    raise Invalid("cannot be read, or is too large")
                size += len(data)
                if size > MOST_BYTES:
                    raise Invalid("more than 500 MB in one run: import in parts")
                found = _of_source(channel, self._read(channel.name), data, path.name, self._terminal.now())
                filed += [replace(one, place=f"{path.name} {one.place}".strip()) if many else one for one in found]
            except Invalid as error:
                flawed = True
                for words in _flaws(error):
                    self._terminal.warn(f"{path}: {words}")
        return filed, flawed

    async def _compare(self, node: Node, filed: Sequence[Filed], lines: list[Line]) -> None:
        """Say of each in `lines` whether it is held already."""
        with self._terminal.progress() as report:
            for done, one in enumerate(filed, 1):
                held = await node.intake.receipt_of(one.event) if isinstance(one.event, InboundMessage) else None
                lines.append(Line(place=one.place, receipt=replace(held, outcome=Outcome.DUPLICATE) if held else None))
                report("comparing", done, len(filed))

    async def _take_in(self, node: Node, filed: Sequence[Filed], lines: list[Line]) -> None:
        """Take each in and say in `lines` what became of it."""
        rest = iter(filed)
        with self._terminal.progress() as report:
            while batch := list(islice(rest, AT_ONCE)):
                receipts = await node.accept([one.event for one in batch])
                overdue = await _overdue(node, receipts)
                lines += [
                    Line(place=one.place, receipt=receipt, overdue=overdue.get(receipt.number or "", ()))
                    for one, receipt in zip(batch, receipts, strict=True)
                ]
                report("taking in", len(lines), len(filed))

    def _tell(self, lines: Sequence[Line]) -> int:
        terminal = self._terminal
        for first in range(0, len(lines), AT_ONCE):
            terminal.show(_table(lines[first : first + AT_ONCE]))
        counts = Counter(line.receipt.outcome if line.receipt else NOT_SEEN for line in lines)
        said = ", ".join(f"{count} {_WORDS[outcome]}" for outcome, count in counts.items())
        dry = "Nothing was taken in; this is what would be. " if self._options.dry_run else ""
        terminal.say(f"{dry}{len(lines)} in the files: {said or 'none'}.")
        if late := sum(1 for line in lines if ClockName.PROMISED in line.overdue):
            terminal.warn(f"{late} are past the date that is promised to the customer (已超期): call these first.")
        if any(line.receipt and line.receipt.outcome in _OPENED for line in lines):
            terminal.say("Customers are told by the running gateway. Next, 客户意见管理岗 grades each:")
            terminal.say("huiyin case do NUMBER grade --help; a referral's reference and date go on record with")
            terminal.say("huiyin case do NUMBER record_referral --help.")
        differ = sum(1 for line in lines if line.receipt and line.receipt.differs)
        if differ:
            terminal.warn(f"{differ} are held with other content, which was kept: add a note where it was wrong.")
        return 1 if differ else 0


def _of_source(channel: Channel, read: Read, data: bytes, name: str, now: datetime) -> Sequence[Filed]:
    """Return what a file holds, as of the source. What does not say when it was received counts as received now."""
    if channel.reader is not None:
        return channel.reader(data, name)
    events = [replace(event, source=channel.source) for event in read(data, name)]
    return [
        Filed(place="", event=replace(event, received_at=now) if event.received_at <= UNDATED else event)
        for event in events
    ]


def _flaws(error: Invalid) -> Iterable[str]:
    if not isinstance(error, InvalidFile):
        return [str(error)]
    return [_flaw(one) for one in error.flaws]


def _flaw(one: Flaw) -> str:
    row = f"row {one.row}" if one.row else ""
    where = " ".join(part for part in (row, one.column) if part)
    return f"{where}: {one.problem}: {one.words}" if where else f"{one.problem}: {one.words}"


async def _overdue(node: Node, receipts: Sequence[Receipt]) -> dict[str, Sequence[ClockName]]:
    """Return by number which clocks of the complaints just opened had run out before they were taken in."""
    numbers = {receipt.number for receipt in receipts if receipt.number and receipt.outcome in _OPENED}
    if not numbers:
        return {}
    async with node.storage.reading() as tx:
        complaints = await tx.complaints.by_number(numbers)
    return {number: _missed(complaint, node.now()) for number, complaint in complaints.items()}


def _missed(complaint: Complaint, now: datetime) -> Sequence[ClockName]:
    """Return the clocks that had run out before the import began, the gravest first: those with the longest term."""
    clocks = sorted(complaint.clocks.items(), key=lambda named: named[1].due_at, reverse=True)
    return [name for name, clock in clocks if clock.due_at < (clock.stopped_at or now) - OWN_TIME]


def _table(lines: Sequence[Line]) -> Table:
    table = Table("in the file", "number", "became", "overdue 已超期", box=None, pad_edge=False)
    for line in lines:
        number = (line.receipt.number if line.receipt else None) or ""
        table.add_row(*(Text(part) for part in (line.place, number, line.word, ", ".join(line.overdue))))
    return table
