"""A page that shows what customers received by mail in the sandbox. Loopback only; no part of the gateway."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiohttp import web

from sandbox.smtp_sink import Received

PAGE = """<!doctype html>
<html lang="zh-Hans">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="5">
<title>客户收到的邮件</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.6 system-ui, "Noto Sans CJK SC", sans-serif }}
body {{ max-width: 46rem; margin: 2rem auto; padding: 0 1rem }}
article {{ border: 1px solid #8884; border-radius: .75rem; padding: 1rem 1.25rem; margin: 1rem 0 }}
h2 {{ font-size: 1.05rem; margin: 0 0 .25rem }}
dl {{ margin: 0; color: #767676; font-size: .9rem }}
dt, dd {{ display: inline; margin: 0 }}
dd::after {{ content: ""; display: block }}
pre {{ white-space: pre-wrap; font: inherit }}
</style>
<h1>客户收到的邮件</h1>
<p>演示环境：这些邮件没有离开这台电脑。</p>
{mails}
</html>
"""
ARTICLE = "<article><h2>{subject}</h2><dl>{head}</dl><pre>{text}</pre></article>"


@asynccontextmanager
async def outbox(received: Callable[[], Sequence[Received]], *, port: int) -> AsyncIterator[int]:
    """Serve the page on loopback; yield its port."""

    async def show(_: web.Request) -> web.Response:
        mails = "".join(_article(mail) for mail in reversed(received())) or "<p>还没有邮件 · No mail yet</p>"
        page = PAGE.format(mails=mails)
        return web.Response(text=page, content_type="text/html", headers={"Cache-Control": "no-store"})

    app = web.Application()
    app.router.add_get("/", show)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _article(mail: Received) -> str:
    parsed = message_from_bytes(mail.raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    body = parsed.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    head = "".join(
        f"<dt>{word} </dt><dd>{html.escape(str(value))}</dd>"
        for word, value in (("收件人", mail.rcpt), ("发件人", parsed["From"]), ("时间", parsed["Date"]))
    )
    return ARTICLE.format(subject=html.escape(str(parsed["Subject"])), head=head, text=html.escape(text))
