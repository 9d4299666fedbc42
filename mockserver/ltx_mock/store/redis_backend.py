"""Spaces in Redis or Valkey, from version 6.2, or in a cluster of them.

All keys begin with `ltx-mock:`. Those of a space share a hash tag, so that a cluster keeps them on one node. Without a
cluster a commit is one atomic script in one round trip. In a cluster, where a script may touch the keys of one space
only, a commit takes steps, and what is common to all spaces (line numbers, the index of records, news) has its own.

What survives the end of Redis is up to its configuration. Nothing acknowledged is lost with `appendonly yes`,
`appendfsync always` and `maxmemory-policy noeviction`; with `appendfsync everysec` up to two seconds are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any
from zlib import crc32

from ltx_mock.store.backend import (
    ALIVE_SECONDS,
    BackendError,
    Change,
    Committed,
    Gone,
    Line,
    Missed,
    News,
    Outcome,
)
from ltx_mock.store.redis_client import Call, RedisClient, Word, call, run
from ltx_mock.store.redis_scripts import CHECK, COMMIT, READ, REMOVE, SIGN_OF_LIFE

FORMAT = 1
"""The version of the layout of the keys."""
KEPT_NEWS = 10_000

_FORMAT = "ltx-mock:format"
_NUMBERS = "ltx-mock:line-numbers"
_NEWS = "ltx-mock:news"
_ALIVE = "ltx-mock:workers"
_INDEXES = 256


class RedisBackend:
    """Spaces in Redis. Instances, also of several processes and machines, may share a database."""

    def __init__(self, url: str) -> None:
        """Take the URL of a server, or of any node of a cluster.

        Raises:
            BackendError: the URL is not valid.
        """
        self._redis = RedisClient(url)

    async def open(self) -> None:
        """See `Backend.open`. It may be called again after it failed."""
        try:
            await self._claim()
        except BackendError:
            await self.close()
            raise

    async def _claim(self) -> None:
        await self._redis.open()
        _, found = await self._redis.call(call("SETNX", _FORMAT, FORMAT), call("GET", _FORMAT))
        if not found.isdigit():
            raise BackendError(f"Redis: the key {_FORMAT} is not from ltx-mock")
        if int(found) > FORMAT:
            raise BackendError(f"Redis: the store has format {int(found)}, this version of ltx-mock knows {FORMAT}")

    async def close(self) -> None:
        """See `Backend.close`."""
        await self._redis.close()

    async def commit(self, changes: Sequence[Change]) -> list[Outcome]:
        """See `Backend.commit`."""
        if self._redis.is_cluster:
            return await self._commit_in_steps(changes)
        return [_outcome(reply) for reply in await self._redis.call(*(_commit(each) for each in changes))]

    async def _commit_in_steps(self, changes: Sequence[Change]) -> list[Outcome]:
        """Check, index the new records and draw line numbers, commit, tell the news.

        Numbers are drawn before the commit: thus lines of one space have them in the order of its commits, and are
        written with the records. The check before saves the numbers of commits that would fail anyway.
        """
        checks = [run(CHECK, _keys(each.space), each.version, *each.records) for each in changes]
        replies = await self._redis.call(*checks)
        fresh = [position for position, reply in enumerate(replies) if reply and reply[0]]
        index = [
            call("HSET", _index(name), name, changes[position].space)
            for position in fresh
            for name in map(_text, replies[position][1])
            if changes[position].records[name]
        ]
        count = sum(len(changes[position].lines) for position in fresh)
        drawn = await self._redis.call(*index, *([call("INCRBY", _NUMBERS, count)] if count else []))
        number = drawn[-1] - count + 1 if count else 0
        commits = []
        for position in fresh:
            commits.append(_commit_at(changes[position], number if changes[position].lines else 0))
            number += len(changes[position].lines)
        for position, reply in zip(fresh, await self._redis.call(*commits), strict=True):
            replies[position] = reply
        written = [change for change, reply in zip(changes, replies, strict=True) if reply and reply[0]]
        removed = [
            call("HDEL", _index(name), name) for each in written for name, value in each.records.items() if not value
        ]
        await self._redis.call(*removed, *_tell(each.space for each in written))
        return [_outcome(reply) for reply in replies]

    async def read(self, space: str, version: int = 0) -> Missed | Gone:
        """See `Backend.read`."""
        [reply] = await self._redis.call(run(READ, _keys(space), version))
        return _missed(reply)

    async def remove(self, spaces: Sequence[str], versions: Sequence[int] | None = None) -> frozenset[str]:
        """See `Backend.remove`."""
        replies = await self._redis.call(*map(_remove, spaces, versions or repeat("")))
        removed = [space for space, reply in zip(spaces, replies, strict=True) if reply]
        names = [_text(name) for reply in replies if reply for name in reply[1]]
        await self._redis.call(*(call("HDEL", _index(name), name) for name in names), *_tell(removed))
        return frozenset(removed)

    async def lines(self, space: str, after: int = 0) -> list[Line]:
        """See `Backend.lines`."""
        [entries] = await self._redis.call(call("XRANGE", _keys(space)[3], after + 1, "+"))
        return [Line(int(number.partition(b"-")[0]), line) for number, (_, line) in entries]

    async def forget_lines(self, space: str, up_to: int) -> None:
        """See `Backend.forget_lines`."""
        await self._redis.call(call("XTRIM", _keys(space)[3], "MINID", up_to + 1))

    async def space_of(self, record: str) -> str | None:
        """See `Backend.space_of`."""
        [found] = await self._redis.call(call("HGET", _index(record), record))
        if found is None:
            return None
        space = _text(found)
        [there] = await self._redis.call(
            call("HEXISTS", _keys(space)[1], record)
        )  # in a cluster the index may be ahead
        return space if there else None

    async def news(self, position: str = "") -> News:
        """See `Backend.news`."""
        if not position:
            return News(await self._newest(), frozenset())
        [entries] = await self._redis.call(call("XRANGE", _NEWS, position, "+"))
        if entries and _text(entries[0][0]) == position:
            return News(_text(entries[-1][0]), frozenset(_text(space) for _, (_, space) in entries[1:] if space))
        return News(await self._newest(), None)

    async def _newest(self) -> str:
        """Return the position of the newest news; there is always one, so that what comes later has a predecessor."""
        [entries] = await self._redis.call(call("XREVRANGE", _NEWS, "+", "-", "COUNT", 1))
        if entries:
            return _text(entries[0][0])
        [position] = await self._redis.call(call("XADD", _NEWS, "*", "space", ""))
        return _text(position)

    async def wait_for_news(self, position: str, seconds: float) -> None:
        """See `Backend.wait_for_news`. Redis looks every 0.1 seconds whose time is over."""
        if milliseconds := round(seconds * 1000):
            words: list[Word] = ["XREAD", "COUNT", 1, "BLOCK", milliseconds, "STREAMS", _NEWS, position or "$"]
            await self._redis.call(Call(_NEWS, words), seconds=seconds)

    async def sign_of_life(self, worker: str) -> frozenset[str]:
        """See `Backend.sign_of_life`."""
        [alive] = await self._redis.call(run(SIGN_OF_LIFE, [_ALIVE], worker, round(ALIVE_SECONDS * 1000)))
        return frozenset(map(_text, alive))

    async def time_ns(self) -> int:
        """See `Backend.time_ns`. It is the time at which Redis (in a cluster: one node) executed the call."""
        [(seconds, microseconds)] = await self._redis.call(Call(_NUMBERS, ["TIME"]))
        return (int(seconds) * 1_000_000 + int(microseconds)) * 1_000


def _keys(space: str) -> list[str]:
    tag = f"ltx-mock:{{{space}}}"
    return [f"{tag}:version", f"{tag}:records", f"{tag}:versions", f"{tag}:lines"]


def _index(record: str) -> str:
    """Return the key of the hash that has the space of a record: one of many, so that a cluster can spread them."""
    return f"ltx-mock:index:{crc32(record.encode()) % _INDEXES:02x}"


def _commit(change: Change) -> Call:
    """Return the whole commit of a change, without a cluster."""
    keys = [*_keys(change.space), _NUMBERS, _NEWS, *map(_index, change.records)]
    return run(COMMIT, keys, *_arguments(change, 0), KEPT_NEWS)


def _commit_at(change: Change, first_line: int) -> Call:
    """Return the commit of a change in a cluster."""
    return run(COMMIT, _keys(change.space), *_arguments(change, first_line))


def _remove(space: str, version: Word) -> Call:
    return run(REMOVE, _keys(space), version)


def _arguments(change: Change, first_line: int) -> list[Word]:
    records = [word for record in change.records.items() for word in record]
    counts = [len(change.records), len(change.lines), first_line]
    return [change.version, change.space, *counts, *records, *change.lines]


def _tell(spaces: Iterable[str]) -> list[Call]:
    return [call("XADD", _NEWS, "MAXLEN", "~", KEPT_NEWS, "*", "space", each) for each in spaces]


def _outcome(reply: Sequence[Any]) -> Outcome:
    if reply and reply[0]:
        _, version, first_line = reply
        return Committed(version, first_line)
    return _missed(reply)


def _missed(reply: Sequence[Any]) -> Missed | Gone:
    if not reply:
        return Gone()
    _, version, names, values = reply
    return Missed(version, dict(zip(map(_text, names), values, strict=True)))


def _text(value: bytes) -> str:
    return value.decode()
