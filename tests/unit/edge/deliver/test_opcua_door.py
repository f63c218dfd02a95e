"""Who gets in at the OPC UA server: users, certificates, rates, and what is said of refusals."""

import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from edge.config import OpcUaServer
from edge.deliver.opcua.door import BURST_S, QUIET_NS, Door
from edge.deliver.opcua.users import FAILURES, WINDOW_NS, Users, add_user, remove_user
from edge.errors import ConfigError
from edge.metrics import CourierMetrics
from edge.opcua.certificates import (
    Trusted,
    UntrustedError,
    application_uri,
    make_certificate,
    read_certificate,
)
from tests.unit.edge.ledger.making import SetClock

S_NS = 1_000_000_000


@pytest.fixture
def users(tmp_path: Path) -> Path:
    add_user(tmp_path / "users", "plc", "a long password")
    return tmp_path / "users"


def test_a_password_is_kept_as_a_hash_for_its_owner_alone(users: Path) -> None:
    assert "password" not in users.read_text()
    assert users.stat().st_mode & 0o777 == 0o600
    found = Users(users, SetClock())
    assert found.admits("plc", "a long password")
    assert not found.admits("plc", "another password")
    assert not found.admits("nobody", "a long password")
    assert not found.admits("plc", "\ud800")


def test_a_changed_file_is_read_again(users: Path) -> None:
    found = Users(users, SetClock())
    assert found.admits("plc", "a long password")
    assert not add_user(users, "plc", "the next password")
    assert not found.admits("plc", "a long password")
    assert found.admits("plc", "the next password")


def test_a_broken_line_is_to_be_removed(users: Path) -> None:
    """`opcua user` itself refuses the file until then."""
    users.write_text(users.read_text() + "hmi\n")
    told = r"line 2 is not NAME:.*; remove that line, and make the user anew with `opcua user`"
    with pytest.raises(ConfigError, match=told):
        add_user(users, "hmi", "a long password")


def test_guessing_is_stopped_but_not_for_who_was_right_before(users: Path) -> None:
    clock = SetClock()
    add_user(users, "scada", "yet another one")
    found = Users(users, clock)
    assert found.admits("plc", "a long password")
    for n in range(FAILURES):
        assert not found.admits("scada", f"guess number {n}")
    assert not found.admits("scada", "yet another one")
    assert found.admits("plc", "a long password")
    clock.monotonic_ns += WINDOW_NS
    assert found.admits("scada", "yet another one")


def test_a_user_who_was_removed_gets_in_no_more(users: Path) -> None:
    add_user(users, "scada", "yet another one")
    found = Users(users, SetClock())
    assert found.admits("plc", "a long password")
    remove_user(users, "plc")
    with pytest.raises(ConfigError, match="there is no user 'plc'; it has scada"):
        remove_user(users, "plc")
    assert not found.admits("plc", "a long password")
    assert found.admits("scada", "yet another one")


@pytest.mark.parametrize(
    ("name", "password"), [("a b", "long enough"), ("plc", "short"), ("", "x" * 9)]
)
def test_bad_names_and_passwords(tmp_path: Path, name: str, password: str) -> None:
    with pytest.raises(ConfigError):
        add_user(tmp_path / "users", name, password)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=300))
def test_a_broken_file_of_users_is_refused_or_lets_nobody_in(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "users").write_bytes(content)
    try:
        found = Users(tmp_path / "users", SetClock())
    except ConfigError:
        return
    assert not found.admits("plc", "a long password")


def made(folder: Path, name: str, clock: SetClock, days: int = 10) -> Path:
    path = folder / f"{name}.der"
    make_certificate(
        path, path.with_suffix(".pem"), f"urn:{name}", ["10.0.0.1", "line"], days, clock
    )
    return path


def test_only_what_lies_in_the_folder_is_trusted_while_it_is_valid(tmp_path: Path) -> None:
    clock, folder = SetClock(), tmp_path / "trusted"
    trusted = Trusted(folder, clock)
    mine, other = (made(tmp_path, name, clock) for name in ("mine", "other"))
    with pytest.raises(UntrustedError, match="is not in"):
        trusted.check(mine.read_bytes())
    folder.mkdir()
    (folder / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nno\n")
    (folder / "mine.der").write_bytes(mine.read_bytes())
    trusted.check(mine.read_bytes())
    for der in (other.read_bytes(), b"", None, b"\x30\x82", mine.read_bytes() + b"x"):
        with pytest.raises(UntrustedError):
            trusted.check(der)
    clock.utc_ns += 11 * 86_400 * S_NS
    with pytest.raises(UntrustedError, match="is valid from"):
        trusted.check(mine.read_bytes())


def test_a_certificate_names_its_application_and_is_not_replaced(tmp_path: Path) -> None:
    clock = SetClock()
    path = made(tmp_path, "mine", clock)
    assert application_uri(read_certificate(path), path) == "urn:mine"
    assert path.with_suffix(".pem").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match="is there already"):
        made(tmp_path, "mine", clock)


def a_door(clock: SetClock, **more: int) -> tuple[Door, CollectorRegistry]:
    registry = CollectorRegistry()
    section = OpcUaServer.model_validate({"policies": ["None"], "anonymous": True, **more})
    return Door(section, None, None, CourierMetrics(registry), clock), registry


def counted(registry: CollectorRegistry, reason: str) -> float | None:
    labels = {"receiver": "opcua", "reason": reason}
    return registry.get_sample_value("stripsight_opcua_refused_total", labels)


def test_a_refusal_is_counted_always_and_logged_once_in_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = SetClock()
    door, registry = a_door(clock)
    assert counted(registry, "user") == 0
    with caplog.at_level(logging.WARNING):
        for n in range(3):
            door.refuse("user", f"number {n}")
        door.refuse("write", "other")
        clock.monotonic_ns += QUIET_NS
        door.refuse("user", "number 3")
    assert counted(registry, "user") == 4
    said = [record.getMessage().partition("refused ")[2] for record in caplog.records]
    assert said == ["number 0", "other", "number 3 (and 2 times since the last such line)"]


def test_one_address_connects_only_so_fast(caplog: pytest.LogCaptureFixture) -> None:
    clock = SetClock()
    door, registry = a_door(clock, connections_per_s=10)
    with caplog.at_level(logging.ERROR):
        let = sum(door.lets_connect("10.0.0.1", 0, 0) for _ in range(1000))
        assert let == 10 * BURST_S
        assert counted(registry, "too_fast") == 1000 - let
        assert door.lets_connect("10.0.0.2", 0, 0)
        clock.monotonic_ns += S_NS
        assert sum(door.lets_connect("10.0.0.1", 0, 0) for _ in range(1000)) == 10
        assert not door.lets_connect("10.0.0.3", 0, 1000)
        assert door.lets_connect("10.0.0.3", 14, 20)
        assert not door.lets_connect("10.0.0.3", 15, 20)


def test_many_addresses_take_no_room() -> None:
    door, _ = a_door(SetClock())
    for n in range(5000):
        door.lets_connect(f"10.0.{n // 250}.{n % 250}", 0, 0)
    assert len(door._budgets) <= 256
