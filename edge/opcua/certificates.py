"""Certificates as OPC UA wants them: read, made, and those of the clients that are trusted.

A client is trusted when its very certificate lies in the folder of trusted ones, as files in DER or
PEM; taking the file away ends that. Certificate authorities and revocation lists are not looked at.
"""

import datetime
import ipaddress
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.clock import Clock
from edge.errors import ConfigError
from edge.opcua.private_file import write_private

KEY_BITS = 2048
SUFFIXES = frozenset({".der", ".pem", ".crt", ".cer"})
_DAY = datetime.timedelta(days=1)


class UntrustedError(Exception):
    """A client's certificate is not accepted; the text says why."""


class Trusted:
    """The certificates that clients may come with. Read anew for each client."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def check(self, der: bytes | None) -> None:
        """Accept a certificate.

        Raises:
            UntrustedError: none was shown, it is no certificate, not in the folder, not valid now,
            or its key is too short.
        """
        if not der:
            raise UntrustedError("it shows no certificate")
        try:
            shown = x509.load_der_x509_certificate(der)
            key = shown.public_key()
        except ValueError as error:
            raise UntrustedError("its certificate cannot be read") from error
        name = f"{shown.subject.rfc4514_string()[:80]!r}, SHA-1 {thumbprint(shown)}"
        if not any(der == known for known in self._known()):
            raise UntrustedError(f"certificate {name} is not in {self._folder}")
        now = self._clock.now().utc()
        if not shown.not_valid_before_utc <= now <= shown.not_valid_after_utc:
            raise UntrustedError(
                f"certificate {name} is valid from {shown.not_valid_before_utc:%Y-%m-%d} to"
                f" {shown.not_valid_after_utc:%Y-%m-%d}"
            )
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < KEY_BITS:
            raise UntrustedError(f"certificate {name} has no RSA key of {KEY_BITS} bits or more")

    def _known(self) -> Iterator[bytes]:
        try:
            files = [f for f in self._folder.iterdir() if f.suffix.lower() in SUFFIXES]
        except OSError:
            return
        for file in files:
            try:
                yield read_certificate(file).public_bytes(serialization.Encoding.DER)
            except ConfigError:
                continue


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-1 in hex, as OPC UA tools show it."""
    return certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303 - a name, not a seal


def read_certificate(path: Path) -> x509.Certificate:
    """A certificate in DER or PEM.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror})") from error
    pem = content.lstrip().startswith(b"-----BEGIN")
    try:
        return (x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate)(content)
    except ValueError as error:
        raise ConfigError(f"{path} is no certificate in PEM or DER ({error})") from error


def application_uri(certificate: x509.Certificate, path: Path) -> str:
    """What the certificate says whose it is; OPC UA's peers compare it with the owner's own word.

    Raises:
        ConfigError: it says nothing.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.UniformResourceIdentifier)[0]
    except (x509.ExtensionNotFound, IndexError, ValueError) as error:
        raise ConfigError(
            f"{path} names no application URI (a URI in its subjectAltName); docs/opcua.md and"
            " docs/plc-client.md say how one is made"
        ) from error


def make_certificate(
    certificate: Path, key: Path, uri: str, hosts: Sequence[str], days: int, clock: Clock
) -> x509.Certificate:
    """Make a key and a certificate signed with it, as OPC UA wants it (OPC 10000-6, 6.2.2).

    Raises:
        ConfigError: one of the files is there already, or cannot be written.
    """
    for path in (certificate, key):
        if path.exists():
            raise ConfigError(
                f"{path}: is there already; clients trust it. Remove it first to replace it"
            )
    secret = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    made = _signed(secret, uri, hosts, days, clock)
    text = secret.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        for path in (certificate, key):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_private(key, text)
        certificate.write_bytes(made.public_bytes(serialization.Encoding.DER))
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be written ({error})") from error
    return made


def _signed(
    secret: rsa.RSAPrivateKey, uri: str, hosts: Sequence[str], days: int, clock: Clock
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "StripSight")])
    now = clock.now().utc().replace(microsecond=0)
    identifier = x509.SubjectKeyIdentifier.from_public_key(secret.public_key())
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), *_names(hosts)]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (usage, True),
        (x509.ExtendedKeyUsage(both), False),
        (identifier, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)  # a PLC's clock may be behind
        .not_valid_after(now + days * _DAY)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(secret, hashes.SHA256())


def _names(hosts: Sequence[str]) -> Iterator[x509.GeneralName]:
    for host in hosts:
        try:
            yield x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            yield x509.DNSName(host)
