"""The file of a backup: an SQLite database made whole or not at all. What goes into it is in copying.py."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL

from gateway.errors import Misconfigured


@contextmanager
def new_backup(path: Path) -> Iterator[str]:
    """Yield the URL of a new database, which becomes this file when the block ends well.

    Until then it lies in a folder beside it that only its owner can enter. Raises Misconfigured when the file exists or
    cannot be made.
    """
    try:
        if path.exists():
            raise FileExistsError
        with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
            made = Path(folder) / path.name
            yield url_of(made)
            made.chmod(0o600)
            _sync(made)
            os.link(made, path)  # a rename could replace a file that came meanwhile
        _sync(path.parent)
    except FileExistsError:
        raise Misconfigured(f"{path} exists: a backup never replaces a file") from None
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written: {error.strerror}") from None


def url_of(path: Path) -> str:
    """Return the database URL of a file, whatever characters are in its name."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def _sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
