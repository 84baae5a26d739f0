"""Facts cached by what produced them: engine, collector, tools, rules, path and content.

One SQLite file under the user's cache folder. An entry carries the digest of its own bytes; one that does not match is
dropped and computed again. The cache can only save time: whatever goes wrong with it, the audit goes on without it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from strictreal.model import canonical, digest

MAX_BYTES = 512 * 1024 * 1024


class Cache:
    """Blobs by key. `Cache(None)` remembers nothing.

    Attributes:
        damaged: how many entries failed their digest and were dropped.
        trouble: why nothing can be remembered; "" when it can.
    """

    def __init__(self, folder: Path | None) -> None:
        self.damaged = 0
        self._path = folder / "facts.sqlite" if folder else None
        self.trouble = ""
        self._database: sqlite3.Connection | None = None
        self._connect()

    def _connect(self) -> None:
        if not self._path:
            return
        try:
            self._database = _connect(self._path)
        except (sqlite3.Error, OSError) as error:  # locked, read-only, a full disk: another run's file, or nobody's
            self.trouble = f"no cache in {self._path.parent}: {error}"

    @staticmethod
    def key(*parts: str) -> str:
        """SHA-256 over the parts, unambiguous whatever they contain."""
        return digest(canonical(list(parts)))

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The entries that exist and are whole."""
        found: dict[str, bytes] = {}
        if not self._database:
            return found
        wanted = list(keys)
        try:
            for start in range(0, len(wanted), 500):
                part = wanted[start : start + 500]
                marks = ",".join("?" * len(part))
                query = f"SELECT key, sha256, blob FROM fact WHERE key IN ({marks})"  # noqa: S608  (marks only)
                rows = self._database.execute(query, part)
                for key, expected, blob in rows:
                    if digest(key.encode() + blob) == expected:
                        found[key] = blob
                    else:
                        self.damaged += 1
        except sqlite3.OperationalError:
            self.damaged += 1  # another run has it locked, or the disk failed: do without
        except (sqlite3.Error, TypeError, AttributeError, UnicodeDecodeError):
            self.damaged += 1
            self._renew()
        return found

    def _renew(self) -> None:
        """Begin again with an empty database, since this one is not whole."""
        self.close()
        if self._path:
            _remove(self._path)
            self._connect()

    def put_many(self, entries: Mapping[str, bytes]) -> None:
        """Remember; silently not, when the disk or another run is in the way."""
        if not self._database or not entries:
            return
        rows = [(key, digest(key.encode() + blob), blob) for key, blob in entries.items()]
        with suppress(sqlite3.Error, UnicodeDecodeError), self._database:
            self._database.executemany("INSERT OR REPLACE INTO fact (key, sha256, blob) VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        if self._database:
            self._database.close()
            self._database = None


def _connect(path: Path) -> sqlite3.Connection:
    """The database at `path`, made anew when it is damaged or has grown too large."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists() and path.stat().st_size > MAX_BYTES:
        _remove(path)
    try:
        return _open(path)
    except sqlite3.OperationalError:
        raise
    except (sqlite3.DatabaseError, UnicodeDecodeError):  # its complaint may quote damaged bytes
        _remove(path)
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=2)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=OFF")
        database.execute("CREATE TABLE IF NOT EXISTS fact (key TEXT PRIMARY KEY, sha256 TEXT, blob BLOB) WITHOUT ROWID")
    except BaseException:
        database.close()
        raise
    return database


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        with suppress(OSError):
            path.with_name(path.name + suffix).unlink()
