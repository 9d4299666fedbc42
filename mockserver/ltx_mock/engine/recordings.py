"""The recordings that a tenant replays: read from the folder of its settings, and found by request."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ltx_mock.core.cause import UNRECORDED, Cause
from ltx_mock.core.settings import Settings
from ltx_mock.engine import responses
from ltx_mock.engine.responses import ApiResponse
from ltx_mock.errors import SettingsError
from ltx_mock.store.tenant import Tenant

if TYPE_CHECKING:
    from ltx_mock_contracts.recordings import Matcher, Nearest, Recording, Recordings

MAX_SHOWN = 10
"""So many differences from the nearest recording are shown."""
Signature = tuple[tuple[str, int, int], ...]


class _Folder:
    """What was read from a folder.

    Attributes:
        signature: The files as they were.
        content: What was read.
        generation: That of the newest tenant for which the folder was looked at.
    """

    def __init__(self, signature: Signature, content: Recordings) -> None:
        self.signature, self.content = signature, content
        self.generation = 0
        self._matchers: dict[tuple[str, ...], Matcher] = {}

    def matcher(self, ignored: tuple[str, ...]) -> Matcher:
        """Return the recordings by request, for fields that may differ."""
        if ignored not in self._matchers:
            from ltx_mock_contracts.recordings import Matcher  # noqa: PLC0415 - most servers have no recordings

            self._matchers[ignored] = Matcher(self.content.recordings, ignored)
        return self._matchers[ignored]


class RecordingFolders:
    """The folders of recordings of all tenants. A folder is read again for a new tenant if it has changed."""

    def __init__(self) -> None:
        self._folders: dict[str, _Folder] = {}

    def read(self, folder: str | os.PathLike[str]) -> Recordings:
        """Read a folder.

        Raises:
            SettingsError: it is no folder.
        """
        if not Path(folder).is_dir():
            raise SettingsError(f"recordings must be a folder, but {str(folder)!r} is none", "recordings")
        return self._current(str(folder)).content

    def prepare(self, settings: Settings) -> None:
        """Read the folder of some settings, which takes long if it has thousands of recordings.

        Raises:
            SettingsError: it is no folder.
        """
        if settings.recordings is not None:
            self.read(settings.recordings)
            self._folders[str(settings.recordings)].matcher(settings.match_ignore)

    def take(self, tenant: Tenant, raw: bytes) -> Recording | None:
        """Return the recording to replay for the body of a generateTask, and note that it is. A part of a unit of work.

        Several recordings of the same request are replayed in turn, and the last again and again.
        """
        found = {each.name: each for each in self._matcher(tenant).equal(raw, tenant.key)}
        return found[tenant.take_recording(list(found))] if found else None

    def has(self, tenant: Tenant, raw: bytes) -> bool:
        """Tell whether there is a recording of the body of a generateTask."""
        return bool(self._matcher(tenant).equal(raw, tenant.key))

    def nothing(self, tenant: Tenant, raw: bytes) -> ApiResponse:
        """Return the 404 for a request that no recording equals, with the differences from the nearest."""
        nearest = self._matcher(tenant).nearest(raw, tenant.key)
        why = "there are no recordings" if nearest is None else _described(nearest)
        message = f"{UNRECORDED}; {why}"
        return responses.error(404, message[0].upper() + message[1:], cause=Cause("recording", message))

    def _matcher(self, tenant: Tenant) -> Matcher:
        path, ignored = str(tenant.settings.recordings), tenant.settings.match_ignore
        folder = self._folders.get(path)
        if folder is None or folder.generation < tenant.generation:
            folder = self._current(path)
            folder.generation = tenant.generation
        return folder.matcher(ignored)

    def _current(self, path: str) -> _Folder:
        """Return a folder as it is now."""
        signature, known = _signature(path), self._folders.get(path)
        if known is None or known.signature != signature:
            known = self._folders[path] = _read(path, signature)
        return known


def _described(nearest: Nearest) -> str:
    shown = [each.message for each in nearest.differences[:MAX_SHOWN]]
    more = len(nearest.differences) - len(shown)
    return f"the nearest is {nearest.recording.name}: {'; '.join(shown)}{f'; and {more} more' if more else ''}"


def _read(path: str, signature: Signature) -> _Folder:
    from ltx_mock_contracts.recordings import RecordingError, Recordings, read_recordings  # noqa: PLC0415 - see above

    try:
        return _Folder(signature, read_recordings(path))
    except RecordingError as error:
        return _Folder(signature, Recordings(Path(path), (), (str(error),)))


def _signature(path: str) -> Signature:
    """Return names, sizes and times of the files of a folder; nothing if it cannot be read."""
    try:
        with os.scandir(path) as files:
            found = [(each.name, each.stat()) for each in files if each.name.endswith(".json")]
    except OSError:
        return ()
    return tuple(sorted((name, about.st_size, about.st_mtime_ns) for name, about in found))
