"""`orderline serve` as an operator runs it: a configuration, a key of its store, TLS."""

import os
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEPPER = "a pepper for tests, long enough to be one"
CONFIG = """
[gateway]
port = 0
drain_delay_s = 0
{more}
[auth]
pepper = "${{ORDERLINE_PEPPER}}"
[metrics]
port = 0
[backends.erp]
kind = "sandbox-erp"
url = "http://127.0.0.1:1"
[backends.oms]
kind = "sandbox-oms"
url = "http://127.0.0.1:1"
[backends.wms]
kind = "sandbox-wms"
url = "http://127.0.0.1:1"
"""


def write_certificate(folder: Path) -> None:
    """Write a certificate for loopback, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "orderline test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "chain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def orderline(*arguments: str) -> subprocess.Popen[str]:
    """Start the command."""
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "gateway", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "ORDERLINE_PEPPER": PEPPER},
        text=True,
    )


@contextmanager
def serving(config: Path) -> Iterator[int]:
    """Serve; gives the port. It must end by itself, with 0, when it is told to."""
    process = orderline("serve", "--config", str(config))
    assert process.stderr is not None
    late = threading.Timer(20, process.kill)
    late.start()
    try:
        port, said = 0, ""
        for line in process.stderr:
            said += line
            if '"event":"serving"' in line:
                port = int(line.split('"port":')[1].split("}")[0].split(",")[0])
                break
        assert port, said
        late.cancel()
        yield port
    finally:
        late.cancel()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)
    assert process.returncode == 0


def made_key(config: Path) -> str:
    """Make a key with the command."""
    process = orderline(
        "keys", "create", "portal", "--all-customers", "--all-channels", "--all-warehouses",
        "--config", str(config),
    )  # fmt: skip
    out, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    return out.strip()


@pytest.mark.parametrize("has_tls", [False, True])
def test_a_key_of_the_store_is_good_at_a_serving_gateway(tmp_path: Path, *, has_tls: bool) -> None:
    """Also one that is made while it serves; over TLS nothing else is answered."""
    more = '[gateway.tls]\ncertificate = "chain.pem"\nkey = "key.pem"' if has_tls else ""
    config = tmp_path / "orderline.toml"
    config.write_text(CONFIG.format(more=more))
    trusted: ssl.SSLContext | bool = True
    if has_tls:
        write_certificate(tmp_path)
        trusted = ssl.create_default_context(cafile=str(tmp_path / "chain.pem"))
    with serving(config) as port:
        url = f"http{'s' if has_tls else ''}://127.0.0.1:{port}/graphql"
        with httpx2.Client(verify=trusted, timeout=10) as client:
            reply = client.post(
                url,
                json={"query": "{ viewer { name } }"},
                headers={"authorization": f"Bearer {made_key(config)}"},
            )
            stranger = client.post(url, json={"query": "{ viewer { name } }"})
        if has_tls:
            with pytest.raises(httpx2.TransportError):
                httpx2.get(url.replace("https", "http"), timeout=5)

    assert reply.json()["data"] == {"viewer": {"name": "portal"}}
    assert stranger.status_code == 401


def test_a_certificate_that_is_none_stops_the_start(tmp_path: Path) -> None:
    """With a sentence that names it."""
    (tmp_path / "chain.pem").write_text("no certificate")
    (tmp_path / "key.pem").write_text("no key")
    config = tmp_path / "orderline.toml"
    config.write_text(
        CONFIG.format(more='[gateway.tls]\ncertificate = "chain.pem"\nkey = "key.pem"')
    )
    process = orderline("serve", "--config", str(config))
    _, said = process.communicate(timeout=20)

    assert process.returncode == 1
    assert "chain.pem or its key cannot be used" in said
