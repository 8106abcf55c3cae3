"""The composition root: settings and channels in, a running service out. The only file where the parts meet.

`service` is what the command line, the demonstration and the acceptance tests start alike; only the clock and the ports
differ. Adapters come in ready to be opened from gateway/__main__.py, which alone knows them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

from aiohttp import web

from gateway.casework import Casework
from gateway.coordination.local import LocalCoordination
from gateway.coordination.redis import RedisCoordination
from gateway.errors import Misconfigured
from gateway.model import ContactType
from gateway.node import Node, Role
from gateway.observe import Metrics, fault
from gateway.ports import Accept, Channel, Coordination, Now, Sender, Shared, Storage, Webhook
from gateway.readiness import Readiness
from gateway.record import Recorder
from gateway.settings import Settings, Web
from gateway.sharing import Sharing
from gateway.storage import schema
from gateway.storage.opening import open_storage
from gateway.vault import Vault
from gateway.web import site
from gateway.web.form import WebForm

OpenChannel = Callable[[Shared], AbstractAsyncContextManager[Channel]]
FormFor = Callable[[Collection[ContactType]], WebForm]

GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running gateway."""

    accept: Accept
    casework: Casework
    recorder: Recorder
    storage: Storage
    coordination: Coordination
    metrics: Metrics
    vault: Vault
    served: frozenset[ContactType]
    port: int  # where the web site listens


@asynccontextmanager
async def service(
    settings: Settings, channels: Sequence[OpenChannel], *, form_for: FormFor, now: Now, role: Role = Role.ALL
) -> AsyncIterator[Service]:
    """Start what the role says; yield when complaints can come in; stop cleanly on the way out.

    Stopping goes backwards: the web site takes nothing new, listeners end and a round of deliveries is finished and
    recorded, what was handed in is committed. Raises Misconfigured with what to change.
    """
    if role is not Role.WORKER:
        refuse_plain_http(settings.web)
    async with AsyncExitStack() as stack:
        node, opened = await stack.enter_async_context(assembled(settings, channels, now=now))
        await stack.enter_async_context(node.loops)
        node.start_keys()
        if role is not Role.WEB:
            node.start_upkeep()
            node.start_timers()
            node.start_redating()
            node.start_deliveries()
            node.start_receipts()
            node.start_fetching(opened)
        port = await stack.enter_async_context(listening(site_of(node, form_for, role, webhooks_of(opened)), settings))
        if role is not Role.WEB:
            node.start_listeners(opened)
            node.start_feeds(opened)
            node.start_reconciliation(opened)
        yield Service(
            accept=node.accept,
            casework=node.casework,
            recorder=node.recorder,
            storage=node.storage,
            coordination=node.coordination,
            metrics=node.metrics,
            vault=node.vault,
            served=frozenset(node.senders),
            port=port,
        )


@asynccontextmanager
async def assembled(
    settings: Settings, channels: Sequence[OpenChannel], *, now: Now
) -> AsyncIterator[tuple[Node, Sequence[Channel]]]:
    """Open database and channels and yield the parts made over them; none of them runs by itself yet.

    Leaving commits what was handed in. Raises Misconfigured with what to change.
    """
    vault = await open_vault(settings)
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(settings.storage.location(), vault))
        await storage.check()
        metrics = Metrics()
        coordination = await stack.enter_async_context(coordinating(settings, metrics, now))
        shared = Sharing(storage=storage, coordination=coordination, now=now)
        opened = [await stack.enter_async_context(channel(shared)) for channel in channels]
        node = Node(
            settings,
            vault=vault,
            storage=storage,
            coordination=coordination,
            metrics=metrics,
            senders=senders_of(opened),
            one_way=tuple(prefix for one in opened for prefix in one.one_way),
            windows={one.serves: one.window for one in opened if one.serves and one.window},
            finders={one.serves: one.finder for one in opened if one.serves and one.finder},
            now=now,
        )
        stack.push_async_callback(node.intake.close)
        yield node, opened


def site_of(node: Node, form_for: FormFor, role: Role, webhooks: Mapping[str, Webhook]) -> web.Application:
    readiness = Readiness(
        storage=node.storage,
        beats=node.beats,
        calendar=node.book.calendar,
        room_left=node.intake.room_left,
        hints={"redis": node.coordination.answers} if isinstance(node.coordination, RedisCoordination) else {},
        now=node.now,
    )
    if role is Role.WORKER:
        return site.build_health(health=readiness, metrics=node.metrics.render)
    return site.build(
        settings=node.settings,
        accept=node.accept,
        receipt_of=node.intake.receipt_of,
        storage=node.storage,
        coordination=node.coordination,
        now=node.now,
        health=readiness,
        metrics=node.metrics.render,
        web_form=form_for(node.senders),
        casework=node.casework,
        webhooks=webhooks,
        senders=frozenset(node.senders),
        sign=partial(node.vault.sign, "web"),
        fault=node.fault,
    )


@asynccontextmanager
async def coordinating(settings: Settings, metrics: Metrics, now: Now) -> AsyncIterator[Coordination]:
    """Yield what the nodes hear of each other by: Redis where it is named, whether it answers or not."""

    def failed(error: Exception, first: bool) -> None:
        if first:
            fault("redis", error, metrics=metrics, now=now())
        else:
            metrics.faults.labels("redis").inc()

    url = settings.redis.location()
    if not url:
        yield LocalCoordination(now=now, nodes=settings.nodes)
        return
    async with RedisCoordination.open(
        url, prefix=settings.redis.prefix, nodes=settings.nodes, now=now, failed=failed
    ) as coordination:
        yield coordination


def refuse_plain_http(settings: Web) -> None:
    """Raise Misconfigured when customers' words could come over the network in the clear, and nobody said they may."""
    behind_tls = settings.public_url.startswith("https:") and any(
        not network.is_loopback for network in settings.trusted_proxies
    )
    if _is_loopback(settings.host) or behind_tls or settings.insecure:
        return
    raise Misconfigured(
        f"web.host {settings.host} would take complaints over plain HTTP from other machines. Keep it on 127.0.0.1 "
        "behind a proxy that speaks TLS; or name such a proxy in web.trusted_proxies and its https address in "
        "web.public_url; or, if plain HTTP is meant, say web.insecure = true"
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


async def set_up(settings: Settings) -> None:
    """Make the keys, if there are none yet, and bring the database to this version."""
    if not settings.storage.keys_file.exists():
        Vault.create(settings.storage.keys_file)  # first: a set-up that is cut off between the two can be repeated
    await schema.migrate(settings.storage.location())


async def open_vault(settings: Settings) -> Vault:
    """Load the keys. An SQLite database that does not exist yet is made, with its keys.

    Raises Misconfigured when the database exists and the keys are missing: new keys could not open it. A shared
    database is set up by `huiyin migrate` only: two nodes that start together would each make keys of their own.
    """
    path, url = settings.storage.keys_file, settings.storage.location()
    if url.startswith("sqlite") and await schema.current(url) is None:
        await set_up(settings)
    if not path.exists():
        raise Misconfigured(f"the keys file {path} is missing: restore or copy it; huiyin migrate makes a first one")
    return Vault.load(path)


def senders_of(channels: Sequence[Channel]) -> Mapping[ContactType, Sender]:
    """Return which sender reaches each type of contact. Raises Misconfigured when two claim the same."""
    senders: dict[ContactType, Sender] = {}
    for channel in channels:
        if channel.sender is None or channel.serves is None:
            continue
        if channel.serves in senders:
            raise Misconfigured(f"two channels send to {channel.serves.value}: {channel.source} is the second")
        senders[channel.serves] = channel.sender
    return senders


def webhooks_of(channels: Sequence[Channel]) -> Mapping[str, Webhook]:
    return {channel.source: channel.webhook for channel in channels if channel.webhook is not None}


@asynccontextmanager
async def listening(application: web.Application, settings: Settings) -> AsyncIterator[int]:
    """Serve the application; yield the port (of use when the settings say 0)."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=GRACE_SECONDS)
    await runner.setup()
    try:
        tcp = web.TCPSite(runner, settings.web.host, settings.web.port)
        try:
            await tcp.start()
        except OSError as error:
            where = f"{settings.web.host}:{settings.web.port}"
            raise Misconfigured(f"the web site cannot listen on {where}: {error.strerror}") from None
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
