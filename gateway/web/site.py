"""The web application: its routes and what they share. It is started by whoever builds it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

from aiohttp import web

from gateway import share
from gateway.casework import Casework
from gateway.model import ContactType
from gateway.ports import Accept, Coordination, Now, Storage, Webhook
from gateway.settings import Settings
from gateway.web import api, cases, health, hooks, pages
from gateway.web.form import WebForm
from gateway.web.health import Health
from gateway.web.keys import SITE, ReceiptOf, Site
from gateway.web.middleware import around
from gateway.web.screens import Asset, Screens
from gateway.web.tokens import Sign, Tokens
from gateway.web.uploads import Uploads


def build(
    *,
    settings: Settings,
    accept: Accept,
    receipt_of: ReceiptOf,
    storage: Storage,
    coordination: Coordination,
    now: Now,
    health: Health,
    metrics: Callable[[], bytes],
    web_form: WebForm,
    casework: Casework,
    webhooks: Mapping[str, Webhook],
    senders: Collection[ContactType],
    sign: Sign,
    fault: Callable[[str, BaseException], str],
) -> web.Application:
    """Return the application, its pages compiled. `fault` logs an unexpected error of a place and returns its id.

    Run it without aiohttp's own access log, which writes addresses. Raises Misconfigured when a text is missing.
    """
    tokens = Tokens(sign)
    site = Site(
        settings=settings,
        accept=accept,
        receipt_of=receipt_of,
        storage=storage,
        coordination=coordination,
        now=now,
        web_form=web_form,
        casework=casework,
        senders=frozenset(senders),
        screens=Screens(
            loader=share.template_loader(settings.templates), bank=settings.bank, demonstration=settings.demonstration
        ),
        tokens=tokens,
        uploads=Uploads(
            storage=storage,
            tokens=tokens,
            now=now,
            files=settings.web.attachments,
            file_bytes=settings.web.attachment_bytes,
        ),
        fault=fault,
    )
    app = web.Application(middlewares=[around], client_max_size=api.MAX_BODY)
    app[SITE] = site
    app.add_routes([*_routes(site), *hooks.routes(webhooks), *_health_routes(health, metrics)])
    return app


def build_health(*, health: Health, metrics: Callable[[], bytes]) -> web.Application:
    """Return the application of a node without a site: how it is, and nothing else."""
    app = web.Application()
    app.add_routes(_health_routes(health, metrics))
    return app


def _routes(site: Site) -> list[web.RouteDef]:
    return [
        web.get("/", pages.show_form),
        web.post("/", pages.take_form),
        web.get("/complaint", pages.show_form),
        web.post("/complaint", pages.take_form),
        web.get("/received/{token}", pages.show_answer),
        web.post("/api/v1/complaints", api.post_complaint),
        web.get("/api/v1/complaints/{number}", cases.show),
        web.get("/api/v1/complaints/{number}/messages", cases.messages),
        web.get("/api/v1/complaints/{number}/timeline", cases.timeline),
        web.get("/api/v1/complaints/{number}/notices", cases.notices),
        web.post("/api/v1/complaints/{number}/commands", cases.command),
        web.post("/api/v1/complaints/{number}/unmask", cases.unmask),
        web.get("/api/v1/queue", cases.queue),
        web.get("/api/v1/calls", cases.calls),
        *(web.get(asset.path, partial(_asset, asset)) for asset in site.screens.assets),
    ]


def _health_routes(report: Health, metrics: Callable[[], bytes]) -> list[web.RouteDef]:
    async def alive(_: web.Request) -> web.Response:
        return health.alive()

    async def ready(_: web.Request) -> web.Response:
        return await health.ready(report)

    async def figures(_: web.Request) -> web.Response:
        return health.metrics(metrics())

    return [web.get("/healthz", alive), web.get("/readyz", ready), web.get("/metrics", figures)]


async def _asset(asset: Asset, _: web.Request) -> web.Response:
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return web.Response(body=asset.content, content_type=asset.media_type, charset="utf-8", headers=headers)
