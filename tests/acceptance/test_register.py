"""What leaves the gateway's files by the terminal: the register of complaints (客户投诉登记表), a case."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway import dossier, register
from gateway.__main__ import clock, main
from gateway.case_commands import OPERATOR
from gateway.casework import Casefile
from gateway.model import Actor, Role
from tests.acceptance.office import Office
from tests.acceptance.terminal import GRADE, said, taken_in
from tests.acceptance.world import text_of, until
from tests.factories import email_contact, message

MANY = 105  # more than one page
TODAY = clock().astimezone(ZoneInfo("Asia/Shanghai")).date()
DAYS = ["--from", str(TODAY - timedelta(days=1)), "--to", str(TODAY + timedelta(days=1))]


@pytest.fixture
def numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Complaints of as many customers, one of whom has a formula for a name."""
    names = ['=HYPERLINK("http://x")', *(f"李小{n:03}明" for n in range(MANY - 1))]
    messages = [
        message(received_at=clock(), from_name=name, contacts=(email_contact(f"c{n}@example.com"),))
        for n, name in enumerate(names)
    ]
    return taken_in(tmp_path, monkeypatch, *messages)


def test_the_register_of_some_days_is_written_for_a_spreadsheet(
    numbers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A128, A137, A011: every complaint once, in order; customers masked; nothing is a formula."""
    assert main(["case", "do", numbers[0], "grade", *GRADE, "--as", "m-1"]) == 0
    assert main(["case", "register", *DAYS, "--csv", "register.csv"]) == 0
    assert f"Wrote {MANY} complaints" in said(capsys)
    written = Path("register.csv").read_bytes()
    assert written.startswith(b"\xef\xbb\xbf")
    lines = list(csv.DictReader(written.decode("utf-8-sig").splitlines()))
    assert tuple(lines[0]) == register.COLUMNS
    assert sorted(one["number"] for one in lines) == sorted(numbers)
    graded = next(one for one in lines if one["number"] == numbers[0])
    assert (graded["unit"], graded["state"], graded["product"]) == ("cards", "dispatched", "credit_card")
    assert graded["customer"].startswith("'=*")
    assert "小" not in written.decode()
    assert main(["case", "register", *DAYS, "--csv", "register.csv"]) == 1
    assert "is there already" in said(capsys)


def test_the_register_is_printed_and_each_sees_their_own_units(
    numbers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A128, A144."""
    assert main(["case", "do", numbers[0], "grade", *GRADE, "--as", "m-1"]) == 0
    capsys.readouterr()
    for staff, count in (("m-1", MANY), ("u-1", 1), ("u-2", 0)):
        assert main(["case", "register", *DAYS, "--as", staff]) == 0
        assert said(capsys).count("TS-") == count, staff


def test_days_that_cannot_be_are_refused(numbers: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["case", "register", "--from", "2026-11-23", "--to", "2026-11-22"]) == 1
    assert "before --from" in said(capsys)
    for day in ("2026-02-30", "9999-12-31", "yesterday"):
        with pytest.raises(SystemExit):
            main(["case", "register", "--from", "2026-11-23", "--to", day])
    assert main(["case", "register", "--from", "2025-01-01", "--to", "2025-12-31", "--csv", "empty.csv"]) == 0
    assert Path("empty.csv").read_text(encoding="utf-8-sig").count("\n") == 1


def exported(folder: str, suffix: str) -> str:
    [path] = Path(folder).glob(f"*.{suffix}")
    assert re.fullmatch(r"TS-\d{6}-\d{6}-.-\d{8}-dossier\.\w+", path.name)
    return path.read_text(encoding="utf-8")


def test_a_case_is_handed_out_whole_and_its_chain_verified(
    numbers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A126, A030, A011: what was written, told, tried and done; for reading nothing is left out."""
    number, name = numbers[1], "李小000明"
    assert main(["case", "do", number, "grade", *GRADE, "--as", "m-1"]) == 0
    assert main(["case", "do", number, "note", "--text", "第一行\n第二行", "--as", "m-1"]) == 0
    for folder in ("masked", "plain"):
        Path(folder).mkdir()
    assert main(["case", "export", number, "--to", "masked"]) == 0
    held = json.loads(exported("masked", "json"))
    assert held["chain"] == {"entries": 4, "head": held["timeline"][-1]["mac"], "holds": True}
    assert [one["event"] for one in held["timeline"]] == ["opened", "graded", "dispatched", "noted"]
    assert [one["text"] for one in held["messages"]] == ["年费80元没提前说，请退"]
    assert {one["recipient"].partition(":")[0] for one in held["notices"]} >= {"customer", "hnd"}
    [told, *_] = [one["deliveries"] for one in held["notices"] if one["recipient"] == "customer"]
    assert (number in told[0]["text"], told[0]["attempts"]) == (True, [])
    assert (held["case"]["evidence"], held["case"]["approvals"]) == ([], [])
    for suffix in ("json", "txt"):
        assert name not in exported("masked", suffix)
        assert "c1@example.com" not in exported("masked", suffix)
    read = exported("masked", "txt")
    assert [line for one in told for line in one["text"].split() if line not in read] == []
    assert "text: 第一行\n" in read
    capsys.readouterr()
    assert main(["case", "export", number, "--to", "plain", "--as", "m-1", "--unmask", "监管调阅"]) == 0
    plain = json.loads(exported("plain", "json"))
    assert (plain["case"]["customer"], plain["case"]["contacts"][0]["value"]) == (name, "c1@example.com")
    assert plain["timeline"][-1]["private"] == {"reason": "监管调阅"}
    assert main(["case", "export", number, "--to", "masked"]) == 1
    assert "is there already" in said(capsys)
    assert main(["case", "export", number, "--to", "nowhere"]) == 1
    assert "cannot be written" in said(capsys)


def test_a_case_whose_timeline_was_changed_is_handed_out_and_called_broken(
    numbers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A126, A150."""
    with closing(sqlite3.connect("huiyin.db")) as database, database:
        database.execute(
            "UPDATE timeline SET actor = 'h-9' WHERE complaint_id = (SELECT id FROM complaints WHERE number = ?)",
            [numbers[0]],
        )
    assert main(["case", "export", numbers[0], "--to", "."]) == 1
    assert json.loads(exported(".", "json"))["chain"]["holds"] is False
    assert "does not verify" in said(capsys)


async def test_a_dossier_has_the_evidence_the_signatures_every_receipt_and_the_customers_word(office: Office) -> None:
    """A126: what a complaint about the handling is answered with."""
    li = office.customer()
    number = await li.complains()
    await office.replied(number)
    await li.replies(number, "认可")
    await office.becomes(number, "resolved")
    await li.hears(number, "满意")
    assert office.world.running is not None
    casework = office.world.running.casework

    async def all_sent() -> Casefile | None:
        file = await casework.show(number, OPERATOR)
        return file if {one.state for one in file.deliveries if one.contact_id} == {"sent"} else None

    file = await until(all_sent)
    whole = dossier.contents(file, OPERATOR, plain=False, at=office.world.clock(), holds=casework.holds(file))
    held = json.loads(dossier.as_json(whole))
    assert held["chain"]["holds"] is True
    assert [(one["type"], one["sha256"]) for one in held["case"]["evidence"]] == [("log", "0" * 64)]
    assert held["case"]["approvals"] == [{"role": "uh", "by": "u-1"}]
    assert [one["text"].strip() for one in held["messages"]] == ["年费80元没提前说，请退", "认可"]
    assert "confirmed" in [one["event"] for one in held["timeline"]]
    sent = [way for one in held["notices"] if one["recipient"] == "customer" for way in one["deliveries"]]
    assert [text_of(mail) for mail in li.mails(number) if "李小明" in text_of(mail)] != []
    assert [way for way in sent if [one["outcome"] for one in way["attempts"]] != ["sent"]] == []
    assert len(sent) == len(li.mails(number))
    assert "李小明" not in str(held)
    read = dossier.as_text(whole, ZoneInfo("Asia/Shanghai"))
    for words in ("u-1", "0" * 64, "收费流水", "开卡时没有说明年费", *(way["key"] for way in sent)):
        assert words in read, words


async def test_a_dossier_for_whom_an_exact_amount_is_no_business_of_has_none(office: Office) -> None:
    """A126, A012, C13: the outcome names it in full, so its text is not shown either."""
    number = await office.customer().complains()
    await office.replied(number, compensation={"amount": "1234.50", "currency": "CNY", "arrival": "2026-12-02"})
    assert office.world.running is not None
    casework = office.world.running.casework
    cp = Actor(id="c-1", roles=frozenset({Role.CP}))
    for actor, shown in ((OPERATOR, False), (cp, True)):
        file = await casework.show(number, actor)
        whole = dossier.contents(file, actor, plain=False, at=office.world.clock(), holds=True)
        for text in (str(json.loads(dossier.as_json(whole))), dossier.as_text(whole, ZoneInfo("Asia/Shanghai"))):
            assert ("1234.50" in text or "1,234.50" in text) is shown, actor.id
