"""The mailbox customers write to: Dovecot 2.3 where it is installed, else the sandbox's server in a process of its own.

    python -m bench.faults.inbox        prints its port and runs until SIGTERM

Neither is ever killed: what a mail server accepted is its own to keep.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import grp
import imaplib
import os
import pwd
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from sandbox.mailbox import mailbox
from tests.servers import free_port, short_folder

USER, PASSWORD = "complaints", "fault-run-mailbox"
START_SECONDS = 20.0
ANSWER_SECONDS = 30.0
_COUNT = re.compile(rb"MESSAGES (\d+)")

_DOVECOT = """\
base_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_fsync = never
mail_location = maildir:{folder}/mail
mail_max_userip_connections = 100
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 0
first_valid_gid = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


class Inbox:
    """A way to put mails in and to count them, by IMAP and past every link that is cut."""

    def __init__(self, port: int, program: str) -> None:
        self.port = port
        self.program = program
        self._turn = asyncio.Lock()
        self._client: imaplib.IMAP4 | None = None

    async def put(self, mails: Sequence[bytes]) -> None:
        """Have the server accept these mails, in order."""
        async with self._turn:
            await asyncio.to_thread(self._put, mails)

    async def count(self, folder: str) -> int:
        """Return how many mails a folder holds."""
        async with self._turn:
            return await asyncio.to_thread(self._count, folder)

    def _connected(self) -> imaplib.IMAP4:
        if self._client is None:
            self._client = imaplib.IMAP4("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
            self._client.login(USER, PASSWORD)
        return self._client

    def _put(self, mails: Sequence[bytes]) -> None:
        for mail in mails:
            answer, _ = self._connected().append("INBOX", "", "", mail)
            if answer != "OK":
                raise RuntimeError("the mailbox took no mail")

    def _count(self, folder: str) -> int:
        answer, said = self._connected().status(folder, "(MESSAGES)")
        found = _COUNT.search(said[0] or b"") if answer == "OK" else None
        return int(found[1]) if found else 0

    def close(self) -> None:
        if self._client is not None:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                self._client.logout()


@contextlib.asynccontextmanager
async def inbox() -> AsyncIterator[Inbox]:
    """Run the server for the block."""
    program = await _dovecot()
    async with _dovecot_running() if program else _sandbox_running() as port:
        opened = Inbox(port, f"Dovecot {program}" if program else "pymap, the sandbox's mailbox")
        try:
            yield opened
        finally:
            opened.close()


async def _dovecot() -> str | None:
    """Return the version of the Dovecot on PATH, if its settings are written as here."""
    found = shutil.which("dovecot")
    if found is None:
        return None
    said = await version_of(found)
    return said.split(" ")[0] if said.startswith("2.3.") else None


async def version_of(program: str) -> str:
    """Return the line a program says its version in."""
    process = await asyncio.create_subprocess_exec(program, "--version", stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(process.communicate(), START_SECONDS)
    return said.decode().strip()


@contextlib.asynccontextmanager
async def _dovecot_running() -> AsyncIterator[int]:
    with short_folder("mail") as folder:
        port = free_port()
        mail = folder / "mail"
        mail.mkdir()
        settings = folder / "dovecot.conf"
        settings.write_text(_DOVECOT.format(folder=folder, port=port, password=PASSWORD, **_identities(mail)))
        process = await asyncio.create_subprocess_exec("dovecot", "-F", "-c", str(settings))
        async with _ended_after(process):
            await _answers(port, process)
            yield port


def _identities(mail: Path) -> dict[str, str | int]:
    """Return who the server is: its package's users for root, whose mail is then nobody's; else us."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(mail, nobody.pw_uid, nobody.pw_gid)
        return {
            "internal": "dovecot",
            "group": "dovecot",
            "login": "dovenull",
            "uid": nobody.pw_uid,
            "gid": nobody.pw_gid,
        }
    me, group = getpass.getuser(), grp.getgrgid(os.getegid()).gr_name
    return {"internal": me, "group": group, "login": me, "uid": os.geteuid(), "gid": os.getegid()}


@contextlib.asynccontextmanager
async def _sandbox_running() -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.faults.inbox", stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    async with _ended_after(process):
        yield int(await asyncio.wait_for(process.stdout.readline(), START_SECONDS))


@contextlib.asynccontextmanager
async def _ended_after(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _answers(port: int, process: asyncio.subprocess.Process) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        if process.returncode is not None or time.monotonic() > end:
            raise RuntimeError("Dovecot did not start")
        await asyncio.sleep(0.02)


async def _serve() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with mailbox(USER, PASSWORD) as box:
        print(box.port, flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
