"""Basic256Sha256 with certificates on both sides and a user, against a real OPC UA server."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import ConfigError, ReceiverError
from tests.conftest import require_program
from tests.integration.deliver.plc_line import PlcLine
from tests.line.plc import Plc
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of the PLC, of us, and of two strangers."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("plc", "line", "stranger", "other-plc"):
        certify(folder, name)
    certify(folder, "nameless", names="DNS:line")
    (folder / "password").write_text("s3cret\n")
    (folder / "wrong").write_text("guess\n")
    return folder


def certify(folder: Path, name: str, names: str = "") -> None:
    subprocess.run(
        [
            require_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes",
            "-days", "2", "-subj", f"/CN={name}",
            "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem",
            "-addext", f"subjectAltName={names or f'URI:urn:works:{name},DNS:localhost'}",
            "-addext", "keyUsage=digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment",
        ],
        check=True, capture_output=True,
    )  # fmt: skip


@pytest.fixture
def plc(tmp_path: Path, keys: Path) -> Iterator[Plc]:
    files = [str(keys / name) for name in ("plc.pem", "plc.key", "line.pem")]
    with Plc(tmp_path / "plc", user=["stripsight", "s3cret"], certificates=files) as made:
        yield made


def secured(keys: Path, **changes: object) -> dict[str, object]:
    settings = {
        "security_policy": "Basic256Sha256",
        "certificate": str(keys / "line.pem"),
        "key": str(keys / "line.key"),
        "server_certificate": str(keys / "plc.pem"),
        "username": "stripsight",
        "password_file": str(keys / "password"),
    }
    return settings | changes


def test_defects_arrive_signed_and_encrypted(tmp_path: Path, plc: Plc, keys: Path) -> None:
    with PlcLine(tmp_path, plc.endpoint, **secured(keys)) as line:
        courier = line.start()
        line.record(30)
        wait_for(lambda: len(plc.taken()) == 30, "all defects")
        assert courier.stop() == 0
    assert plc.sessions() == ["created, 1 in use", "ended"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"password_file": "wrong"}, "refuses the user"),
        ({"certificate": "stranger.pem", "key": "stranger.key"}, "refuses our certificate"),
        ({"server_certificate": "other-plc.pem"}, "have another one than server_certificate"),
        ({"security_policy": "Aes256_Sha256_RsaPss"}, "do not offer Aes256_Sha256_RsaPss"),
        ({"username": None, "password_file": None}, "refuses the user"),
    ],
)
def test_whoever_is_not_known_is_refused_and_told(
    tmp_path: Path, plc: Plc, keys: Path, change: dict[str, str | None], told: str
) -> None:
    """A wrong one of each: told once, tried again, nothing lost, no session left behind."""
    files = {k: str(keys / v) if v and v[0].islower() and k != "username" else v
             for k, v in change.items()}  # fmt: skip
    with PlcLine(tmp_path, plc.endpoint, **secured(keys, **files)) as line:
        courier = line.start()
        line.record(20)
        wait_for(lambda: told in courier.log(), told)
        wait_for(lambda: line.metric("stripsight_delivery_failures_total") >= 3, "tries")
        assert courier.log().count(told) == 1
        assert line.metric("stripsight_receiver_up") == 0
        assert plc.taken() == []
        assert courier.stop() == 0
        line.plc |= secured(keys)
        courier = line.start()
        wait_for(lambda: len(plc.taken()) == 20, "all defects, once it is put right")
        assert courier.stop() == 0
    assert "refused" not in plc.sessions()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"certificate": "missing.pem"}, r"missing\.pem cannot be read"),
        ({"certificate": "password"}, "is no certificate in PEM or DER"),
        ({"key": "plc.pem"}, "is no PEM key without a passphrase"),
        ({"certificate": "nameless.pem"}, "names no application URI"),
    ],
)
def test_file_that_cannot_be_used_is_a_config_error(
    tmp_path: Path, keys: Path, change: dict[str, str], told: str
) -> None:
    files = {name: str(keys / file) for name, file in change.items()}
    with (
        PlcLine(tmp_path, "opc.tcp://127.0.0.1:4840", **secured(keys, **files)) as line,
        pytest.raises(ConfigError, match=told),
    ):
        line.receiver()


def test_client_that_is_refused_leaves_no_session(tmp_path: Path, plc: Plc, keys: Path) -> None:
    wrong = secured(keys, password_file=str(keys / "wrong"))
    with PlcLine(tmp_path, plc.endpoint, **wrong) as line:
        receiver = line.receiver()
        for _ in range(10):
            with pytest.raises(ReceiverError, match="check username and password_file"):
                receiver.deliver(())
        receiver.close()
    assert plc.sessions().count("created, 1 in use") == 10
    assert plc.sessions().count("ended") == 10
