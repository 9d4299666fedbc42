"""TLS contexts for receivers and image servers, and hints for untrusted certificates."""

from __future__ import annotations

import os
import ssl
from typing import Final

from ltx_mock.errors import SettingsError
from ltx_mock_contracts.io.trust import trust_problem, unusable_trust_file

_TRUST_VARIABLES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_OF_ANOTHER_NAME: Final = {62, 64}  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED


def trusting(ca_file: str | os.PathLike[str] | None) -> ssl.SSLContext:
    """Return a client context that trusts the system's authorities and those in a PEM file.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the system's. A self-signed certificate may be trusted without an
    authority, and need not follow RFC 5280 strictly.

    Raises:
        SettingsError: the file cannot be read, or contains no certificate.
    """
    context = ssl.create_default_context()
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not context.get_ca_certs() and not any(map(os.environ.get, _TRUST_VARIABLES)):
        import certifi  # noqa: PLC0415 - seldom needed; httpx brings it along

        context.load_verify_locations(cafile=certifi.where())
    if ca_file is not None and (problem := trust_problem(context, ca_file)):
        raise SettingsError(f"ca_file {os.fspath(ca_file)!r} cannot be used: {problem}")
    return context


def why_refused(error: ssl.SSLCertVerificationError) -> str:
    """Return why a certificate is refused, and what to do about it."""
    if error.verify_code in _OF_ANOTHER_NAME:
        return f"{error.verify_message} use a host name that is in the certificate".replace(". ", "; ")
    if error.verify_code == _EXPIRED:
        return f"{error.verify_message}; create a new certificate"
    if problem := unusable_trust_file():
        return f"{error.verify_message}; {problem}"
    return f"{error.verify_message}; give the authority that signed it with --ca-file FILE or SSL_CERT_FILE"
