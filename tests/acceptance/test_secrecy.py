"""Personal data stays sealed: planted in every way in, looked for wherever it could leak to (A146)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.acceptance.world import World, hidden_fields, until

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-the-bank-app"

NAME = "欧阳锦绣"
TEXT = "柜台的灰色雨伞不见了"
BRANCH = "望京西园支行"
FILE = "身份证正面照"
FILE_TEXT = "这是附件里的话"
MOBILE = "13912345678"
ADDRESSES = ("planted.mail@example.com", "nouser-planted@example.com", "planted.form@example.com")
SECRETS = ("739164", "6222021234567890128", "482913")
PLANTED = (NAME, TEXT, BRANCH, FILE, FILE_TEXT, MOBILE, *ADDRESSES, *SECRETS, TOKEN, "sandbox-imap-password")
MAIL = f"{TEXT}。我的密码是739164，验证码：482913，卡号6222021234567890128，电话{MOBILE}"


@asynccontextmanager
async def served(world: World) -> AsyncIterator[str]:
    """Run `huiyin serve` as an operator does, its output into a file; yield its address."""
    settings = world.folder / "gateway.toml"
    settings.write_text(_toml(world))
    with (world.folder / "output.log").open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "gateway", "--config", str(settings), "serve"],
            cwd=world.folder,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            stdout=output,
            stderr=output,
        )
        try:
            yield await until(lambda: _address(world), patience=60)
        finally:
            child.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(child.wait(), 30) == 0  # a clean stop


async def test_nothing_planted_is_found_in_database_logs_metrics_or_errors(world: World) -> None:
    answers: list[str] = []
    async with served(world) as site, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as client:
        for address in ADDRESSES[:2]:
            await world.emails(f"{NAME} <{address}>", MAIL, Subject=f"{TEXT} 密码739164")
        await world.box.append(f"From: {NAME}\x00{TEXT}".encode() + b"\xff\x00", world.clock())
        await _form(client, site)
        answers += await _api(client, site)
        await world.mail_to(ADDRESSES[0])
        await world.mail_to(ADDRESSES[2])
        await world.emptied()
        for page in ("metrics", "readyz", "healthz"):
            async with client.get(f"{site}/{page}") as answer:
                answers.append(await answer.text())
        live = _files(world.folder)  # the write-ahead log is gone after a clean stop
        assert any(path.name.endswith("-wal") for path in live)
        _assert_absent({path.name: path.read_bytes() for path in live})
    _assert_absent({path.name: path.read_bytes() for path in _files(world.folder)})
    _assert_absent({f"answer {n}": answer.encode() for n, answer in enumerate(answers)})


async def test_what_is_kept_can_still_be_read_with_the_keys(world: World) -> None:
    """The counterpart: the test above would also pass if nothing were kept."""
    async with world.gateway():
        await world.emails(f"{NAME} <{ADDRESSES[0]}>", TEXT)
        told = await world.mail_to(ADDRESSES[0])
        [held] = await world.messages(str(told["Subject"]).split("]")[0].strip("["))
        assert held.body["text"].strip() == TEXT  # type: ignore[attr-defined]  # JSON text
        assert held.body["from_name"] == NAME


@pytest.mark.parametrize("secret", SECRETS)
async def test_a_secret_is_not_even_kept_sealed(world: World, secret: str) -> None:
    """domain D.3."""
    async with world.gateway():
        await world.emails(ADDRESSES[0], MAIL)
        told = await world.mail_to(ADDRESSES[0])
        [held] = await world.messages(str(told["Subject"]).split("]")[0].strip("["))
        assert secret not in str(held)


async def _form(client: aiohttp.ClientSession, site: str) -> None:
    async with client.get(site) as page:
        fields = hidden_fields(await page.text())
    form = aiohttp.FormData()
    for name, value in {**fields, "name": NAME, "contact": ADDRESSES[2], "text": MAIL, "branch": BRANCH}.items():
        form.add_field(name, value, content_type="text/plain")
    form.add_field("files", FILE_TEXT.encode(), filename=f"{FILE}.txt", content_type="text/plain")
    async with client.post(site, data=form) as answer:
        assert answer.status == 200, await answer.text()
        assert "/received/" in str(answer.url)
        assert NAME not in str(answer.url)


async def _api(client: aiohttp.ClientSession, site: str) -> list[str]:
    """Send right and wrong requests; return the texts of the answers."""
    url, good = f"{site}/api/v1/complaints", {"text": MAIL, "name": NAME, "contacts": [_contact("mobile", MOBILE)]}
    bad: list[tuple[dict[str, str], object]] = [
        ({"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "k1"}, good),
        ({"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "k1"}, {**good, "text": TEXT}),
        ({"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "k2"}, {**good, "surprise": NAME}),
        ({"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "k3"}, {"text": TEXT, "channel": NAME}),
        (
            {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "k4"},
            {"text": "x", "contacts": [_contact("email", NAME)]},
        ),
        ({"Authorization": "Bearer wrong", "Idempotency-Key": "k5"}, good),
        ({"Authorization": f"Bearer {TOKEN}"}, good),
    ]
    answers = []
    for headers, body in bad:
        async with client.post(url, json=body, headers=headers) as answer:
            answers.append(await answer.text())
    async with client.post(url, data=MAIL.encode(), headers=bad[0][0]) as answer:
        answers.append(await answer.text())
    return answers


def _contact(kind: str, value: str) -> dict[str, str]:
    return {"type": kind, "value": value}


def _files(folder: Path) -> list[Path]:
    """Everything the gateway wrote; its own settings and keys hold secrets by design."""
    return [path for path in folder.iterdir() if path.is_file() and path.suffix not in (".toml", ".keys")]


def _assert_absent(contents: dict[str, bytes]) -> None:
    found = [
        (place, planted)
        for place, content in contents.items()
        for planted in PLANTED
        for encoding in ("utf-8", "utf-16-le", "gb18030")
        if planted.encode(encoding) in content or json.dumps(planted).strip('"').encode() in content
    ]
    assert found == []


def _address(world: World) -> str | None:
    for word in (world.folder / "output.log").read_text().split():
        if word.startswith("http://127.0.0.1"):
            return word
    return None


def _toml(world: World) -> str:
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    return f"""
bank.telephone = "010-00000001"
bank.names = {{ zh-Hans = "示例银行", zh-Hant = "示例銀行", en = "ExampleBank" }}
storage.url = "sqlite:///{world.folder}/huiyin.db"
storage.keys_file = "{world.folder}/huiyin.keys"
web.port = 0
web.tokens = [{{ name = "app", sha256 = "{digest}" }}]
[channels.complaints-mailbox]
adapter = "email"
address = "complaints@bank.example.com"
smtp = {{ host = "127.0.0.1", port = {world.sink.port}, tls = "none" }}
[channels.complaints-mailbox.imap]
host = "127.0.0.1"
port = {world.box.port}
tls = "none"
user = "complaints"
password = "sandbox-imap-password"
"""
