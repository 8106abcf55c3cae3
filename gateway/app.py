"""The composition root: settings and channels in, a running service out. The only file where the parts meet.

`service` is what the command line, the demonstration and the acceptance tests start alike; only the clock and the ports
differ. Adapters come in ready to be opened from gateway/__main__.py, which alone knows them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from ipaddress import ip_address
from zoneinfo import ZoneInfo

from aiohttp import web

from gateway import rulebook
from gateway.casework import Casework
from gateway.coordination.local import LocalCoordination
from gateway.coordination.redis import RedisCoordination
from gateway.delivery import Deliveries
from gateway.errors import GatewayError, Misconfigured
from gateway.handover import RECEIPTS, look_lane
from gateway.intake import Intake
from gateway.leasing import Leasing
from gateway.lookups import Lookups
from gateway.loop import Loops
from gateway.model import ContactType
from gateway.observe import Beats, Metrics, fault
from gateway.ports import Accept, Channel, Coordination, Finder, Now, Sender, Storage, Webhook
from gateway.preparation import Preparation
from gateway.readiness import Readiness
from gateway.receipts import Receipts
from gateway.reconcile import Reconciliation
from gateway.record import TIMERS, Recorder
from gateway.redating import Redating
from gateway.rendering import Rendering
from gateway.rules.numbering import Pattern, Patterns
from gateway.rules.routing import Directory
from gateway.settings import ApiToken, Settings, Web
from gateway.storage import schema
from gateway.storage.opening import open_storage
from gateway.telling import lane_of
from gateway.timers import Timers
from gateway.upkeep import Upkeep
from gateway.vault import REREAD_SECONDS, MissingMaster, Vault
from gateway.web import site
from gateway.web.form import WebForm

OpenChannel = AbstractAsyncContextManager[Channel]
FormFor = Callable[[Collection[ContactType]], WebForm]

LANE_SECONDS = 180.0
"""A delivery lane that has not finished a round for this long is not working."""
LISTENER_SECONDS = 600.0
"""How long a listener may wait for its source to speak: IMAP IDLE is renewed every 3 to 9 minutes."""
UPKEEP_SECONDS = 15.0
LOOK_SECONDS = 600.0
"""A provider that cannot be asked for this long hides what became of deliveries."""
CENSUS_SECONDS = 600.0
KEYS_SECONDS = 60.0
"""A keys file that cannot be read for this long, or is not the one the database needs, is for somebody to look at."""
GRACE_SECONDS = 10.0


class Role(StrEnum):
    """What a node does, of several that serve one database."""

    WEB = "web"  # the site and the API
    WORKER = "worker"  # listeners, deliveries, upkeep; of the site only what tells how it is
    ALL = "all"


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
        port = await stack.enter_async_context(listening(node.site(form_for, role, webhooks_of(opened)), settings))
        if role is not Role.WEB:
            node.start_listeners(opened)
            node.start_reconciliation(opened)
        yield Service(
            accept=node.intake.accept,
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
        opened = [await stack.enter_async_context(channel) for channel in channels]
        metrics = Metrics()
        node = Node(
            settings,
            vault=vault,
            storage=storage,
            coordination=await stack.enter_async_context(coordinating(settings, metrics, now)),
            metrics=metrics,
            senders=senders_of(opened),
            one_way=tuple(prefix for one in opened for prefix in one.one_way),
            finders={one.serves: one.finder for one in opened if one.serves and one.finder},
            now=now,
        )
        stack.push_async_callback(node.intake.close)
        yield node, opened


class Node:
    """The parts of one process, made and started in the order `service` says."""

    def __init__(
        self,
        settings: Settings,
        *,
        vault: Vault,
        storage: Storage,
        coordination: Coordination,
        metrics: Metrics,
        senders: Mapping[ContactType, Sender],
        finders: Mapping[ContactType, Finder],
        one_way: tuple[str, ...],
        now: Now,
    ) -> None:
        rendering = Rendering(bank=settings.bank, override=settings.templates)
        rendering.check()
        patterns = number_patterns(settings)
        self.settings = settings
        self.vault = vault
        self.storage = storage
        self.senders = senders
        self.finders = finders
        self.now = now
        self.book = rulebook.load(zone=settings.bank.zone, override=settings.config)
        check_callers(settings.web.tokens, self.book.directory)
        self.metrics = metrics
        self.beats = Beats(seconds=asyncio.get_running_loop().time)
        self.coordination = coordination
        self.loops = Loops(coordination=coordination, now=now, metrics=metrics)
        self.recorder = Recorder(
            rendering=rendering,
            audit_key=vault.audit_key,
            served=senders,
            policy=self.book.policy,
            calendar=self.book.calendar,
            directory=self.book.directory,
            public_url=settings.web.public_url.rstrip("/"),
            one_way=one_way,
        )
        self.intake = Intake(
            storage=storage,
            preparation=Preparation(
                vault=vault, policy=self.book.policy, calendar=self.book.calendar, patterns=patterns, now=now
            ),
            recorder=self.recorder,
            patterns=patterns,
            coordination=self.coordination,
            zone=ZoneInfo(settings.bank.zone),
            now=now,
            metrics=self.metrics,
            most=settings.intake.batch,
            room=settings.intake.queue,
        )

    @property
    def casework(self) -> Casework:
        return Casework(storage=self.storage, recorder=self.recorder, coordination=self.coordination, now=self.now)

    def start_keys(self) -> None:
        async def look() -> int:
            self.vault.refresh()
            try:
                await self.storage.check()  # a row under the pending master key tells the vault that it is at work
            except MissingMaster:
                raise
            except GatewayError:
                pass  # the database is away: what /readyz says of the storage
            return 0

        alive = self.beats.expect("keys", within=KEYS_SECONDS)
        self.loops.start(self.loops.repeat("keys", look, alive, poll=REREAD_SECONDS))

    def start_upkeep(self) -> None:
        upkeep = Upkeep(
            storage=self.storage,
            calendar=self.book.calendar,
            metrics=self.metrics,
            show_ages=partial(self.beats.show, self.metrics),
            now=self.now,
        )
        alive = self.beats.expect("upkeep", within=4 * UPKEEP_SECONDS)
        self.loops.start(self.loops.repeat("upkeep", upkeep.run_once, alive, poll=UPKEEP_SECONDS))

    def start_timers(self) -> None:
        timers = Timers(
            storage=self.storage,
            recorder=self.recorder,
            coordination=self.coordination,
            now=self.now,
            metrics=self.metrics,
        )
        alive = self.beats.expect(TIMERS, within=LANE_SECONDS)
        self.loops.start(self.loops.repeat(TIMERS, timers.run_once, alive))

    def start_redating(self) -> None:
        redating = Redating(
            storage=self.storage,
            recorder=self.recorder,
            coordination=self.coordination,
            now=self.now,
            metrics=self.metrics,
        )
        alive = self.beats.expect("redating", within=LANE_SECONDS)
        self.loops.start(self.loops.repeat("redating", redating.run_once, alive, poll=UPKEEP_SECONDS))

    def start_deliveries(self) -> None:
        for contact_type, sender in self.senders.items():
            lane = lane_of(contact_type)
            deliveries = Deliveries(
                lane=lane,
                sender=sender,
                finder=self.finders.get(contact_type),
                storage=self.storage,
                recorder=self.recorder,
                coordination=self.coordination,
                now=self.now,
                metrics=self.metrics,
            )
            alive = self.beats.expect(lane, within=LANE_SECONDS)
            self.loops.start(self.loops.repeat(lane, deliveries.run_once, alive))

    def start_receipts(self) -> None:
        receipts = Receipts(
            storage=self.storage,
            recorder=self.recorder,
            coordination=self.coordination,
            now=self.now,
            metrics=self.metrics,
        )
        alive = self.beats.expect(RECEIPTS, within=LANE_SECONDS)
        self.loops.start(self.loops.repeat(RECEIPTS, receipts.run_once, alive))
        for contact_type, finder in self.finders.items():
            lane = lane_of(contact_type)
            lookups = Lookups(
                lane=lane,
                finder=finder,
                storage=self.storage,
                coordination=self.coordination,
                now=self.now,
                metrics=self.metrics,
            )
            name = look_lane(lane)
            alive = self.beats.expect(name, within=LOOK_SECONDS, needed=False)
            self.loops.start(self.loops.repeat(name, lookups.run_once, alive, poll=UPKEEP_SECONDS))

    def start_reconciliation(self, channels: Sequence[Channel]) -> None:
        for channel in channels:
            if channel.census is not None:
                reconciliation = Reconciliation(
                    source=channel.source,
                    census=channel.census,
                    accept=self.intake.accept,
                    storage=self.storage,
                    now=self.now,
                    metrics=self.metrics,
                )
                name = f"census:{channel.source}"
                alive = self.beats.expect(name, within=3 * CENSUS_SECONDS, needed=False)
                step = self.loops.repeat(name, reconciliation.run_once, alive, poll=CENSUS_SECONDS)
                self.loops.start(step)

    def start_listeners(self, channels: Sequence[Channel]) -> None:
        leasing = Leasing(storage=self.storage, coordination=self.coordination, now=self.now)
        for channel in channels:
            if channel.listener is not None:
                name = f"listen:{channel.source}"
                alive = self.beats.expect(name, within=LISTENER_SECONDS)
                listen = partial(leasing.alone, name, partial(channel.listener.listen, self.intake.accept))
                self.loops.start(self.loops.keep(name, listen, alive))

    def site(self, form_for: FormFor, role: Role, webhooks: Mapping[str, Webhook]) -> web.Application:
        readiness = Readiness(
            storage=self.storage,
            beats=self.beats,
            calendar=self.book.calendar,
            room_left=self.intake.room_left,
            hints={"redis": self.coordination.answers} if isinstance(self.coordination, RedisCoordination) else {},
            now=self.now,
        )
        if role is Role.WORKER:
            return site.build_health(health=readiness, metrics=self.metrics.render)
        return site.build(
            settings=self.settings,
            accept=self.intake.accept,
            receipt_of=self.intake.receipt_of,
            storage=self.storage,
            coordination=self.coordination,
            now=self.now,
            health=readiness,
            metrics=self.metrics.render,
            web_form=form_for(self.senders),
            casework=self.casework,
            webhooks=webhooks,
            senders=frozenset(self.senders),
            sign=partial(self.vault.sign, "web"),
            fault=self.fault,
        )

    def fault(self, where: str, error: BaseException) -> str:
        return fault(where, error, metrics=self.metrics, now=self.now())


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


def check_callers(tokens: Sequence[ApiToken], directory: Directory) -> None:
    """Raise Misconfigured when a token acts for somebody, or for a unit, that the directory does not know."""
    for token in tokens:
        for key, name, known in (("staff", token.staff, directory.staff), ("unit", token.unit, directory.units)):
            if name and name not in known:
                raise Misconfigured(f"web.tokens {token.name}: config/routing.toml has no {key} {name!r}")


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


def number_patterns(settings: Settings) -> Patterns:
    try:
        return Patterns(
            current=Pattern.parse(settings.numbers.pattern),
            old=tuple(Pattern.parse(text) for text in settings.numbers.old_patterns),
        )
    except ValueError as error:
        raise Misconfigured(f"numbers: {error}") from None


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
