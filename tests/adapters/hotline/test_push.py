"""The signed push: who is believed, what is answered, and when."""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hotline import Config, open_channel, signature
from gateway.errors import Forbidden, Invalid, Misconfigured
from gateway.model import InboundMessage, Outcome, Receipt, Speaker, Unreadable
from gateway.ports import HttpRequest, Webhook
from sandbox import transcripts
from sandbox.transcripts import Line
from tests.conftest import Core
from tests.shared import tools
from tests.unit.web.world import open_site

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
BODY = json.dumps({"call": {"id": "c-1"}, "transcript": "客户：说好保本，现在亏了"}, ensure_ascii=False).encode()


def secret(fill: int) -> str:
    return "whsec_" + b64encode(bytes([fill]) * 32).decode()


OLD, NEW, FOREIGN = secret(1), secret(2), secret(3)


async def webhook(*valid: str, files: tuple[Path, ...] = ()) -> Webhook:
    config = Config.model_validate({"push": {"secrets": valid, "secret_files": files}})
    async with open_channel(config, tools(now=lambda: NOW), "line") as channel:
        assert channel.webhook is not None
        assert channel.listener is None
        return channel.webhook


def request(headers: dict[str, str], body: bytes = BODY, *, path: str = "") -> HttpRequest:
    return HttpRequest(
        method="POST", path=path, url="https://x/hooks/line", query=(), headers=headers, body=body, at=NOW
    )


def signed(key: str, body: bytes = BODY, *, at: datetime = NOW) -> dict[str, str]:
    return transcripts.signed(key, body, message_id="msg_1", timestamp=int(at.timestamp()))


async def test_a_signed_transcript_is_taken_in_and_answered_with_its_number() -> None:
    received = (await webhook(NEW)).receive(request(signed(NEW)))
    [event] = received.events
    assert isinstance(event, InboundMessage)
    assert (event.source, event.external_id, event.text) == ("line", "c-1", "说好保本，现在亏了")
    reply = received.reply([Receipt(outcome=Outcome.OPENED, number="TS-1")])
    assert (reply.status, reply.media_type) == (200, "application/json")
    assert json.loads(reply.body) == {"number": "TS-1", "outcome": "opened"}


async def test_a_call_that_is_held_with_other_words_is_answered_so() -> None:
    """What was pushed second is not kept: only who pushed it can tell whether it was another call."""
    received = (await webhook(NEW)).receive(request(signed(NEW)))
    reply = received.reply([Receipt(outcome=Outcome.DUPLICATE, number="TS-1", differs=True)])
    assert json.loads(reply.body) == {"number": "TS-1", "outcome": "duplicate", "differs": True}


def test_the_example_of_the_specification_is_accepted() -> None:
    """Standard Webhooks, as in the Svix documentation of how to verify by hand."""
    signature.check(
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        b'{"test": 2432232314}',
        Config.model_validate({"push": {"secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}}).push.keys(),  # type: ignore[union-attr]  # there is one
        datetime.fromtimestamp(1614265330, UTC),
    )


async def test_while_a_secret_changes_both_are_accepted_from_either_side() -> None:
    hears_both, hears_new = await webhook(OLD, NEW), await webhook(NEW)
    for key in (OLD, NEW):
        assert hears_both.receive(request(signed(key))).events
    twice = signed(OLD)
    twice["webhook-signature"] = f"v1a,AAAA {twice['webhook-signature']} {signed(NEW)['webhook-signature']}"
    assert hears_new.receive(request(twice)).events


async def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{NEW}\n", encoding="utf-8")
    assert (await webhook(files=(file,))).receive(request(signed(NEW))).events


async def test_a_secret_file_that_cannot_be_read_is_said_without_what_is_in_it(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        await webhook(files=(tmp_path / "missing",))
    (tmp_path / "short").write_text("c2hvcnQ=", encoding="utf-8")
    with pytest.raises(Misconfigured, match="24 to 64") as said:
        await webhook(files=(tmp_path / "short",))
    assert "c2hvcnQ" not in str(said.value)


FORGERIES: dict[str, Callable[[dict[str, str]], object]] = {
    "another secret": lambda headers: headers.update(signed(FOREIGN)),
    "another id": lambda headers: headers.update({"webhook-id": "msg_2"}),
    "no id": lambda headers: headers.pop("webhook-id"),
    "a long id": lambda headers: headers.update({"webhook-id": "m" * 300}),
    "an id of no text": lambda headers: headers.update({"webhook-id": "\udcff"}),
    "another time": lambda headers: headers.update({"webhook-timestamp": str(int(NOW.timestamp()) + 1)}),
    "no time": lambda headers: headers.pop("webhook-timestamp"),
    "a time of no number": lambda headers: headers.update({"webhook-timestamp": "now"}),
    "other digits": lambda headers: headers.update({"webhook-timestamp": "１７９５"}),
    "a huge time": lambda headers: headers.update({"webhook-timestamp": "9" * 12}),
    "no signature": lambda headers: headers.pop("webhook-signature"),
    "an empty signature": lambda headers: headers.update({"webhook-signature": "v1,"}),
    "no base64": lambda headers: headers.update({"webhook-signature": "v1,€"}),
    "half a signature": lambda headers: headers.update({"webhook-signature": headers["webhook-signature"][:20]}),
    "another version": lambda headers: headers.update(
        {"webhook-signature": "v2" + headers["webhook-signature"].removeprefix("v1")}
    ),
    "a flood of signatures": lambda headers: headers.update(
        {"webhook-signature": "v1,AAAA " * 20 + headers["webhook-signature"]}
    ),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
async def test_a_forgery_is_refused(forge: Callable[[dict[str, str]], object]) -> None:
    headers = signed(NEW)
    forge(headers)
    with pytest.raises(Forbidden):
        (await webhook(NEW)).receive(request(headers))


@pytest.mark.parametrize("body", [BODY[:-1], BODY + b" ", b""])
async def test_a_body_that_is_not_the_signed_one_is_refused(body: bytes) -> None:
    with pytest.raises(Forbidden):
        (await webhook(NEW)).receive(request(signed(NEW), body))


@pytest.mark.parametrize(("age", "is_fresh"), [(-301, False), (-300, True), (300, True), (301, False)])
async def test_a_call_is_believed_for_five_minutes(age: int, is_fresh: bool) -> None:
    """A copy somebody made of a call cannot be replayed later; within that time it is a duplicate by its call."""
    hook = await webhook(NEW)
    call = request(signed(NEW, at=NOW - timedelta(seconds=age)))
    if is_fresh:
        assert hook.receive(call).events
    else:
        with pytest.raises(Forbidden):
            hook.receive(call)


@given(
    st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text(max_size=50), max_size=3
    ),
    st.binary(max_size=200),
)
@settings(deadline=None)
def test_no_header_makes_the_check_fail_otherwise(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Forbidden):
        signature.check(headers, body, [secrets.token_bytes(32)], NOW)


@pytest.mark.parametrize("name", transcripts.NOT_READY)
async def test_a_result_without_words_is_answered_with_its_reason_and_opens_nothing(name: str) -> None:
    """Pending: push it again when it is done. Failed or empty: there is nothing to push."""
    body, reason = transcripts.NOT_READY[name]
    received = (await webhook(NEW)).receive(request(signed(NEW, body), body))
    assert received.events == ()
    reply = received.reply(())
    assert json.loads(reply.body) == {"error": reason}
    assert reply.status == (409 if reason in ("transcript_pending", "transcript_incomplete") else 422)


async def test_a_broken_transcript_is_kept_for_a_person() -> None:
    """A021: no complaint is refused because a machine wrote it down badly."""
    body = b'{"call": {"id": "c-2"}, "transcript": {"Resu'
    [event] = (await webhook(NEW)).receive(request(signed(NEW, body), body)).events
    assert isinstance(event, Unreadable)
    assert event.raw == body


async def test_only_the_sources_own_address_is_called() -> None:
    with pytest.raises(Invalid):
        (await webhook(NEW)).receive(request(signed(NEW), path="status/01K"))


@pytest.mark.parametrize("name", transcripts.FORMATS)
async def test_an_elderly_customer_is_numbered_however_the_call_was_written_down(core: Core, name: str) -> None:
    """By HTTP to the commit: pushed twice, after a time-out perhaps, it is the same complaint."""
    lines = [
        Line(speaker=Speaker.AGENT, text="您好，请讲。", start_ms=0, end_ms=1500, confidence=0.97),
        Line(speaker=Speaker.CUSTOMER, text="说好保本，现在亏了！", start_ms=1400, end_ms=5200, confidence=0.44),
    ]
    call = {"id": "c-1", "caller": "13800138000", "started_at": core.clock().isoformat()}
    body = transcripts.envelope(transcripts.FORMATS[name](lines), **call)
    now = int(core.clock().timestamp())
    async with open_site(core, webhooks={"line": await webhook(NEW)}) as visitor:
        url = f"http://{visitor.host}:{visitor.port}/hooks/line"
        status, answer = await transcripts.push(url, NEW, body, timestamp=now)
        again = await transcripts.push(url, NEW, body, timestamp=now)
        forged = await transcripts.push(url, FOREIGN, body, timestamp=now)
        pending = await transcripts.push(url, NEW, transcripts.NOT_READY["tencent_doing"][0], timestamp=now)
    first = json.loads(answer)
    assert (status, first["outcome"]) == (200, "opened")
    assert json.loads(again[1]) == {"number": first["number"], "outcome": "duplicate"}
    assert forged == (403, b"")
    assert (pending[0], json.loads(pending[1])) == (409, {"error": "transcript_pending"})
    [event, _] = visitor.accept.events
    assert isinstance(event, InboundMessage)
    assert event.contacts[0].value == "+8613800138000"
    assert "说好保本，现在亏了！" in event.text
