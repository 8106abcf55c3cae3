"""The commands: what they print, what they do with bad input, and that they say what to do next."""

from __future__ import annotations

import json
from email.message import EmailMessage
from pathlib import Path

import pytest

from gateway.__main__ import main

FIELDS = [
    "file",
    "channel",
    "external_id",
    "from_address",
    "from_name",
    "to",
    "subject",
    "text",
    "reply_text",
    "attachments",
    "message_id",
    "in_reply_to",
    "references",
    "sent_at",
    "machine",
    "bounced",
    "recording",
    "turns",
    "problems",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mail(folder: Path, name: str, text: str) -> Path:
    message = EmailMessage()
    message["From"] = "王芳 <wang@example.com>"
    message["Subject"] = "投诉"
    message.set_content(text)
    message.add_attachment(b"%PDF-1.4\n", maintype="application", subtype="pdf", filename="回单.pdf")
    path = folder / name
    path.write_bytes(message.as_bytes())
    return path


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_normalise_prints_one_object_a_file_in_order_with_every_field(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [mail(folder, name, f"正文{name}") for name in ("b.eml", "a.eml")]
    assert main(["normalise", "email", *map(str, paths)]) == 0
    first, second = lines(capsys)
    assert list(first) == FIELDS
    assert [first["file"], second["file"]] == [str(path) for path in paths]
    assert (first["from_address"], first["from_name"], first["subject"]) == ("wang@example.com", "王芳", "投诉")
    assert str(first["text"]).strip() == "正文b.eml"
    assert first["attachments"] == [{"name": "回单.pdf", "size": 9, "type": "application/pdf"}]
    assert (first["channel"], first["machine"], first["turns"]) == ("email", None, [])


def test_normalise_reads_folders_in_name_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inner = folder / "mails"
    inner.mkdir()
    for name in ("2.eml", "1.eml"):
        mail(inner, name, "正文")
    assert main(["normalise", "email", str(inner)]) == 0
    assert [str(line["file"])[-5:] for line in lines(capsys)] == ["1.eml", "2.eml"]


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", "正文".encode("utf-16"), b"From: \xd6\xd0\n\n\xed\xa0\x80"])
def test_normalise_never_fails_on_bad_input(folder: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    (folder / "bad.eml").write_bytes(content)
    assert main(["normalise", "email", "bad.eml", "there-is-no-such-file.eml"]) == 0
    bad, absent = lines(capsys)
    assert bad["file"] == "bad.eml"
    assert absent == {"file": "there-is-no-such-file.eml", "channel": "email", "problems": ["file_not_read"]}


def test_check_in_an_empty_folder_says_that_it_is_ready_to_serve(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check"]) == 0
    assert "Ready to serve." in capsys.readouterr().out


def test_check_names_the_setting_that_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "gateway.toml").write_text('[bank]\ntelephone = "010-00000001"\nnames = {en = "B"}\ncolour = "red"\n')
    assert main(["check"]) == 1
    said = capsys.readouterr().err
    assert "bank.colour" in said
    assert "zh-Hans" in said


def test_check_names_the_channel_that_does_not_answer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "gateway.toml").write_text(
        'bank.telephone = "010-00000001"\nbank.names = {zh-Hans = "一", zh-Hant = "一", en = "B"}\n'
        '[channels.mailbox]\nadapter = "email"\naddress = "a@example.com"\n'
        'smtp = {host = "127.0.0.1", port = 1, tls = "none"}\n'
    )
    assert main(["check"]) == 1
    assert "Mend" in capsys.readouterr().out


def test_check_says_what_serve_would_refuse_two_senders_to_the_same_contacts(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    smtp = 'smtp = {host = "127.0.0.1", port = 1, tls = "none"}\n'
    (folder / "gateway.toml").write_text(
        'bank.telephone = "010-00000001"\nbank.names = {zh-Hans = "一", zh-Hant = "一", en = "B"}\n'
        f'[channels.one]\nadapter = "email"\naddress = "a@example.com"\n{smtp}'
        f'[channels.two]\nadapter = "email"\naddress = "b@example.com"\n{smtp}'
    )
    assert main(["check"]) == 1
    assert "two channels send to email: two is the second" in capsys.readouterr().out


def test_an_unknown_adapter_is_named_with_those_that_exist(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "gateway.toml").write_text(
        'bank.telephone = "010-00000001"\nbank.names = {zh-Hans = "一", zh-Hant = "一", en = "B"}\n'
        '[channels.fax]\nadapter = "fax"\n'
    )
    assert main(["check"]) == 1
    assert "channels.fax: adapter must be one of counter, email" in capsys.readouterr().out


def test_migrate_may_be_repeated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate"]) == 0
    assert main(["migrate"]) == 0
    assert "already" in capsys.readouterr().out


def test_a_database_made_by_migrate_can_be_served(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate"]) == 0
    assert main(["check"]) == 0


def test_a_settings_file_that_cannot_be_read_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(folder), "check"]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_a_record_is_one_line_whatever_it_holds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mail(folder, "odd.eml", "一\u2028二\x85三")
    assert main(["normalise", "email", "odd.eml"]) == 0
    assert len(lines(capsys)) == 1


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["serve"],
        ["migrate"],
        ["check"],
        ["backup"],
        ["restore"],
        ["move"],
        ["verify"],
        ["keys", "rotate"],
        ["case", "show"],
        ["case", "do"],
        ["normalise"],
    ],
)
def test_every_command_explains_itself(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert len(capsys.readouterr().out) > 150
