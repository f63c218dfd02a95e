"""Aravis against its fake camera: what is read, what is refused, and what is counted."""

from itertools import dropwhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.acquire.factory import make_source
from edge.acquire.position import LinesPosition
from edge.clock import SystemClock
from edge.errors import SourceError, SourceLostError, SourceTimeoutError
from tests.integration.acquire.fake_gige import (
    ADDRESS,
    M_PER_ROW,
    NARROW,
    PACKETS_A_FRAME,
    ROWS,
    FakeCamera,
    id_in,
    make,
    opened,
    picture,
)
from tests.unit.edge.acquire.fakes import make_config

pytestmark = [pytest.mark.integration, pytest.mark.network, pytest.mark.usefixtures("camera")]

FRAMES = 250
"""At 50 a second: two to three seconds until the clock has settled, and two more. The camera's
process begins with id 65401, so that the 16 bits wrap.
"""


def test_frames_come_pixel_exact_and_in_order_over_the_wrap_of_their_ids() -> None:
    """A busy machine may lose one; then its number and its metres are left out."""
    with opened() as source:
        frames = [source.read(5) for _ in range(FRAMES)]
        counts, clock = source.report()
    for frame in frames:
        assert np.array_equal(frame.pixels, picture((id_in(frames[0]) + frame.seq) % 255))
        assert frame.rows == (frame.seq * ROWS * M_PER_ROW, M_PER_ROW, ROWS)
        assert not frame.pixels.flags.writeable
    stamped = list(dropwhile(lambda frame: frame.exposed is None, frames))
    assert len(stamped) >= FRAMES // 5
    for frame in stamped:
        assert frame.exposed is not None
        assert 0 <= frame.grabbed.monotonic_ns - frame.exposed.monotonic_ns < 1e9
    assert frames[-1].seq < 1.2 * FRAMES
    assert counts["buffers"] - counts["failed_buffers"] >= FRAMES
    assert counts["packets"] >= FRAMES * PACKETS_A_FRAME
    assert counts["resent_packets"] == 0
    assert clock is not None
    assert clock.epoch == "utc"  # the fake camera stamps with this host's clock
    assert abs(clock.offset_s) < 0.1
    assert source.report().counts == {}


def test_a_udp_socket_does_where_packet_sockets_are_not_permitted() -> None:
    with opened(packet_socket=False, packet_size=1400, parameters=NARROW) as source:
        frames = [source.read(5) for _ in range(20)]
    assert np.array_equal(frames[-1].pixels, picture(id_in(frames[-1]))[:, :128])
    assert frames[-1].seq < 25


def test_it_can_be_stopped_and_started_again() -> None:
    """Once a client hung at the second start (aravis #350); 0.8.26 does not."""
    source = make()
    held = []
    for turn in range(10):
        source.open()
        frame = source.read(5)
        assert (frame.seq, len(frame.losses)) == (turn, min(turn, 1))
        source.close()
        held.append([len(list(Path(f"/proc/self/{of}").iterdir())) for of in ("fd", "task")])
    assert held[-1] == held[1]
    with pytest.raises(SourceLostError):
        source.read(0.1)


def test_the_factory_builds_it_and_the_serial_chooses() -> None:
    section = {"kind": "aravis", "serial": "GV01"}
    source = make_source(make_config(section), LinesPosition(M_PER_ROW), SystemClock())
    source.open()
    assert source.read(5).seq == 0
    source.close()
    with pytest.raises(SourceError, match=r"serial 'GV7' \(found: Aravis Fake GV01\)"):
        make(serial="GV7", address=None).open()


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"parameters": {"Width": 99999}}, "camera node Width: .* an integer from 1 to 2048"),
        ({"parameters": {"Width": True}}, "camera node Width: refuses True .* an integer"),
        ({"parameters": {"Widht": 9}}, "camera node Widht: .* did you mean Width"),
        ({"parameters": {"ExposureTimeAbs": 1e12}}, r"ExposureTimeAbs: .* from 10\.0 to 10000000"),
        ({"parameters": {"TriggerMode": "Perhaps"}}, "TriggerMode: .* it takes On, Off|Off, On"),
        ({"parameters": {"DeviceModelName": "x"}}, "DeviceModelName: .* read only"),
        ({"parameters": {"TriggerSoftware": 1}}, "TriggerSoftware: .* true, which runs it"),
        ({"parameters": {"PixelFormat": "Mono16"}}, "PixelFormat: is Mono16, but only Mono8"),
        ({"stream": {"packet-resend": "often"}}, "property packet-resend: .* never, always"),
        ({"stream": {"packet-timeout": -1}}, "packet-timeout: .* integer from 0 to 4294967295"),
        ({"stream": {"packet-time": 1}}, "property packet-time: .* did you mean packet-timeout"),
        ({"frames_per_s": 5000.0}, "AcquisitionFrameRate: .* number from 0.1 to 1000"),
    ],
)  # fmt: skip
def test_a_refused_node_or_property_is_named_with_its_range(
    section: dict[str, Any], told: str
) -> None:
    with pytest.raises(SourceError, match=told) as error:
        make(**section).open()
    assert error.value.exit_code == 4


def test_parameters_shape_the_picture_and_a_trigger_holds_it_back() -> None:
    parameters = {"Width": 320, "Height": 64, "TriggerSource": "Software", "TriggerMode": True}
    with opened(parameters=parameters, stream={"packet-resend": "never"}) as source:
        with pytest.raises(SourceTimeoutError):
            source.read(0.2)
        source._camera.software_trigger()
        frame = source.read(5)
    assert frame.pixels.shape == (64, 320)
    assert np.array_equal(frame.pixels, picture(id_in(frame))[:64, :320])


def test_a_camera_that_is_not_there_is_named(camera: FakeCamera) -> None:
    camera.kill()
    with pytest.raises(SourceError, match=f"cannot be opened: .*{ADDRESS}") as error:
        make().open()
    assert error.value.exit_code == 4
