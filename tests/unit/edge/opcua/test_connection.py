"""Connections to OPC UA servers: what the config allows, and what an error says."""

import re

import pytest
from asyncua import ua
from pydantic import ValidationError

from edge.config import MillOpcUa, OpcUaConnection
from edge.opcua.refusals import cause

SECURE = {"certificate": "c", "key": "k", "server_certificate": "s"}


def connection(**settings: object) -> OpcUaConnection:
    return OpcUaConnection.model_validate({"endpoint": "opc.tcp://plc:4840", **settings})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "Basic256Sha256 needs certificate, key, server_certificate"),
        (SECURE | {"key": None}, "needs key"),
        ({"security_policy": "None", "key": "k"}, "None has no use for key"),
        (SECURE | {"username": "u"}, "username and password_file belong together"),
        (
            {"security_policy": "None", "username": "u", "password_file": "p"},
            "a password would go over the network readable",
        ),
        (SECURE | {"endpoint": "opc.tcp://user:secret@plc:4840"}, "pattern"),
        (SECURE | {"endpoint": "http://plc"}, "pattern"),
        (SECURE | {"session_timeout_s": 3600}, "less than or equal to 600"),
    ],
)
def test_half_a_security_is_an_error(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        connection(**settings)


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ({}, "at least 1 item"),
        ({"wrong_id": "i=1"}, "needs nodes.right_id"),
        ({"tail": "i=1"}, "needs nodes.head or nodes.coil"),
        ({"sped": "i=1"}, "Input should be 'coil'"),
    ],
)
def test_mills_nodes_make_sense_together(nodes: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        MillOpcUa.model_validate(
            {"endpoint": "opc.tcp://plc:4840", "security_policy": "None", "nodes": nodes}
        )


def status_error(name: str) -> Exception:
    error = getattr(ua.uaerrors, name)()
    assert isinstance(error, ua.UaStatusCodeError)
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionRefusedError(111, "refused"), "no OPC UA server answers"),
        (TimeoutError(), "no answer within 2 s"),
        (ConnectionError("gone"), "another one than server_certificate"),
        (
            status_error("BadUserAccessDenied"),
            "check username and password_file",
        ),
        (status_error("BadCertificateUntrusted"), "refuses our certificate"),
        (status_error("BadSecurityChecksFailed"), "refuses our certificate"),
        (status_error("BadTooManySessions"), "has no session free"),
        (status_error("BadShutdown"), r"the server refuses \(BadShutdown"),
        (ua.UaError("No matching endpoints: 3"), "offers no Basic256Sha256 with SignAndEncrypt"),
        (ua.UaError("Server certificate mismatch"), "another certificate than server_certificate"),
        (KeyError("x"), "makes no sense .* is it an OPC UA server"),
    ],
)
def test_errors_say_what_to_check(error: Exception, told: str) -> None:
    assert re.search(told, cause(error, connection(**SECURE)))
