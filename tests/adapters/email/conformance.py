"""What the conformance kit has to know of e-mail: its settings, the sample mails, an SMTP server that fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from gateway.errors import Permanent, Temporary, Unknown
from gateway.model import OutboundMessage
from sandbox.smtp_sink import smtp_sink
from tests.contract.channels import SILENT, TAKEN, Conformance, Provider, notice, samples
from tests.factories import email_contact

PASSWORDS = ("imap-passw0rd", "smtp-passw0rd")
ADDRESS = "complaints@bank.example"
NOBODY = {"host": "127.0.0.1", "port": 9, "tls": "none", "timeout": 5, "user": "complaints"}
RECIPIENTS = {TAKEN: "wang", SILENT: "slow"}  # the others are what the server calls its answers


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    async with smtp_sink(slow_seconds=60) as sink:

        def config(timeout: float) -> Mapping[str, Any]:
            smtp = {"host": sink.host, "port": sink.port, "tls": "none", "timeout": timeout}
            return {"address": ADDRESS, "smtp": smtp}

        def message(answer: str) -> OutboundMessage:
            return notice(email_contact(f"{RECIPIENTS.get(answer, answer)}@customer.example"))

        yield Provider(config=config, message=message, requests=lambda: sink.recipients, held=lambda: sink.received)


CONFORMANCE = Conformance(
    config={
        "address": ADDRESS,
        "imap": {**NOBODY, "password": PASSWORDS[0]},
        "smtp": {**NOBODY, "password": PASSWORDS[1]},
    },
    secrets=PASSWORDS,
    samples=samples(__file__, "*.eml"),
    provider=provider,
    answers={
        "nouser": Permanent,
        "spam": Permanent,
        "full": Temporary,
        "grey": Temporary,
        "busy": Temporary,
        "lostack": Unknown,
    },
)
