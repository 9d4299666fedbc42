"""Decode content codings of a request body (RFC 9110, 8.4) with a size limit, against decompression bombs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

MAX_CODINGS = 2
"""The maximum number of nested codings."""
MAX_MEMBERS = 64
"""The maximum number of gzip members, since each copies the rest of the body."""


class EncodingError(Exception):
    """The body cannot be decoded; the text says why. `unknown` marks an unknown coding."""

    def __init__(self, message: str, *, unknown: bool) -> None:
        super().__init__(message)
        self.unknown = unknown


class TooLargeError(Exception):
    """The decoded body is over the limit."""


def decoded(headers: Iterable[tuple[bytes, bytes]], body: bytes, limit: int) -> bytes:
    """Return the body without its codings.

    Args:
        headers: The headers of the request, with lower-case names.
        body: The raw body.
        limit: The maximum size in bytes, after each coding.

    Raises:
        EncodingError: A coding is unknown, or the body does not match it.
        TooLargeError: The decoded body is longer than the limit.
    """
    named = b",".join(value for name, value in headers if name == b"content-encoding")
    if not named:
        return body
    codings = [coding.strip().lower() for coding in named.decode("latin-1").split(",")]
    codings = [coding for coding in codings if coding not in {"", "identity"}]
    for coding in codings:
        if coding not in _decoders() or len(codings) > MAX_CODINGS:
            known = ", ".join([*_decoders(), "identity"])
            raise EncodingError(
                f"Content-Encoding must be one of {known}, but is {named[:80].decode('latin-1')!r}", unknown=True
            )
    for coding in reversed(codings):
        body = _decode(coding, body, limit)
    return body


def known_codings() -> str:
    """Return the supported codings, for `Accept-Encoding`."""
    return ", ".join(_decoders())


def _decode(coding: str, body: bytes, limit: int) -> bytes:
    try:
        plain = _decoders()[coding](body, limit)
    except TooLargeError:
        raise
    except Exception:  # noqa: BLE001 - each library has errors of its own
        raise EncodingError(f"Content-Encoding is {coding}, but the body is not {coding}", unknown=False) from None
    return plain


@cache
def _decoders() -> dict[str, Callable[[bytes, int], bytes]]:
    """Return the decoder of each coding; brotli only with a library that can limit its output."""
    decoders: dict[str, Callable[[bytes, int], bytes]] = {"gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate}
    try:
        import brotli  # type: ignore[import-untyped]  # noqa: PLC0415 - nobody else needs it

        brotli.Decompressor().process(b"", output_buffer_limit=1)
    except (ImportError, TypeError):
        return decoders
    return decoders | {"br": lambda body, limit: _brotli(brotli, body, limit)}


def _gzip(body: bytes, limit: int) -> bytes:
    """Decode one or several members."""
    plain = b""
    for _ in range(MAX_MEMBERS):
        if not body:
            return plain
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        plain += _inflated(member, body, limit - len(plain))
        body = member.unused_data
    raise zlib.error(f"more than {MAX_MEMBERS} members")


def _deflate(body: bytes, limit: int) -> bytes:
    """Decode zlib's format, or a raw deflate stream, which some clients send."""
    try:
        stream = zlib.decompressobj()
        plain = _inflated(stream, body, limit)
    except zlib.error:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        plain = _inflated(stream, body, limit)
    if stream.unused_data:
        raise zlib.error("data after the end")
    return plain


def _inflated(stream: Any, body: bytes, limit: int) -> bytes:
    plain: bytes = stream.decompress(body, limit + 1)
    if len(plain) > limit:
        raise TooLargeError
    if not stream.eof:
        raise zlib.error("it has no end")
    return plain


def _brotli(library: Any, body: bytes, limit: int) -> bytes:
    stream = library.Decompressor()
    plain: bytes = stream.process(body, output_buffer_limit=limit + 1)
    while not stream.is_finished() and len(plain) <= limit:
        more = stream.process(b"", output_buffer_limit=limit + 1)
        if not more:
            raise library.error("it has no end")
        plain += more
    if len(plain) > limit:
        raise TooLargeError
    return plain
