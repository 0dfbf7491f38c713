"""The nginx that we ship, started on ports of a test's own."""

import re
import subprocess
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from reprotech.testing.servers import wait_for

NAME = "reprotech.example.org"


def make_certificate(directory):
    """A key and a certificate for NAME that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (directory / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    (directory / "privkey.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def localized(text, home, http, https, upstreams):
    """A configuration as we ship it, with these ports and upstreams, and its files in `home`."""
    text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.MULTILINE)
    for ours, theirs in {
        "listen 80": f"listen 127.0.0.1:{http}",
        "listen 443": f"listen 127.0.0.1:{https}",
        "/etc/ssl/reprotech": str(home),
        "/var/log/nginx": str(home),
        **upstreams,
    }.items():
        assert ours in text
        text = text.replace(ours, theirs)
    return text


def start_nginx(processes, home, text, probe):
    """nginx with this configuration of sites, once `probe` raises nothing; its logs are in `home`."""
    (home / "site.conf").write_text(text)
    main = home / "nginx.conf"
    main.write_text(
        f"pid {home}/nginx.pid; error_log {home}/error.log; events {{}}\n"
        f"http {{ access_log {home}/usual.log; include site.conf; }}\n"
    )
    command = ["nginx", "-p", home, "-c", main, "-g", "daemon off;"]
    checked = subprocess.run([*command[:-2], "-t"], check=False, capture_output=True, text=True)
    assert (checked.returncode, "[warn]" in checked.stderr) == (0, False), checked.stderr
    log = home / "nginx-output"
    process = processes.start(command, log)
    wait_for(process, log, probe)
    return process
