"""The peer: django-helpdesk, in an environment of its own so that Django never comes into ours."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import DEVNULL, CalledProcessError, TimeoutExpired, run
from urllib.parse import urlencode

import aiohttp

from bench import samples
from bench.servers import started
from bench.turns import Skipped
from bench.wrk import Target

PACKAGES = ("django-helpdesk==2.6.1", "Django==5.2.*", "waitress==3.0.2")
HERE = Path(__file__).parent
PYTHON = HERE / ".venv" / "bin" / "python"
INSTALL_SECONDS = 300
CSRF = "0123456789abcdefghijklmnopqrstuv"  # the cookie and the field need only agree
FORM = "application/x-www-form-urlencoded"


@contextlib.asynccontextmanager
async def helpdesk(folder: Path) -> AsyncIterator[Target]:
    """Yield its public form, ready to be posted to. Raises Skipped when it cannot be installed or takes no ticket."""
    install()
    fields = {"queue": "1", "title": "转账", "body": samples.TEXT, "priority": "3", "submitter_email": samples.ADDRESS}
    body = folder / "form"
    body.write_text(urlencode({**fields, "csrfmiddlewaretoken": CSRF}), encoding="ascii")
    async with started(str(PYTHON), "-P", str(HERE / "peer_site.py"), str(folder)) as server:
        headers = {"Cookie": f"csrftoken={CSRF}"}
        target = Target(url=server.url, pid=server.pid, body=body, content_type=FORM, headers=headers)
        await _try(target)
        yield target


def install() -> None:
    """Make the environment, once. Raises Skipped when that fails, as it does without a network."""
    made = HERE / ".venv" / "made"
    if made.exists() and made.read_text() == "\n".join(PACKAGES):
        return
    try:
        run([sys.executable, "-m", "venv", str(HERE / ".venv")], check=True, timeout=INSTALL_SECONDS)
        run(
            [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES],
            check=True,
            stderr=DEVNULL,
            timeout=INSTALL_SECONDS,
        )
    except (OSError, CalledProcessError, TimeoutExpired) as error:
        raise Skipped(f"django-helpdesk could not be installed ({type(error).__name__})") from None
    made.write_text("\n".join(PACKAGES))


async def _try(target: Target) -> None:
    """Post one ticket: a form that is refused is answered 200, which the load would count as taken."""
    headers = {**target.headers, "Content-Type": target.content_type}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as client,
        client.post(target.url, data=target.body.read_bytes(), headers=headers, allow_redirects=False) as answer,
    ):
        if answer.status != 302:
            raise Skipped(f"django-helpdesk took no ticket (status {answer.status})")
