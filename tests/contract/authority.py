"""A certificate authority for tests: certificates of servers and clients as PEM files in a folder."""

import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


def name_of(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


class Certificate:
    """Paths of the two files, and the certificate itself."""

    def __init__(self, folder, stem, certificate, key):
        self.certificate = certificate
        self.cert_file, self.key_file = pathlib.Path(folder) / f"{stem}.crt", pathlib.Path(folder) / f"{stem}.key"
        self.cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.key_file.write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))

    @property
    def pair(self):
        return str(self.cert_file), str(self.key_file)

    def copy_to(self, other):
        """Over another's files, as a renewal does it."""
        for own, place in ((self.cert_file, other.cert_file), (self.key_file, other.key_file)):
            fresh = place.with_suffix(place.suffix + ".new")
            fresh.write_bytes(own.read_bytes())
            fresh.rename(place)


class Authority:
    def __init__(self, folder, name="test CA"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = name_of(name)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.own = Certificate(self.folder, "ca", self.sign(
            self.name, self.key.public_key(), [(x509.BasicConstraints(ca=True, path_length=None), True)]), self.key)

    @property
    def file(self):
        return str(self.own.cert_file)

    def sign(self, subject, public_key, extensions, before=NOW - DAY, after=NOW + DAY):
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public_key)
                   .serial_number(x509.random_serial_number()).not_valid_before(before).not_valid_after(after))
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, critical=is_critical)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, stem, common_name="", names=(), purpose=ExtendedKeyUsageOID.CLIENT_AUTH, **validity):
        key = ec.generate_private_key(ec.SECP256R1())
        extensions = [(x509.BasicConstraints(ca=False, path_length=None), True),
                      (x509.ExtendedKeyUsage([purpose]), False)]
        if names:
            extensions.append((x509.SubjectAlternativeName(list(names)), False))
        return Certificate(self.folder, stem, self.sign(
            name_of(common_name or stem), key.public_key(), extensions, **validity), key)

    def server(self, stem="server"):
        return self.issue(stem, names=[x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")],
                          purpose=ExtendedKeyUsageOID.SERVER_AUTH)
