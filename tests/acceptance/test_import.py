"""`huiyin import`: complaints that lie in files are taken in as of when they were received (A025, A027)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.__main__ import clock, main
from gateway.app import assembled
from gateway.import_commands import AT_ONCE
from gateway.model import ChannelKind, ClockName, Complaint
from gateway.settings import load
from tests.acceptance.terminal import said
from tests.adapters.counter.paper import LETTER, as_csv, as_workbook

SETTINGS = """
bank.telephone = "010-00000001"
bank.names = {zh-Hans = "示例银行", zh-Hant = "示例銀行", en = "ExampleBank"}
[channels.branches]
adapter = "counter"
[channels.mailbox]
adapter = "email"
address = "complaints@bank.example.com"
smtp = {host = "127.0.0.1", port = 1, tls = "none"}
"""
ZONE = ZoneInfo("Asia/Shanghai")
BRANCHES = ["--source", "branches"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    (tmp_path / "gateway.toml").write_text(SETTINGS, encoding="utf-8")
    return tmp_path


def ago(**span: float) -> datetime:
    """Return a time of the bank's wall clock, as a sheet has it."""
    return (clock() - timedelta(**span)).astimezone(ZONE).replace(microsecond=0, tzinfo=None)


def held(*numbers: str) -> Sequence[Complaint]:
    async def look() -> Sequence[Complaint]:
        async with (
            assembled(load(Path("gateway.toml"), {}), [], now=clock) as (node, _),
            node.storage.reading() as tx,
        ):
            found = await tx.complaints.by_number(numbers)
            return [found[number] for number in numbers]

    return asyncio.run(look())


def imported(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(["import", *arguments]) == status
    return said(capsys)


def numbers_in(text: str) -> list[str]:
    return re.findall(r"TS-\d{6}-\d{6}-.", text)


def test_the_paper_of_an_outage_is_taken_in_as_of_when_it_was_received(capsys: pytest.CaptureFixture[str]) -> None:
    """A025: the true time of receipt, limits counted from it, overdue is said; A027: branch and receptionist."""
    form = LETTER | {"收到方式": "离线导入", "收到时间": ago(minutes=5), "原始编号": "F-1", "网点": "0101"}
    visit = LETTER | {"收到方式": "网点柜面", "收到时间": ago(days=100), "网点": "0101", "接待人工号": "A00001"}
    Path("filled.xlsx").write_bytes(as_workbook(form, visit))
    told = imported(capsys, "filled.xlsx", *BRANCHES)
    first, second = held(*numbers_in(told))
    assert (first.channel, second.channel) == (ChannelKind.OFFLINE_IMPORT, ChannelKind.BRANCH_COUNTER)
    assert [one.received_at for one in (first, second)] == [
        line["收到时间"].replace(tzinfo=ZONE) for line in (form, visit)
    ]
    assert second.clocks[ClockName.LEGAL].due_at < clock() < first.clocks[ClockName.LEGAL].due_at
    assert second.promised_at - second.received_at < timedelta(days=15)
    row_of = dict(re.findall(r"row (\d) +TS-\S+ +opened 新立 +(.*)", told))
    assert row_of["4"].startswith("legal, ")
    assert "legal" not in row_of["3"]
    assert "1 are past the date that is promised to the customer (已超期)" in told
    assert "grade" in told


def test_what_was_taken_in_is_told_shown_and_verified_like_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    """A001, A150."""
    line = LETTER | {"收到时间": ago(days=30), "邮箱": "li@example.com", "客户姓名": "李小明"}
    Path("letters.csv").write_bytes(as_csv(line, encoding="gb18030"))
    [number] = numbers_in(imported(capsys, "letters.csv", *BRANCHES))
    assert main(["case", "show", number]) == 0
    shown = said(capsys)
    assert re.search(r"n01 +customer +sending +email queued", shown)
    assert "OVERDUE" in shown
    assert "李小明" not in shown
    assert main(["verify"]) == 0


def test_a_dry_run_says_what_would_be_and_takes_nothing_in(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_bytes(as_csv(LETTER))
    assert "1 new" in imported(capsys, "a.csv", *BRANCHES, "--dry-run")
    assert "1 new" in imported(capsys, "a.csv", *BRANCHES, "--dry-run")
    [number] = numbers_in(imported(capsys, "a.csv", *BRANCHES))
    again = imported(capsys, "a.csv", *BRANCHES, "--dry-run")
    assert numbers_in(again) == [number]
    assert "1 duplicate" in again


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_of_files_with_a_mistake_none_is_taken_in_and_all_mistakes_are_said(
    capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    """A021: whoever typed it is told each row and column at once, in two languages, and no customer is quoted."""
    Path("good.csv").write_bytes(as_csv(LETTER))
    bad = [{"收到方式": "信函", "客户姓名": "李小明"}, LETTER | {"收到时间": ago(days=-1), "联系电话": "139"}]
    Path("bad.csv").write_bytes(as_csv(*bad))
    Path("odd.xlsx").write_bytes(b"PK\x03\x04")
    told = imported(capsys, "good.csv", "bad.csv", "odd.xlsx", "none.csv", *BRANCHES, *more, status=1)
    for words in (
        "bad.csv: row 2 收到时间: required: 必填 / must be filled in",
        "bad.csv: row 2 投诉内容: required",
        "bad.csv: row 3 收到时间: in_the_future",
        "bad.csv: row 3 联系电话: not_a_phone",
        "odd.xlsx: not_a_workbook",
        "none.csv: cannot be read",
        "Nothing was taken in",
    ):
        assert words in told, words
    assert "李小明" not in told
    assert "1 opened" in imported(capsys, "good.csv", *BRANCHES)


def test_the_same_file_changes_nothing_also_with_rows_put_in_above(capsys: pytest.CaptureFixture[str]) -> None:
    """A025: an import that was cut off is run again; more than one commit's worth."""
    lines = [LETTER | {"原始编号": str(n)} for n in range(AT_ONCE + 5)]
    Path("book.csv").write_bytes(as_csv(*lines[5:]))
    first = numbers_in(imported(capsys, "book.csv", *BRANCHES))
    again = imported(capsys, "book.csv", *BRANCHES)
    assert numbers_in(again) == first
    assert f"{AT_ONCE} duplicate 重复." in again
    Path("book.csv").write_bytes(as_csv(*lines))
    grown = imported(capsys, "book.csv", *BRANCHES)
    assert numbers_in(grown)[5:] == first
    assert f"5 opened 新立, {AT_ONCE} duplicate 重复." in grown


def test_a_row_that_was_changed_since_is_not_taken_over_silently(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing that was taken in changes by being sent again: a person adds the note."""
    Path("book.csv").write_bytes(as_csv(LETTER | {"原始编号": "7"}))
    imported(capsys, "book.csv", *BRANCHES)
    Path("book.csv").write_bytes(as_csv(LETTER | {"原始编号": "7", "投诉内容": "年费是100元"}))
    assert "1 are held with other content" in imported(capsys, "book.csv", *BRANCHES, status=1)


def test_saved_mails_of_a_folder_are_taken_in_by_their_own_channel(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any adapter's files: a dated mail as of its date, one without a date as of now."""
    (folder / "mails").mkdir()
    sent = clock().replace(microsecond=0) - timedelta(days=3)
    for name, at in (("1.eml", sent), ("2.eml", None)):
        mail = EmailMessage()
        mail["From"], mail["Subject"] = "li@example.com", name
        if at:
            mail["Date"] = format_datetime(at)
        mail.set_content("年费80元没提前说，请退")
        (folder / "mails" / name).write_bytes(mail.as_bytes())
    began = clock()
    told = imported(capsys, "mails", "--source", "mailbox")
    dated, undated = held(*numbers_in(told))
    assert "1.eml" in told
    assert (dated.channel, dated.source, dated.received_at) == (ChannelKind.EMAIL, "mailbox", sent)
    assert began <= undated.received_at <= clock()
    assert "2 duplicate" in imported(capsys, "mails", "--source", "mailbox")


def test_the_template_is_written_once_and_holds_nothing_to_import(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Wrote paper.xlsx" in imported(capsys, "--template", "paper.xlsx")
    assert "is there already" in imported(capsys, "--template", "paper.xlsx", status=1)
    assert "cannot be written" in imported(capsys, "--template", "nowhere/paper.xlsx", status=1)
    assert "0 in the files" in imported(capsys, "paper.xlsx", *BRANCHES)


def test_a_source_that_is_none_and_missing_arguments_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_bytes(as_csv(LETTER))
    assert "no [channels.nobody]" in imported(capsys, "a.csv", "--source", "nobody", status=1)
    for arguments in (["a.csv"], BRANCHES, []):
        with pytest.raises(SystemExit):
            main(["import", *arguments])
        assert "--source" in said(capsys)


def test_normalise_shows_a_sheet_and_names_one_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_bytes(as_csv(LETTER))
    Path("b.csv").write_bytes(b"a,b\n")
    assert main(["normalise", "counter", "a.csv", "b.csv"]) == 0
    good, bad = said(capsys).splitlines()
    assert '"channel": "letter"' in good
    assert '"problems": ["not_the_template"]' in bad
