"""Files with certificates to trust: what makes one unusable."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from os import PathLike

__all__ = ["trust_problem", "unusable_trust_file"]


def unusable_trust_file() -> str | None:
    """Return the problem with the certificates of `SSL_CERT_FILE`; None if they are usable or it is not set."""
    import ssl  # noqa: PLC0415 - plain HTTP does without

    name = os.environ.get("SSL_CERT_FILE")
    problem = trust_problem(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), name) if name else None
    return None if problem is None else f"SSL_CERT_FILE {name!r} cannot be used: {problem}"


def trust_problem(context: ssl.SSLContext, file: str | PathLike[str]) -> str | None:
    """Let a context trust the certificates in a PEM file too; return why it cannot, such as a pipe or a device."""
    import ssl  # noqa: PLC0415 - plain HTTP does without

    try:
        if Path(file).exists() and not Path(file).is_file():
            return "it is not a file"
        context.load_verify_locations(cafile=file)
    except ssl.SSLError:
        return "it holds no certificate in PEM form"
    except OSError as error:
        return error.strerror or str(error)
    return None
