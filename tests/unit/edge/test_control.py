import json
import os
import pwd
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import JsonValue

from edge.control import SOCKET_NAME, ControlServer, Request, ask, this_user
from edge.errors import BundleError, ConfigError, ReceiverError


def echo(request: Request) -> dict[str, JsonValue]:
    return {"by": request.by, **request.arguments}


def refuse(_: Request) -> dict[str, JsonValue]:
    raise BundleError("no such bundle")


@pytest.fixture
def run_path(tmp_path: Path) -> Iterator[Path]:
    server = ControlServer(tmp_path, {"echo": echo, "refuse": refuse})
    server.start()
    yield tmp_path
    server.stop()


def test_a_request_is_answered(run_path: Path) -> None:
    reply = ask(run_path, Request(action="echo", by="me", arguments={"a": "1"}))
    assert (reply.ok, reply.result) == (True, {"by": "me", "a": "1"})


def test_a_refusal_carries_its_words(run_path: Path) -> None:
    reply = ask(run_path, Request(action="refuse", by="me"))
    assert (reply.ok, reply.error) == (False, "no such bundle")


def test_an_unknown_action_names_the_known_ones(run_path: Path) -> None:
    reply = ask(run_path, Request(action="explode", by="me"))
    assert reply.error == "unknown action 'explode'; known: echo, refuse"


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b"[1]\n",
        b"\xff\xfe\n",
        b'{"action": 1, "by": "x"}\n',
        b'{"action": "echo", "by": "x", "extra": 1}\n',
        b"[" * 60_000 + b"\n",
    ],
)
def test_what_is_no_request_is_refused_and_the_next_one_answered(
    run_path: Path, line: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(run_path / SOCKET_NAME))
        peer.sendall(line)
        with peer.makefile("rb") as answer:
            assert not json.loads(answer.readline())["ok"]
    assert ask(run_path, Request(action="echo", by="me")).ok


def test_a_peer_that_says_nothing_holds_nobody_up(run_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(run_path / SOCKET_NAME))
        assert ask(run_path, Request(action="echo", by="me")).ok


def test_an_answer_that_never_comes_is_told_from_a_daemon_that_is_not_there(
    tmp_path: Path,
) -> None:
    def hang_up() -> None:
        peer, _ = broken.accept()
        peer.recv(1000)
        peer.close()

    with socket.socket(socket.AF_UNIX) as broken:
        broken.bind(str(tmp_path / SOCKET_NAME))
        broken.listen()
        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(ReceiverError, match="no proper answer; see the log"):
            ask(tmp_path, Request(action="echo", by="me"))
        thread.join()


def test_who_asks_is_named_where_the_user_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    known = pwd.getpwall()[0]
    nobodys = max(user.pw_uid for user in pwd.getpwall()) + 1
    for number, said in (
        (known.pw_uid, f"{pwd.getpwuid(known.pw_uid).pw_name} (uid {known.pw_uid})"),
        (nobodys, f"uid {nobodys}"),
    ):
        monkeypatch.setattr(os, "getuid", lambda number=number: number)
        assert this_user() == said


def test_nobody_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReceiverError, match="is it running"):
        ask(tmp_path, Request(action="echo", by="me"))


def test_two_daemons_in_one_folder_are_refused(run_path: Path) -> None:
    with pytest.raises(ConfigError, match="another daemon"):
        ControlServer(run_path, {}).start()


def test_a_dead_daemons_socket_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET_NAME))
    server = ControlServer(tmp_path, {"echo": echo})
    server.start()
    assert ask(tmp_path, Request(action="echo", by="me")).ok
    server.stop()
    assert not (tmp_path / SOCKET_NAME).exists()
