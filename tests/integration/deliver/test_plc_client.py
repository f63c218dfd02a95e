"""The PLC block in a PLC that is itself the OPC UA server: another process with strict types, few
sessions, and a program that takes defects and acknowledges them.
"""

import contextlib
import random
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from asyncua import ua

from edge.deliver.plc_client import PlcReceiver
from edge.errors import ReceiverError
from tests.integration.deliver.plc_line import PlcLine
from tests.line.network import Network
from tests.line.plc import Plc
from tests.unit.edge.ledger.making import commit, defect
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


def seqs(plc: Plc) -> list[int]:
    return [slot["Seq"] for slot in plc.taken()]


@pytest.fixture
def plc(tmp_path: Path) -> Iterator[Plc]:
    with Plc(tmp_path / "plc") as made:
        yield made


def test_each_defect_is_taken_once_whoever_is_killed(tmp_path: Path, plc: Plc) -> None:
    with Network(plc.port) as network, PlcLine(tmp_path, network.endpoint) as line:
        courier = line.start()
        line.record(100)
        wait_for(lambda: len(plc.taken()) > 30, "the PLC takes defects")
        plc.kill()
        line.record(100)
        wait_for(lambda: "the connection was closed" in courier.log(), "its absence is told")
        plc.start()
        wait_for(lambda: len(plc.taken()) > 130, "the PLC takes defects again")
        courier.kill()
        line.record(50)
        courier = line.start()
        wait_for(lambda: len(plc.taken()) > 210, "a new courier delivers")
        network.cut()
        wait_for(lambda: len(plc.taken()) >= 250, "all defects")
        assert seqs(plc) == list(range(1, 251))
        assert courier.stop() == 0
        assert "Traceback" not in courier.log()
    assert plc.sessions()[-1] == "ended"
    assert "refused" not in plc.sessions()


def test_reconnects_never_leak_a_session(tmp_path: Path, plc: Plc) -> None:
    """Of the two sessions that this PLC allows, a second one of ours would take the HMI's."""
    reconnects(tmp_path, plc, 100, kills=2)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_thousand_reconnects_never_leak_a_session(tmp_path: Path, plc: Plc) -> None:
    reconnects(tmp_path, plc, 1000, kills=50)


def reconnects(folder: Path, plc: Plc, count: int, kills: int) -> None:
    """Cut the network at random moments, also of connecting, and kill the PLC now and then."""
    rng = random.Random(5)
    with Network(plc.port) as network, PlcLine(folder, network.endpoint) as line:
        line.plc["session_timeout_s"] = 600
        receiver = line.receiver()
        connected = 0
        for turn in range(1, count + kills + 1):
            if turn % ((count + kills) // kills) == 0:
                plc.kill()
                plc.start()
            cut = threading.Timer(rng.uniform(0, 0.05), network.cut)
            cut.start()
            for _ in range(50):
                try_once(receiver)
                if not cut.is_alive() and receiver.connected:
                    break
            cut.join()
            connected += receiver.connected
        assert connected == count + kills
        receiver.close()
    wait_for(lambda: plc.sessions()[-1] == "ended", "the session's end")
    assert "refused" not in plc.sessions()
    assert max(sessions_in_use(plc)) <= 2


def sessions_in_use(plc: Plc) -> list[int]:
    """After each start of one, the starts of the PLC itself included."""
    return [int(line.split()[1]) for line in plc.sessions() if line.startswith("created")]


def try_once(receiver: PlcReceiver) -> None:
    with contextlib.suppress(ReceiverError):
        receiver.deliver(())


def test_unread_defects_are_not_overwritten(tmp_path: Path, plc: Plc) -> None:
    plc.halt()
    with PlcLine(tmp_path, plc.endpoint) as line:
        courier = line.start()
        line.record(40)
        wait_for(lambda: line.metric("stripsight_plc_unread_defects") == 16, "the ring is full")
        before = plc.read("Heartbeat")
        wait_for(lambda: plc.read("Heartbeat") > before + 2, "the heart beats on")
        wait_for(lambda: "all 16 defects of the ring are unread" in courier.log(), "it is told")
        assert line.metric("stripsight_ledger_lag_events") == 24
        assert plc.read("Overwritten") == 0
        plc.go()
        wait_for(lambda: len(plc.taken()) >= 40, "all defects")
        assert seqs(plc) == list(range(1, 41))
        assert line.metric("stripsight_receiver_up") == 1
        wait_for(lambda: "the PLC takes defects again" in courier.log(), "that is told too")
        assert courier.stop() == 0


def test_a_slot_that_is_revised_meanwhile_is_taken_whole(tmp_path: Path, plc: Plc) -> None:
    defects, revisions = 15, 200  # fewer than slots, else each write waits for the program
    told = [(n, revision) for revision in range(1, revisions + 1) for n in range(1, defects + 1)]
    with PlcLine(tmp_path, plc.endpoint) as line:
        courier = line.start()
        for revision in range(1, revisions + 1):
            line.log.commit(commit(*(defect(f"c-1/{n}", revision) for n in range(1, defects + 1))))
        wait_for(lambda: plc.taken()[-1:] and seqs(plc)[-1] == len(told), "the last revisions")
        assert courier.stop() == 0
    for slot in plc.taken():
        assert (slot["Defect"], slot["Revision"]) == told[slot["Seq"] - 1]
    assert {n for n, _ in told} == {slot["Defect"] for slot in plc.taken()[-defects:]}


def test_plc_that_acknowledges_nothing_gets_the_newest(tmp_path: Path, plc: Plc) -> None:
    plc.halt()
    with PlcLine(
        tmp_path, plc.endpoint, when_full="overwrite", nodes={"Acknowledge": None}
    ) as line:
        courier = line.start()
        line.record(40)
        wait_for(lambda: plc.read("LastSeq") == 40, "the newest defect")
        assert sorted(plc.read(f"Ring[{i}].Seq") for i in range(1, 17)) == list(range(25, 41))
        assert plc.read("Overwritten") == 24
        assert courier.stop() == 0


def test_false_acknowledgement_is_told_and_frees_nothing(tmp_path: Path) -> None:
    with (
        Plc(tmp_path / "plc", takes=False) as plc,
        PlcLine(tmp_path, plc.endpoint) as line,
    ):
        courier = line.start()
        line.record(10)
        wait_for(lambda: plc.read("LastSeq") == 10, "the first defects")
        plc.write("Acknowledge", 999)
        wait_for(lambda: "acknowledges 999, which it was never shown" in courier.log(), "the lie")
        line.record(20)
        wait_for(lambda: line.metric("stripsight_plc_unread_defects") == 16, "the ring is full")
        assert sorted(plc.read(f"Ring[{i}].Seq") for i in range(1, 17)) == list(range(1, 17))
        plc.write("Acknowledge", 16)
        wait_for(lambda: plc.read("LastSeq") == 30, "the others")
        assert line.metric("stripsight_plc_false_acknowledgements_total") == 1
        assert courier.log().count("acknowledges 999") == 1
        assert courier.stop() == 0


@pytest.mark.parametrize("last_seq", [10, 0, 5000])
def test_false_acknowledgement_is_not_believed_after_a_restart(
    tmp_path: Path, last_seq: int
) -> None:
    """Meanwhile the ledger has that number; also where the PLC has lost its `LastSeq`, or has the
    one of an older ledger.
    """
    with Plc(tmp_path / "plc", takes=False) as plc, PlcLine(tmp_path, plc.endpoint) as line:
        courier = line.start()
        line.record(10)
        wait_for(lambda: plc.read("LastSeq") == 10, "the first defects")
        plc.write("Acknowledge", 25)
        wait_for(lambda: "acknowledges 25, which it was never shown" in courier.log(), "the lie")
        assert courier.stop() == 0
        line.record(20)
        plc.write("LastSeq", last_seq)
        courier = line.start()
        wait_for(lambda: line.metric("stripsight_plc_unread_defects") == 16, "the ring is full")
        assert sorted(plc.read(f"Ring[{i}].Seq") for i in range(1, 17)) == list(range(1, 17))
        plc.write("Acknowledge", 10)
        wait_for(lambda: plc.read("LastSeq") == 26, "the next ones")
        assert courier.stop() == 0


def test_unread_defect_is_there_after_a_restart(tmp_path: Path) -> None:
    """Behind more revisions of another one than are shown again in any case."""
    with (
        Plc(tmp_path / "plc", takes=False, ring=3) as plc,
        PlcLine(tmp_path, plc.endpoint) as line,
    ):
        line.deliver["plc_block"] = {"ring": 3}
        courier = line.start()
        line.record(1)
        line.log.commit(commit(*(defect("c-1/2", revision) for revision in range(1, 251))))
        wait_for(lambda: plc.read("LastSeq") == 251, "the last revision")
        assert courier.stop() == 0
        line.log.commit(commit(defect("c-1/3")))
        courier = line.start()
        wait_for(lambda: plc.read("LastSeq") == 252, "the next one")
        assert sorted(plc.read(f"Ring[{i}].Seq") for i in (1, 2, 3)) == [1, 251, 252]
        assert courier.stop() == 0


def test_words_that_do_not_fit_are_named(tmp_path: Path) -> None:
    wrong = {"types": {"Speed": "UInt32"}, "missing": ["Ring[3].Severity"]}
    with Plc(tmp_path / "plc", **wrong) as plc, PlcLine(tmp_path, plc.endpoint) as line:
        receiver = line.receiver()
        with pytest.raises(ReceiverError) as misfit:
            receiver.deliver(())
        assert (
            "Ring[3].Severity (ns=2;s=StripSight.Ring[3].Severity) is not there (BadNodeIdUnknown);"
            " the PLC needs it, as String" in str(misfit.value)
        )
        line.plc["nodes"] = {"Ring.Severity": None}
        receiver.close()
        receiver = line.receiver()
        with pytest.raises(ReceiverError, match=r"Speed \(.*\) is UInt32 in the PLC and must be F"):
            receiver.deliver(())
        receiver.close()
        line.plc["nodes"] = {"Ring.Severity": None, "Speed": None}
        receiver = line.receiver()
        assert receiver.deliver(()) == 0
        receiver.close()
    assert "refused" not in plc.sessions()


def test_nothing_vouches_for_a_block_with_a_refused_word(tmp_path: Path) -> None:
    """Its program would read an old `InspectionValid` beside a heart that beats."""
    wrong = {"types": {"InspectionValid": "Byte"}}
    with Plc(tmp_path / "plc", **wrong) as plc, PlcLine(tmp_path, plc.endpoint) as line:
        courier = line.start()
        line.record(3)
        wait_for(lambda: plc.read("Ring[3].Seq") == 3, "the ring")
        failures = "stripsight_delivery_failures_total"
        wait_for(lambda: line.metric(failures) >= 4, "it tries again, over some beats")
        assert "InspectionValid (ns=2;s=StripSight.InspectionValid) is Byte" in courier.log()
        assert {word: plc.read(word) for word in ("LastSeq", "Heartbeat")} == {
            "LastSeq": 0, "Heartbeat": 0
        }  # fmt: skip
        assert line.metric("stripsight_receiver_up") == 0
        assert line.metric("stripsight_ledger_lag_events") == 3
        assert courier.stop() == 0
    assert plc.taken() == []


def test_what_vouches_is_written_last_and_a_beat_alone_at_once(tmp_path: Path, plc: Plc) -> None:
    with PlcLine(tmp_path, plc.endpoint) as line:
        receiver = line.receiver()
        written = requests_of(receiver)
        receiver.tell({"state": "running", "coil_m": 1.0})
        receiver.deliver(())
        assert written[0] == ["LastSeq"]
        assert written[-1] == ["LastSeq", "Heartbeat"]
        del written[:]
        for coil_m in (1.0, 2.0):
            receiver.tell({"state": "running", "coil_m": coil_m})
            receiver.deliver(())
        assert written == [["Heartbeat"], ["CoilPosition"], ["Heartbeat"]]
        receiver.close()


def requests_of(receiver: PlcReceiver) -> list[list[str]]:
    """The words of each write that it makes from here on."""
    write, written = receiver._session.write, list[list[str]]()

    async def noted(values: Sequence[tuple[ua.NodeId, ua.Variant]]) -> list[ua.StatusCode]:
        written.append([str(node.Identifier).removeprefix("StripSight.") for node, _ in values])
        return await write(values)

    receiver._session.write = noted  # type: ignore[method-assign]
    return written


@pytest.mark.alone
def test_frozen_plc_holds_up_nobody_else(tmp_path: Path, plc: Plc) -> None:
    with Plc(tmp_path / "other") as frozen, PlcLine(tmp_path, plc.endpoint) as line:
        line.deliver["opcua_client"].append(
            line.plc | {"name": "frozen", "endpoint": frozen.endpoint}
        )
        courier = line.start()
        line.record(20)
        wait_for(lambda: len(plc.taken()) + len(frozen.taken()) == 40, "both take defects")
        frozen.freeze()
        line.record(100)
        wait_for(lambda: len(plc.taken()) == 120, "the other goes on")
        wait_for(lambda: "no answer within 1 s" in courier.log(), "the frozen one is told of")
        frozen.thaw()
        wait_for(lambda: len(frozen.taken()) >= 120, "it catches up")
        assert seqs(frozen) == list(range(1, 121))
        frozen.freeze()
        began = time.monotonic()
        assert courier.stop() == 0
        assert time.monotonic() - began < 16
        assert courier.log().count("hangs and is left behind") == 0


def test_a_stop_does_not_connect_again_right_after_it_failed(tmp_path: Path, plc: Plc) -> None:
    with PlcLine(tmp_path, plc.endpoint) as line:
        receiver = line.receiver()
        receiver.deliver(())
        plc.kill()
        with socket.create_server(("127.0.0.1", plc.port)) as silent:
            silent.settimeout(0)
            with pytest.raises(ReceiverError):  # the loss is seen
                receiver.deliver(())
            with pytest.raises(ReceiverError, match="no answer within 1 s"):
                receiver.deliver(())
            receiver.close()
            silent.accept()[0].close()
            with pytest.raises(BlockingIOError):
                silent.accept()


def test_stranger_in_the_plcs_place_ends_nothing(tmp_path: Path) -> None:
    """Whatever answers there: the lane goes on trying, the courier stands."""
    answers = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"ACKF\xff\xff\xff\xff",
        b"ERRF\x10\0\0\0" + b"\xff" * 8,
        b"ACKF\x1c\0\0\0" + b"\0" * 20,
        b"",
        b"OPNF" + bytes(range(256)),
    ]
    with (
        socket.create_server(("127.0.0.1", 0)) as stranger,
        PlcLine(tmp_path, f"opc.tcp://127.0.0.1:{stranger.getsockname()[1]}") as line,
    ):
        receiver = line.receiver()
        for answer in answers:
            thread = threading.Thread(target=answer_once, args=(stranger, answer))
            thread.start()
            with pytest.raises(ReceiverError, match=r"deliver\.opcua_client 'plc': opc\.tcp"):
                receiver.deliver(())
            thread.join()
        receiver.close()


def answer_once(listener: socket.socket, answer: bytes) -> None:
    peer, _ = listener.accept()
    with peer:
        peer.recv(65536)
        peer.sendall(answer)
