"""Our certificate and the server's, and the password: read and parsed at the start, so that a wrong
file is an error of the config and no refusal at three in the morning.
"""

import contextlib
from pathlib import Path
from typing import NamedTuple

from asyncua.crypto.uacrypto import CertProperties
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from edge.config.opcua import OpcUaConnection
from edge.errors import ConfigError


class Identity(NamedTuple):
    """Who both sides are."""

    certificate: CertProperties
    key: CertProperties
    server: CertProperties
    uri: str
    """Our application URI, as in the certificate."""


def identity(where: str, config: OpcUaConnection) -> Identity | None:
    """The certificates, read and parsed.

    Raises:
        ConfigError: one cannot be used.
    """
    mine, key, server = config.certificate, config.key, config.server_certificate
    if mine is None or key is None or server is None:
        return None
    read = {path: _read(where, path) for path in (mine, key, server)}
    certificate = _parsed(where, mine, read[mine])
    _parsed(where, server, read[server])
    try:
        load_pem_private_key(read[key], None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            f"{where}: key {key} is no PEM key without a passphrase ({error})"
        ) from error
    return Identity(
        _properties(read[mine]), CertProperties(read[key], "pem"), _properties(read[server]),
        _application_uri(where, mine, certificate),
    )  # fmt: skip


def _parsed(where: str, path: Path, content: bytes) -> x509.Certificate:
    load = x509.load_pem_x509_certificate if _is_pem(content) else x509.load_der_x509_certificate
    try:
        return load(content)
    except ValueError as error:
        raise ConfigError(f"{where}: {path} is no certificate in PEM or DER ({error})") from error


def _application_uri(where: str, path: Path, certificate: x509.Certificate) -> str:
    """The URI that the certificate is for; servers compare it with what the client says."""
    with contextlib.suppress(x509.ExtensionNotFound):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        for uri in names.get_values_for_type(x509.UniformResourceIdentifier):
            return str(uri)
    raise ConfigError(
        f"{where}: certificate {path} names no application URI (a URI in its subjectAltName);"
        " docs/plc-client.md says how it is made"
    )


def _properties(content: bytes) -> CertProperties:
    return CertProperties(content, "pem" if _is_pem(content) else "der")


def _is_pem(content: bytes) -> bool:
    return b"-----BEGIN" in content


def password(where: str, path: Path) -> str:
    """The file's text without the end of its line.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return _read(where, path).decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: password_file {path} is no UTF-8 text") from error


def _read(where: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{where}: {path} cannot be read ({error.strerror})") from error
