"""The database that a sweep's trials are kept in: how it is reached, and what is said when it cannot be."""

from __future__ import annotations

import contextlib
import fcntl
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from sparsecomp.errors import InputError, ToolError

ATTEMPTS = 5  # at making the tables of a database that other workers make as well
UNREACHABLE = (SQLAlchemyError, optuna.exceptions.StorageInternalError)


def sqlite_url(path: Path) -> str:
    """The URL of a database in one file."""
    return sqlalchemy.URL.create("sqlite", database=str(path.absolute())).render_as_string(hide_password=False)


def connect(url: sqlalchemy.URL, heartbeat: int, silence: int) -> optuna.storages.RDBStorage:
    """The database behind ``url``, with the tables of a study. A running trial without a sign of life for ``silence``
    seconds counts as dead there; ``heartbeat`` is how often there should be one.
    """
    text = url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")  # optuna fills a template
    options = {"connect_args": {"timeout": 60}} if _is_sqlite(url) else {"pool_pre_ping": True}
    for attempt in range(ATTEMPTS):
        try:
            with quiet():
                return optuna.storages.RDBStorage(
                    text, engine_kwargs=options, heartbeat_interval=heartbeat, grace_period=silence
                )
        except UNREACHABLE:
            # Workers that make the tables at the same moment get into each other's way.
            if attempt == ATTEMPTS - 1 or not _reachable(url, options):
                raise
            time.sleep(0.2 * 2**attempt)
    raise AssertionError


def _is_sqlite(url: sqlalchemy.URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _reachable(url: sqlalchemy.URL, options: Mapping[str, Any]) -> bool:
    engine = sqlalchemy.create_engine(url, **options)
    try:
        with engine.connect() as connection:
            sqlalchemy.inspect(connection).get_table_names()
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()
    return True


class Turn:
    """Lets one worker at a time do what the body does, by a file beside an SQLite database, which has no lock on a row:
    two workers could take the same trial. Other databases have such locks, and nothing is done.
    """

    def __init__(self, url: sqlalchemy.URL) -> None:
        self._path: Path | None = None
        if _is_sqlite(url):
            if not url.database or url.database == ":memory:":
                raise InputError("a database in memory is gone with its worker", "name a file: sqlite:///sweep.db")
            path = Path(url.database).absolute()
            # Not the database itself: closing it would drop the locks that SQLite holds on it.
            self._path = path.with_name(f".{path.name}.lock")

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        if self._path is None:
            yield
            return
        with open(self._path, "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # gone with the process, however it ends
            yield


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Optuna's log and its warnings about what is experimental stay off the terminal."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)


@contextlib.contextmanager
def storage_errors(url: str | sqlalchemy.URL) -> Iterator[None]:
    """What a database may raise, as InputError for a wrong URL and ToolError for the rest; never with the password."""
    try:
        yield
    except (ArgumentError, NoSuchModuleError) as error:
        raise InputError(
            "the storage is not the URL of a database that is known here",
            "sqlite:///sweep.db, or postgresql+psycopg://USER@HOST/DATABASE",
        ) from error
    except ImportError as error:
        raise InputError(
            "the driver of that database is not installed", "for PostgreSQL: pip install 'psycopg[binary]'"
        ) from error
    except UNREACHABLE as error:
        cause = error if isinstance(error, SQLAlchemyError) else error.__cause__ or error
        raise _unusable(url, str(getattr(cause, "orig", None) or cause).splitlines()[0]) from error
    except OSError as error:
        raise _unusable(url, (error.strerror or str(error)).lower()) from error
    except RuntimeError as error:  # of another release of optuna
        if "schema" not in str(error):
            raise
        raise ToolError(
            "the database was made by another release of optuna", "optuna storage upgrade --storage URL"
        ) from error


def _unusable(url: str | sqlalchemy.URL, reason: str) -> ToolError:
    shown = url if isinstance(url, str) else url.render_as_string()
    return ToolError(
        f"the database {shown} cannot be used: {reason}",
        "look whether it is there, whole and may be written to, then run again: nothing that finished is lost",
    )
