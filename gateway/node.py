"""The parts of one process, made over its database and channels; each is started by a method of its own.

In which order, and which of them a node runs, app.py says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from zoneinfo import ZoneInfo

from gateway import rulebook
from gateway.answering import Answering
from gateway.casework import Casework
from gateway.delivery import Deliveries
from gateway.errors import GatewayError, Misconfigured
from gateway.feeding import Bells, Feeding, stream_of
from gateway.handover import RECEIPTS, look_lane, media_lane
from gateway.intake import Intake
from gateway.leasing import Leasing
from gateway.lookups import Lookups
from gateway.loop import Loops
from gateway.media import MediaFetching
from gateway.model import ContactType
from gateway.observe import Beats, Metrics, fault
from gateway.ports import Accept, Channel, Coordination, Finder, Listener, Now, Sender, Storage, Window
from gateway.preparation import Preparation
from gateway.receipts import Receipts
from gateway.reception import Reception
from gateway.reconcile import Reconciliation
from gateway.record import TIMERS, Recorder
from gateway.redating import Redating
from gateway.rendering import Rendering
from gateway.rules.numbering import Pattern, Patterns
from gateway.rules.routing import Directory
from gateway.settings import ApiToken, Settings
from gateway.telling import lane_of
from gateway.timers import Timers
from gateway.upkeep import Upkeep
from gateway.vault import REREAD_SECONDS, MissingMaster, Vault

LANE_SECONDS = 180.0
"""A delivery lane that has not finished a round for this long is not working."""
FEED_SECONDS = 600.0
"""A feed that could not be read for this long holds customers' words that nobody has seen."""
LISTENER_SECONDS = 600.0
"""How long a listener may wait for its source to speak: IMAP IDLE is renewed every 3 to 9 minutes."""
UPKEEP_SECONDS = 15.0
MEDIA_SECONDS = 600.0
"""Four files at two minutes each, and some."""
LOOK_SECONDS = 600.0
"""A provider that cannot be asked for this long hides what became of deliveries."""
CENSUS_SECONDS = 600.0
KEYS_SECONDS = 60.0
"""A keys file that cannot be read for this long, or is not the one the database needs, is for somebody to look at."""


class Role(StrEnum):
    """What a node does, of several that serve one database."""

    WEB = "web"  # the site and the API
    WORKER = "worker"  # listeners, deliveries, upkeep; of the site only what tells how it is
    ALL = "all"


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
        windows: Mapping[ContactType, Window],
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
        self.windows = windows
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
            case_url=settings.web.case_url,
            one_way=one_way,
            windows=windows,
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

        self.casework = Casework(storage=storage, recorder=self.recorder, coordination=coordination, now=now)
        self.accept: Accept = Reception(
            intake=self.intake,
            bells=Bells(storage=storage, coordination=coordination),
            answering=Answering(storage=storage, casework=self.casework, directory=self.book.directory),
        ).accept

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
                window=self.windows.get(contact_type),
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

    def start_fetching(self, channels: Sequence[Channel]) -> None:
        for channel in channels:
            if channel.fetcher is not None:
                media = MediaFetching(
                    source=channel.source,
                    fetcher=channel.fetcher,
                    storage=self.storage,
                    now=self.now,
                    metrics=self.metrics,
                )
                name = media_lane(channel.source)
                alive = self.beats.expect(name, within=MEDIA_SECONDS)
                self.loops.start(self.loops.repeat(name, media.run_once, alive))

    def start_reconciliation(self, channels: Sequence[Channel]) -> None:
        for channel in channels:
            if channel.census is not None:
                reconciliation = Reconciliation(
                    source=channel.source,
                    census=channel.census,
                    accept=self.accept,
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
                listen = partial(_listen, channel.listener, self.accept)
                self.loops.start(self.loops.keep(name, partial(leasing.alone, name, listen), alive))

    def start_feeds(self, channels: Sequence[Channel]) -> None:
        leasing = Leasing(storage=self.storage, coordination=self.coordination, now=self.now)
        for channel in channels:
            feed = channel.feed
            for stream in feed.streams if feed is not None else ():
                assert feed is not None
                feeding = Feeding(
                    source=channel.source,
                    stream=stream,
                    feed=feed,
                    accept=self.accept,
                    storage=self.storage,
                    coordination=self.coordination,
                    now=self.now,
                )
                name = stream_of(channel.source, stream)
                alive = self.beats.expect(name, within=FEED_SECONDS)
                self.loops.start(self.loops.keep(name, partial(leasing.alone, name, feeding.run), alive))

    def fault(self, where: str, error: BaseException) -> str:
        return fault(where, error, metrics=self.metrics, now=self.now())


async def _listen(listener: Listener, accept: Accept, alive: Callable[[], None], _: int) -> None:
    await listener.listen(accept, alive)


def check_callers(tokens: Sequence[ApiToken], directory: Directory) -> None:
    """Raise Misconfigured when a token acts for somebody, or for a unit, that the directory does not know."""
    for token in tokens:
        for key, name, known in (("staff", token.staff, directory.staff), ("unit", token.unit, directory.units)):
            if name and name not in known:
                raise Misconfigured(f"web.tokens {token.name}: config/routing.toml has no {key} {name!r}")


def number_patterns(settings: Settings) -> Patterns:
    try:
        return Patterns(
            current=Pattern.parse(settings.numbers.pattern),
            old=tuple(Pattern.parse(text) for text in settings.numbers.old_patterns),
        )
    except ValueError as error:
        raise Misconfigured(f"numbers: {error}") from None
