"""The provider's service over TLS: a real process, a certificate of the test's own authority, clients that trust it or not."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jalousie.architectures.ask_remote import RemoteProvider, reach_provider
from jalousie.errors import WireError
from two_places import Places, settle

Key = ec.EllipticCurvePrivateKey


def certificate(name: str, key: Key, issuer: x509.Certificate | None, issuer_key: Key) -> x509.Certificate:
    """An authority's own certificate (no issuer), or one of a server on this machine."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .add_extension(
            x509.KeyUsage(True, False, False, False, False, issuer is None, issuer is None, False, False), critical=True
        )
    )
    if issuer is not None:
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def authority(path: Path) -> tuple[x509.Certificate, Key]:
    key = ec.generate_private_key(ec.SECP256R1())
    made = certificate(path.stem, key, None, key)
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return made, key


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return settle(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def url(places: Places) -> Iterator[str]:
    folder = places.folder
    authority(folder / "stranger.pem")
    issuer, issuer_key = authority(folder / "authority.pem")
    key = ec.generate_private_key(ec.SECP256R1())
    served = certificate("provider", key, issuer, issuer_key)
    (folder / "server.pem").write_bytes(served.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    words = ["serve", "provider", "--json", "--port", "0", "--home", str(places.provider_home)]
    words += ["--contract", str(places.contract_file)]
    words += ["--certificate", str(folder / "server.pem"), "--private-key", str(folder / "server.key")]
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jalousie", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, (folder / "service.log").read_text()
        yield str(json.loads(line)["url"])
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0
        process.stdout.close()


def reach(places: Places, url: str, authorities: str | None) -> RemoteProvider:
    trusted = None if authorities is None else places.folder / authorities
    return reach_provider(places.contract_file, url, home=places.ml_home, authorities=trusted)


def test_a_client_with_the_authority_is_answered(places: Places, url: str) -> None:
    assert url.startswith("https://127.0.0.1:")
    with reach(places, url, "authority.pem") as provider:
        population = provider.population(places.identifiers)
        provider.hand_over(population)
        assert provider.budget("income").spent.nano == 0
    ran = places.command(
        *("budget", "contract.yaml", "--url", url, "--home", "ml", "--authorities", "authority.pem", "--json")
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("authorities", ["stranger.pem", None])
def test_another_authority_is_refused_with_a_hint(places: Places, url: str, authorities: str | None) -> None:
    with reach(places, url, authorities) as provider, pytest.raises(WireError) as raised:
        provider.budget("income")
    assert raised.value.code == "W607"
    assert "certificate is not accepted" in raised.value.message
    assert "--authorities" in raised.value.hint
    ran = places.command("budget", "contract.yaml", "--url", url, "--home", "ml", "--authorities", "stranger.pem")
    assert ran.returncode == WireError.exit_code
    assert "error[W607]: the provider's TLS certificate is not accepted" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_certificate_is_for_its_address_alone(places: Places, url: str) -> None:
    elsewhere = url.replace("127.0.0.1", "localhost")
    with reach(places, elsewhere, "authority.pem") as provider, pytest.raises(WireError) as raised:
        provider.budget("income")
    assert "certificate is not accepted" in raised.value.message


def test_certificates_that_cannot_be_read_are_told(places: Places, url: str) -> None:
    (places.folder / "letter.pem").write_text("this is a letter")
    for file in ("letter.pem", "missing.pem"):
        with reach(places, url, file) as provider, pytest.raises(WireError) as raised:
            provider.budget("income")
        assert raised.value.code == "W607"
        assert "cannot be read" in raised.value.message


def test_plain_http_to_a_tls_service_is_no_answer(places: Places, url: str) -> None:
    plain = reach(places, url.replace("https", "http"), None)
    plain.client.sleep = lambda _: None
    with plain, pytest.raises(WireError) as raised:
        plain.budget("income")
    assert raised.value.code in ("W607", "W608")


def test_doctor_trusts_the_authority_that_it_is_given(places: Places, url: str) -> None:
    words = ("doctor", "--home", "ml", "--url", url)
    found = places.command(*words)
    assert found.returncode == 1
    assert "certificate is not accepted" in found.stdout
    found = places.command(*words, "--authorities", "authority.pem")
    assert "it answers" in found.stdout
    assert found.returncode == 0, found.stdout


def test_a_key_of_another_certificate_is_told_before_anything_is_opened(places: Places, url: str) -> None:
    assert url
    words = ("serve", "provider", "--contract", "contract.yaml", "--port", "0", "--home", "third")
    ran = places.command(*words, "--certificate", "authority.pem", "--private-key", "server.key")
    assert ran.returncode == WireError.exit_code
    assert "error[W614]: the TLS private key is not that of the certificate" in ran.stderr
    assert "answering" not in ran.stdout
    assert not (places.folder / "third").exists()


def test_who_serves_others_without_tls_is_warned(tmp_path: Path) -> None:
    places = settle(tmp_path)
    words = ["serve", "provider", "--host", "0.0.0.0", "--port", "0", "--contract", str(places.contract_file)]
    process = subprocess.Popen(
        [sys.executable, "-m", "jalousie", *words, "--home", str(places.provider_home)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("answering at http://0.0.0.0:")
        assert process.stdout.readline().startswith("note: without TLS, whoever is on the line reads pseudonyms")
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()
