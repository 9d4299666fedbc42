"""Read files from untrusted paths, and write files without following links or replacing anything that is not a file."""

from __future__ import annotations

import errno
import os
import secrets
import select
import stat
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["check_writable", "new_file_beside", "open_regular", "read_file", "write_file"]

_CHUNK_BYTES: Final = 1024 * 1024
_FIRST_BYTE_SECONDS: Final = 5.0
_PIPE_SECONDS: Final = 60.0
_STREAMS: Final = ("/dev/std", "/dev/fd/", "/proc/self/fd/")
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NONBLOCKING: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def read_file(path: str | PathLike[str], *, most: int, pipes: bool = True) -> bytes:
    """Return the content of a file or a pipe.

    Args:
        path: The file. A pipe must send its first byte within 5 s, and end within a minute.
        most: The maximum size in bytes.
        pipes: Whether it may be a pipe.

    Raises:
        OSError: It cannot be read, is a folder or a device, sends nothing, or is too large; `strerror` says which.
        ValueError: The path is invalid.
    """
    handle = os.open(path, os.O_RDONLY | _NONBLOCKING)
    try:
        kind = os.fstat(handle).st_mode
        if stat.S_ISDIR(kind):
            raise _error(path, errno.EISDIR)
        if stat.S_ISFIFO(kind) and not pipes:
            raise _error(path, errno.EINVAL, "it is not a file but a pipe")
        if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind)):
            raise _error(path, errno.EINVAL, "it is not a file but a device")
        return _read_all(handle, path, most, pipe=stat.S_ISFIFO(kind))
    finally:
        os.close(handle)


def open_regular(path: str | PathLike[str], flags: int = os.O_RDONLY) -> BinaryIO:
    """Open a regular file, unbuffered, without following a link and without waiting for anybody.

    Args:
        path: The file.
        flags: How to open it, as for `os.open`: to read, or to read and write.

    Raises:
        OSError: It cannot be opened, or is a link or anything else that is no file; `strerror` says which.
        ValueError: The path is invalid.
    """
    if (kind := _kind(Path(path))) is not None and stat.S_ISLNK(kind):
        raise _error(path, errno.ELOOP, "it is a symbolic link")
    handle = os.open(path, flags | _NO_FOLLOW | _NONBLOCKING, 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _error(path, errno.EINVAL, "it exists, but is not a file")
    return os.fdopen(handle, "r+b" if flags & os.O_RDWR else "rb", buffering=0)


def new_file_beside(target: Path) -> tuple[Path, BinaryIO]:
    """Make a hidden file with a name that nobody can know before, in the folder of `target`, to be renamed to it.

    Raises:
        OSError: It cannot be made.
    """
    temporary = _temporary_path(target)
    return temporary, os.fdopen(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o666), "w+b")


def write_file(path: str | PathLike[str], content: str | bytes, *, append: bool = False) -> None:
    """Write a file atomically, so that no reader sees a part of it.

    An existing file is replaced. Anything else at the path, such as a symbolic link, a folder or a device, is an error,
    except for the streams of this process, such as `/dev/stdout`, and `/dev/null`, which are written to directly.

    Args:
        path: The file.
        content: The new content; text is written as UTF-8.
        append: Whether to append to the existing content.

    Raises:
        OSError: It cannot be written; `strerror` says why.
    """
    target, raw = Path(path), content.encode() if isinstance(content, str) else content
    kind = _kind(target)
    if _is_stream(target):
        _write(os.open(target, os.O_WRONLY | os.O_APPEND), raw)
        return
    if kind is not None and not stat.S_ISREG(kind):
        raise _error(path, errno.EINVAL, _why_no_file(kind))
    if append:
        _write(os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_FOLLOW, 0o666), raw)
        return
    try:
        _replace(target, raw, kind)
    except OSError as error:
        if kind is None or error.errno not in {errno.EACCES, errno.EPERM, errno.EBUSY, errno.EROFS}:
            raise
        # The folder is read-only, or the file is a mount point.
        _write(os.open(target, os.O_WRONLY | os.O_TRUNC | _NO_FOLLOW), raw)


def check_writable(path: str | PathLike[str]) -> None:
    """Check that a file can be written, without changing it.

    Raises:
        OSError: It cannot be written; `strerror` says why.
    """
    target = Path(path)
    kind = _kind(target)
    if _is_stream(target):
        return
    if kind is None:
        temporary = _temporary_path(target)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600))
        temporary.unlink()
    elif not stat.S_ISREG(kind):
        raise _error(path, errno.EINVAL, _why_no_file(kind))
    else:
        os.close(os.open(target, os.O_WRONLY | _NO_FOLLOW))


def _read_all(handle: int, path: str | PathLike[str], most: int, *, pipe: bool) -> bytes:
    content, end = bytearray(), monotonic() + _FIRST_BYTE_SECONDS
    while True:
        if pipe and not select.select([handle], [], [], max(0.0, end - monotonic()))[0]:
            raise _error(path, errno.ETIMEDOUT, "it is a pipe to which nobody writes")
        chunk = os.read(handle, _CHUNK_BYTES)
        if not chunk:
            return bytes(content)
        end = end if content else monotonic() + _PIPE_SECONDS
        content += chunk
        if len(content) > most:
            raise _error(path, errno.EFBIG, f"it has more than {most // 2**20} MiB")


def _replace(target: Path, raw: bytes, kind: int | None) -> None:
    temporary, opened = new_file_beside(target)
    try:
        with opened:
            if kind is not None:
                with suppress(OSError):
                    temporary.chmod(stat.S_IMODE(kind))
            opened.write(raw)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _temporary_path(target: Path) -> Path:
    return target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}")


def _write(handle: int, raw: bytes) -> None:
    with os.fdopen(handle, "wb") as opened:
        opened.write(raw)


def _is_stream(target: Path) -> bool:
    return str(target) == os.devnull or str(target).startswith(_STREAMS)


def _kind(target: Path) -> int | None:
    """Return the kind of the file at a path, without following links; None if there is none."""
    try:
        return target.lstat().st_mode
    except FileNotFoundError:
        return None


def _why_no_file(kind: int) -> str:
    if stat.S_ISLNK(kind):
        return "it is a symbolic link; name the file itself"
    return os.strerror(errno.EISDIR) if stat.S_ISDIR(kind) else "it exists, but is not a file"


def _error(path: str | PathLike[str], number: int, text: str | None = None) -> OSError:
    return OSError(number, text or os.strerror(number), os.fspath(path))
