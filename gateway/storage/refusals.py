"""What the two databases answer when they refuse, in our words: BadData, Contended, Unavailable or StorageFailed.

A text never carries a value, and the cause is dropped where it may: PostgreSQL and its driver quote what they refuse.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
import sqlalchemy.exc

from gateway.errors import BadData, Contended, DiskFull, GatewayError, Misconfigured, StorageFailed, Unavailable

BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
REFUSED: Final = {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE}
AWAY: Final = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
TAKEN: Final = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}

# https://www.postgresql.org/docs/current/errcodes-appendix.html: the first two characters are the class.
DATA_CLASSES: Final = {"22", "23", "44", "54"}  # the data, a constraint, a view's check, a limit of an index or a row
UNIQUE_VIOLATION: Final = "23505"
CONTENDED_CLASS: Final = "40"  # serialization failure, deadlock
LOCK_TIMEOUT: Final = "55P03"
DISK_FULL: Final = "53100"
# No connection, credentials, no such database, resources (disk full, connections), operator (shutdown, a statement that
# took too long), system and damage.
AWAY_CLASSES: Final = {"08", "28", "3D", "53", "57", "58", "F0", "XX"}
# The driver's own, when a connection is closed or has been cut between two statements.
DRIVER_ERRORS: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError)
AWAY_STATES: Final = {"25006", "25P03"}  # a standby that only reads; we were silent in a transaction for too long


class Taken(BadData):
    """A key that must be unique is taken in this table."""

    def __init__(self, message: str = "", *, table: str) -> None:
        super().__init__(message)
        self.table = table


@contextmanager
def translated() -> Iterator[None]:
    """Turn what a driver or SQLAlchemy raises into an error of ours."""
    try:
        yield
    except (sqlalchemy.exc.DBAPIError, sqlite3.Error, asyncpg.PostgresError, *DRIVER_ERRORS) as error:
        refusal = _refusal(_driver_error(error))
        if isinstance(refusal, BadData) and not _is_sqlite(error):
            raise refusal from None
        raise refusal from error
    except sqlalchemy.exc.TimeoutError as error:
        raise Unavailable("no database connection is free") from error
    except sqlalchemy.exc.PendingRollbackError as error:  # the connection was lost before, and the block went on
        raise Unavailable("the connection to the database is lost") from error
    except OSError as error:  # also a time limit of the driver
        raise Unavailable(f"the database does not answer ({type(error).__name__})") from error
    except sqlalchemy.exc.StatementError as error:
        raise BadData from error
    except (OverflowError, UnicodeError):
        # A number too large, or half a surrogate pair (lesson 18). No cause: a UnicodeError holds the text itself.
        raise BadData from None


def _driver_error(error: BaseException) -> BaseException:
    """Return what the driver itself raised, from below SQLAlchemy's wrappings."""
    if not isinstance(error, sqlalchemy.exc.DBAPIError) or error.orig is None:
        return error
    return error.orig if _is_sqlite(error) else error.orig.__cause__ or error.orig


def _is_sqlite(error: BaseException) -> bool:
    return isinstance(getattr(error, "orig", error), sqlite3.Error)


def _refusal(error: BaseException) -> GatewayError:
    if isinstance(error, asyncpg.PostgresError):
        return _by_state(error)
    if isinstance(error, asyncpg.ClientConfigurationError):
        return Misconfigured(
            "storage.url is not a PostgreSQL address such as postgresql://huiyin@db.bank.example/huiyin"
        )
    if isinstance(error, DRIVER_ERRORS):
        return Unavailable("the connection to the database is lost")
    return _by_code(error)


def _by_state(error: asyncpg.PostgresError) -> GatewayError:
    state = error.sqlstate or ""
    name = type(error).__name__
    if state[:2] == CONTENDED_CLASS or state == LOCK_TIMEOUT:
        return Contended(f"another writer was in the way ({name})")
    if state == DISK_FULL:
        return DiskFull(f"the database cannot be used ({name})")
    if state[:2] in AWAY_CLASSES or state in AWAY_STATES:
        return Unavailable(f"the database cannot be used ({name})")
    if state[:2] in DATA_CLASSES:
        broken = getattr(error, "constraint_name", None) or name
        message = f"the database refuses a value or a key ({broken})"
        if state == UNIQUE_VIOLATION:
            return Taken(message, table=getattr(error, "table_name", None) or "")
        return BadData(message)
    return StorageFailed(f"the database did not take it ({name})")


def _by_code(error: BaseException) -> GatewayError:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return StorageFailed()
    primary = code & 0xFF  # https://sqlite.org/rescode.html: the low byte is the primary code
    if primary in BUSY:
        return Contended()
    if primary in AWAY:
        kind = DiskFull if primary == sqlite3.SQLITE_FULL else Unavailable
        return kind(f"the database cannot be used ({getattr(error, 'sqlite_errorname', code)})")
    if code in TAKEN:  # "UNIQUE constraint failed: timeline.complaint_id, timeline.seq"
        return Taken(table=str(error).partition(": ")[2].partition(".")[0])
    return BadData() if primary in REFUSED else StorageFailed()
