"""Our certificate and the server's, and the password: read and parsed at the start, so that a wrong
file is an error of the config and no refusal at three in the morning.
"""

from pathlib import Path
from typing import NamedTuple

from asyncua.crypto.uacrypto import CertProperties
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from edge.config.opcua import OpcUaConnection
from edge.errors import ConfigError
from edge.opcua.certificates import application_uri, read_certificate


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
    try:
        certificate = read_certificate(mine)
        uri = application_uri(certificate, mine)
        theirs = read_certificate(server)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    secret = _read(where, key)
    try:
        load_pem_private_key(secret, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            f"{where}: key {key} is no PEM key without a passphrase ({error})"
        ) from error
    return Identity(_der(certificate), CertProperties(secret, "pem"), _der(theirs), uri)


def _der(certificate: x509.Certificate) -> CertProperties:
    return CertProperties(certificate.public_bytes(Encoding.DER), "der")


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
