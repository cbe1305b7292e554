"""Certificates of a relay, signed by an authority of their own."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

BEGIN, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
PAST = datetime(2021, 1, 1, tzinfo=UTC)


class Authority:
    """Signs certificates in a folder; `path` is its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = generate_private_key(SECP256R1())
        self._name = _name("authority")
        self.path = folder / "authority.pem"
        builder = _builder(self._name, self._name, self._key, END)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.path.write_bytes(builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def server(self, host: str, *, end: datetime = END, self_signed: bool = False) -> ssl.SSLContext:
        """Return the context of a server that has a certificate for this host until then."""
        key = generate_private_key(SECP256R1())
        issuer, signer = (_name(host), key) if self_signed else (self._name, self._key)
        builder = _builder(_name(host), issuer, key, end)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        path = self._folder / "server.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(private + builder.sign(signer, SHA256()).public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, end: datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), BEGIN, end)
