"""What the conformance kit has to be told of a channel: `CONFORMANCE` in tests/adapters/<name>/conformance.py.

The kit itself is test_channel*.py; how a channel is added stands in docs/howto/add-a-channel.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from gateway.errors import DeliveryFailed
from gateway.model import Card, Contact, Content, Kind, Language, NoticeKind, OutboundMessage, Template, Text
from gateway.ports import HttpRequest
from tests.factories import START, outbound

SOURCE = "conformance"
PUBLIC_URL = "https://complaints.bank.example"
TAKEN = ""  # the answer of a provider that takes the message
SILENT = "silent"  # the answer that never comes

WORDS = Text(
    language=Language.ZH_HANS,
    subject="投诉受理通知",
    short="您反映的年费问题已受理",
    text="王女士，您好：\n您反映的年费问题已受理。",
    html="<p>王女士，您好：</p><p>您反映的年费问题已受理。</p>",
)
CARD = Card(
    text=WORDS,
    choices=("accept",),
    link="https://complaints.bank.example/staff/complaints/TS-261123-000123-V",
)
TEMPLATE = Template(
    notice=NoticeKind.ACKNOWLEDGEMENT,
    language=Language.ZH_HANS,
    kind=Kind.COMPLAINT,
    number="TS-261123-000123-V",
    at=START,
    received_at=START,
    promised_at=START + timedelta(days=3),
    bank="示例银行",
    telephone="010-00000001",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """How the provider calls our webhook, at START; `called` makes such a request.

    No parameter and no part of a body is in these requests that the signature is not over: the kit changes all of them.
    """

    genuine: HttpRequest  # a customer's message, signed with the first credential of `Conformance.config`
    rotated: HttpRequest  # the same message, signed with the second
    signature: str  # the header that proves it, in lower case, or the parameter of the query


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """How the provider makes sure of our address: a GET, at START."""

    genuine: HttpRequest
    wanted: bytes  # what it is to be answered
    signature: str  # the parameter that proves it


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """The simulator of a provider, running."""

    config: Callable[[float], Mapping[str, Any]]  # settings that lead to it; seconds to wait for any of its answers
    message: Callable[[str], OutboundMessage]  # a new one, which it will answer so: TAKEN, SILENT, one of `answers`
    requests: Callable[[], int]  # how often it was asked to take a message, whatever it answered
    held: Callable[[], Sequence[object]]  # what it took: equal where it was asked the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """The simulator of a provider that keeps what came, running; it holds more of it than one page."""

    config: Callable[[float], Mapping[str, Any]]  # as Provider.config
    stream: str  # which of `Feed.streams` it is held in
    held: int  # how many events
    ticket: str = ""  # what the bell brought


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The simulator of a provider that keeps files, running."""

    config: Callable[[float], Mapping[str, Any]]  # as Provider.config
    ref: Callable[[str], str]  # of a file, which it will answer for so: TAKEN, SILENT, one of `file_answers`
    requests: Callable[[], int]  # how often it was asked for a file, whatever it answered
    content: bytes  # of each file


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformance:
    """One channel as the kit sees it. What a channel does not do is left out."""

    config: Mapping[str, Any]  # settings of every role; its servers are on loopback, and nobody is there
    secrets: Sequence[str] = ()  # those in `config`, and in what `Provider.config` returns
    samples: Mapping[str, bytes] = field(default_factory=dict)  # what the source delivers, by a name; all readable
    calls: Calls | None = None  # of a webhook
    greeting: Greeting | None = None  # of a webhook that is called by GET as well
    provider: Callable[[], AbstractAsyncContextManager[Provider]] | None = None  # of a sender
    answers: Mapping[str, type[DeliveryFailed]] = field(default_factory=dict)  # what it may say, what that means
    archive: Callable[[], AbstractAsyncContextManager[Archive]] | None = None  # of a feed
    files: Callable[[], AbstractAsyncContextManager[Files]] | None = None  # of a fetcher
    file_answers: Mapping[str, type[DeliveryFailed]] = field(default_factory=dict)  # as `answers`: no Unknown


def samples(conformance_file: str, pattern: str) -> Mapping[str, bytes]:
    """Return the files of the folder samples/ beside a conformance.py."""
    return {path.name: path.read_bytes() for path in sorted(Path(conformance_file).parent.glob(f"samples/{pattern}"))}


def called(
    body: bytes,
    headers: Mapping[str, str],
    path: str = "",
    *,
    method: str = "POST",
    query: Sequence[tuple[str, str]] = (),
) -> HttpRequest:
    """Return a request to the webhook of the channel under test, as the site hands it over."""
    url = f"{PUBLIC_URL}/hooks/{SOURCE}" + (f"/{path}" if path else "")
    if query:
        url = f"{url}?{urlencode(query, errors='replace')}"
    return HttpRequest(method=method, path=path, url=url, query=tuple(query), headers=headers, body=body, at=START)


def notice(to: Contact, content: Content = WORDS) -> OutboundMessage:
    """Return a notice of its own key to this contact: WORDS, CARD or TEMPLATE."""
    return outbound(content, to)
