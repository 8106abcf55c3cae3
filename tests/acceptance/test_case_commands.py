"""`huiyin case show` and `huiyin case do`: work on a complaint from a terminal, beside whatever serves the database."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.__main__ import clock, main
from gateway.casework import COMMANDS
from tests.acceptance.office import UPHELD
from tests.acceptance.terminal import GRADE, said, taken_in
from tests.factories import message


@pytest.fixture
def number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A complaint in a database beside a settings file, in the folder the commands are run in."""
    [number] = taken_in(tmp_path, monkeypatch, message(received_at=clock(), from_name="李小明"))
    return number


def test_a_case_is_graded_and_shown_with_its_clocks_timeline_and_notices(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A049, A107: what was done, by whom, under which clause; the customer is masked (A011)."""
    assert main(["case", "do", number, "grade", *GRADE, "--as", "m-1"]) == 0
    assert re.match(rf"{number} is dispatched, version 3; promised \d{{4}}-", said(capsys))
    assert main(["case", "show", number, "--as", "m-1"]) == 0
    shown = said(capsys)
    for words in ("dispatched", "general", "李*明", "cards, h-", "S0-6(3)", "law 18", "cn.nfra-2020-3@", "graded"):
        assert words in shown, words
    assert re.search(r"n01 +customer +no_channel +email queued", shown)
    assert "reroute (mgr)" in shown
    assert "approve" not in shown
    assert "李小明" not in shown


def test_without_a_person_it_is_shown_with_what_any_role_may_do(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["case", "show", number]) == 0
    assert "grade (mgr)" in said(capsys)


def test_the_customer_is_shown_in_full_to_who_says_why(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A011, A144."""
    assert main(["case", "show", number, "--as", "r-1", "--unmask", "按登记电话回访"]) == 0
    shown = said(capsys)
    assert [words for words in ("李小明", "li@example.com", "unmasked") if words not in shown] == []
    for given, words in (
        (["--unmask", "看看"], "only those who work on the case"),  # nobody: an auditor
        (["--as", "r-1", "--unmask", " "], "--unmask: reason"),
    ):
        assert main(["case", "show", number, *given]) == 1
        assert words in said(capsys)
    assert "李小明" not in _shown(number, capsys)


def test_fields_within_a_field_lists_and_pairs_can_all_be_given(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """T16 from the terminal; T25's scores are NAME=VALUE."""
    assert main(["case", "do", number, "grade", *GRADE, "--flags", "urgent", "repeat", "--as", "m-1"]) == 0
    handler = re.search(r"cards, (h-\d)", _shown(number, capsys))
    assert handler
    me = ["--as", handler[1]]
    plan = ["name_contingency_plan", "--owner", "u-1", "--plan", "先联系客户"]
    assert main(["case", "do", number, *plan, "--as", "m-1"]) == 0
    assert main(["case", "do", number, "accept", *me]) == 0
    assert (
        main(
            [
                "case",
                "do",
                number,
                "investigate",
                "--direction",
                "流水",
                "--next_contact_at",
                (clock() + timedelta(hours=1)).isoformat(),
                *me,
            ]
        )
        == 0
    )
    proof = ["--id", "e1", "--type", "log", "--sha256", "0" * 64, "--description", "流水"]
    assert main(["case", "do", number, "add_evidence", *proof, *me]) == 0
    plan = [f"--improvement.{name}={value}" for name, value in UPHELD["improvement"].items()]
    words = [
        f"--{name}={UPHELD[name]}"
        for name in ("finding", "finding_type", "result", "findings", "cause", "measures", "feedback_plan")
    ]
    assert (
        main(["case", "do", number, "conclude", *words, *plan, "--evidence", "e1", "--basis", "办法", "合同", *me]) == 0
    )
    assert "is concluded" in said(capsys)
    assert main(["case", "do", number, "score", "--scores", "overall", "--as", "r-1"]) == 1
    assert "--scores overall=5" in said(capsys)


def test_fields_can_come_from_a_file_or_the_input(
    number: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    grading = {"kind": "complaint", "nature": "service", "level": "important", "product": "loan", "reason": "重要"}
    Path("grading.json").write_text(json.dumps(grading), encoding="utf-8")
    assert main(["case", "do", number, "grade", "--json", "grading.json", "--level", "general", "--as", "m-1"]) == 0
    assert "is triaged" in said(capsys)
    monkeypatch.setattr("sys.stdin", io.StringIO('{"text": "看过"}'))
    assert main(["case", "do", number, "note", "--json", "-", "--as", "m-1"]) == 0
    capsys.readouterr()
    for text in ("[]", "{", ""):
        Path("bad.json").write_text(text, encoding="utf-8")
        assert main(["case", "do", number, "note", "--json", "bad.json", "--as", "m-1"]) == 1
        assert said(capsys).count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["NUMBER", "grade", "--as", "m-1"], "kind: Field required"),
        (["NUMBER", "grade", *GRADE, "--as", "z-9"], "has no staff 'z-9'; it names b-1, c-1"),
        (["NUMBER", "accept", "--as", "h-1"], "no such complaint"),
        (["NUMBER", "regrade", "--level", "major", "--flags", "media", "--reason", "x", "--as", "r-1"], "not possible"),
        (["NUMBER", "clear_red_alert", "--reason", "x", "--agreed_by", "c-1", "--as", "r-1"], "is for mgr"),
        (["NUMBER", "merge", "--into", "TS-261123-000999-X", "--as", "m-1"], "into: there is no such complaint"),
        (["TS-261123-000999-X", "note", "--text", "x", "--as", "m-1"], "there is no such complaint"),
        (["NUMBER", "note", "--text", "x", "--if-version", "7", "--as", "m-1"], "it was changed meanwhile"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    number: str, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["case", "do", *(number if one == "NUMBER" else one for one in arguments)]) == 1
    line = said(capsys)
    assert words in line
    assert line.startswith("huiyin: ")
    assert line.count("\n") == 1


def test_what_happened_since_is_said_to_who_comes_late(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["case", "do", number, "note", "--text", "甲", "--as", "m-1", "--if-version", "1"]) == 0
    capsys.readouterr()
    assert main(["case", "do", number, "note", "--text", "乙", "--as", "m-1", "--if-version", "1"]) == 1
    assert "it was changed meanwhile: noted" in said(capsys)


def test_every_command_a_person_can_give_explains_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    for name, row in COMMANDS.items():
        with pytest.raises(SystemExit) as ended:
            main(["case", "do", "TS-261123-000001-X", name, "--help"])
        assert ended.value.code == 0
        shown = said(capsys)
        for field in row.command.__dataclass_fields__:
            assert f"--{field}" in shown, (name, field)


def test_a_command_nobody_can_give_is_not_understood(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["case", "do", "TS-261123-000001-X", "sound_alarm", "--as", "m-1"])
    assert ended.value.code == 2
    assert "invalid choice" in said(capsys)


def _shown(number: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(["case", "show", number]) == 0
    return said(capsys)
