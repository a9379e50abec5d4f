"""Certificates for a cluster: one authority, and a key for each node whose common name is the node's name."""

import datetime
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

YEARS = 10


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    private = serialization.PrivateFormat.PKCS8
    data = key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
    path.touch(mode=0o600)
    path.write_bytes(data)


def _builder(subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
    )


def make_authority(folder: Path) -> None:
    """Write `ca.key` and `ca.pem`, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "ca.pem").exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder("cluster authority", _name("cluster authority"), key)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    _write_key(folder / "ca.key", key)
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def make_node(folder: Path, node: str) -> None:
    """Write `<node>.key` and `<node>.pem`, signed by the folder's authority, unless they are there."""
    if (folder / f"{node}.pem").exists():
        return
    authority = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    signer = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{folder / 'ca.key'} is not the key of a cluster authority")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(node, authority.subject, key)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(node)]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    certificate = builder.sign(signer, hashes.SHA256())
    _write_key(folder / f"{node}.key", key)
    (folder / f"{node}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def make(folder: Path, nodes: tuple[str, ...]) -> None:
    """Everything a cluster of these nodes needs; what is there stays."""
    make_authority(folder)
    for node in nodes:
        make_node(folder, node)


def context(folder: Path, node: str, server: bool) -> ssl.SSLContext:
    """TLS for one side of a link between nodes; both sides must show a certificate of the authority."""
    purpose = ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT
    tls = ssl.SSLContext(purpose)
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(folder / "ca.pem")
    tls.load_cert_chain(folder / f"{node}.pem", folder / f"{node}.key")
    return tls


def common_name(certificate: dict[str, object] | None) -> str | None:
    """The node that a peer's verified certificate names."""
    subject = (certificate or {}).get("subject", ())
    for part in subject if isinstance(subject, tuple) else ():
        for key, value in part:
            if key == "commonName":
                return str(value)
    return None
