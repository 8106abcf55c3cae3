"""Notices: a committed row to a mail the sink has accepted, against bare aiosmtplib with ready bytes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aiosmtplib import SMTP

from adapters.email.compose import compose
from adapters.email.config import Config, Smtp
from adapters.email.outbound import SmtpSender
from bench import samples
from bench.machine import LOAD_CORE, pin
from bench.servers import clock, settings
from bench.turns import Comparison, Side, Skipped, Turn, compare, load_average
from gateway.__main__ import collect_seldom, form_for
from gateway.app import Service, service
from gateway.coordination.local import LocalCoordination
from gateway.delivery import Deliveries
from gateway.ids import new_id
from gateway.model import (
    ChannelKind,
    Contact,
    ContactType,
    InboundMessage,
    Kind,
    Language,
    NoticeFacts,
    NoticeKind,
    OutboundMessage,
)
from gateway.rendering import Rendering
from gateway.settings import Settings
from gateway.telling import lane_of

NAME, FLOOR = "notices by SMTP", "aiosmtplib, ready bytes"
TARGET = 0.60
CONNECTIONS = 10
SENDER = "service@bank.example"
CUSTOMER = Contact(type=ContactType.EMAIL, value=samples.ADDRESS, verified=True)
TOOLS = Path(__file__).parent / ".tools" / "usr"  # where the README unpacks Debian's postfix without installing it


async def measure(*, rounds: int, notices: int) -> Comparison:
    """Measure claim, hand-over and result on SQLite, in this process and on its core."""
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="huiyin-bench-"))
        port = await stack.enter_async_context(_sink())
        given = settings(Path(folder), f"sqlite:///{folder}/huiyin.db")
        running = await stack.enter_async_context(service(given, [], form_for=form_for, now=clock))
        collect_seldom()
        lane = _Lane.over(running, given, port)
        stack.push_async_callback(lane.sender.close)
        bare = _Bare(rendering=lane.rendering, config=lane.config, port=port)
        await stack.enter_async_context(bare.connected())
        sides = [
            Side(name=FLOOR, run=partial(_timed, bare.ready, bare.send, notices)),
            Side(name="gateway, SQLite", run=partial(_timed, lane.fill, lane.drain, notices), target=TARGET),
        ]
        return await compare(NAME, sides, unit="notices", rounds=rounds)


async def _timed(prepare: Callable[[int], Awaitable[None]], work: Callable[[], Awaitable[int]], count: int) -> Turn:
    await prepare(count)
    load, used, began = load_average(), time.process_time(), time.perf_counter()
    done = await work()
    seconds = time.perf_counter() - began
    if done != count:
        raise RuntimeError(f"{done} of {count} notices were sent")
    return Turn(rate=count / seconds, cpu_us=(time.process_time() - used) / count * 1e6, load=load)


@dataclass(frozen=True, slots=True)
class _Lane:
    """The gateway's e-mail lane, over complaints that were taken in while it stood still."""

    running: Service
    rendering: Rendering
    config: Config
    sender: SmtpSender
    deliveries: Deliveries

    @classmethod
    def over(cls, running: Service, given: Settings, port: int) -> _Lane:
        smtp = Smtp(host="127.0.0.1", port=port, tls="none", connections=CONNECTIONS)
        config = Config(address=SENDER, from_names={Language.ZH_HANS: "示例银行"}, smtp=smtp)
        rendering, sender = Rendering(bank=given.bank, override=None), SmtpSender(config, smtp)
        deliveries = Deliveries(
            lane=lane_of(ContactType.EMAIL),
            sender=sender,
            storage=running.storage,
            recorder=running.recorder,
            coordination=LocalCoordination(now=clock),
            now=clock,
            metrics=running.metrics,
        )
        return cls(running, rendering, config, sender, deliveries)

    async def fill(self, count: int) -> None:
        run = os.urandom(6).hex()
        for start in range(0, count, 64):
            await self.running.accept([_complaint(f"{run}.{n}") for n in range(start, min(start + 64, count))])

    async def drain(self) -> int:
        done = 0
        while claimed := await self.deliveries.run_once():
            done += claimed
        return done


class _Bare:
    """aiosmtplib as it comes, over persistent connections, each sending what is next."""

    def __init__(self, *, rendering: Rendering, config: Config, port: int) -> None:
        self._rendering = rendering
        self._config = config
        self._connections = [
            SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False) for _ in range(CONNECTIONS)
        ]
        self._ready: Sequence[bytes] = ()

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        for connection in self._connections:
            await connection.connect()
        try:
            yield
        finally:
            for connection in self._connections:
                connection.close()

    async def ready(self, count: int) -> None:
        """Render and write the same notices beforehand."""
        now = clock()
        facts = NoticeFacts(
            number="TS-261123-000123-V",
            kind=Kind.COMPLAINT,
            major=False,
            promised_at=now,
            received_at=now,
            channel=ChannelKind.APP,
            name="李华",
        )
        content = self._rendering.render(NoticeKind.ACKNOWLEDGEMENT, facts, to=CUSTOMER, language=Language.ZH_HANS)
        self._ready = [
            compose(OutboundMessage(key=new_id(now), to=CUSTOMER, content=content, created_at=now), self._config)
            for _ in range(count)
        ]

    async def send(self) -> int:
        mails = iter(self._ready)

        async def send_next(connection: SMTP) -> int:
            sent = 0
            for mail in mails:
                await connection.sendmail(SENDER, [CUSTOMER.value], mail)
                sent += 1
            return sent

        return sum(await asyncio.gather(*map(send_next, self._connections)))


def _complaint(key: str) -> InboundMessage:
    return InboundMessage(
        source="bench",
        channel=ChannelKind.APP,
        external_id=key,
        received_at=clock(),
        text=samples.TEXT,
        from_name="李华",
        contacts=(CUSTOMER,),
    )


@contextlib.asynccontextmanager
async def _sink() -> AsyncIterator[int]:
    """Run postfix's smtp-sink on the load's core; yield its port. Raises Skipped when there is none."""
    found = shutil.which(
        "smtp-sink", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", str(TOOLS / "sbin")))
    )
    if found is None:
        raise Skipped("no smtp-sink (it comes with postfix; bench/README.md says how to have it without a mail server)")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    child = await asyncio.create_subprocess_exec(
        *(found, *(("-u", "nobody") if os.geteuid() == 0 else ()), f"127.0.0.1:{port}", "100"),
        env={**os.environ, "LD_LIBRARY_PATH": str(TOOLS / "lib" / "postfix")},
        preexec_fn=partial(pin, LOAD_CORE),
    )
    try:
        await _answers(port)
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


async def _answers(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise Skipped("smtp-sink does not answer")
