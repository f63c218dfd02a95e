"""The real SDK with its camera emulation; it plays `.bmp` and `.png` files of a folder."""

import logging
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from edge.acquire.by_encoder import EncoderPosition
from edge.acquire.by_speed import SpeedPosition, SteadySpeed
from edge.acquire.factory import make_source
from edge.acquire.grab import Grab, Patience, make_frame_buffer
from edge.acquire.position import LinesPosition
from edge.acquire.pylon import PylonSource
from edge.clock import Stamp, SystemClock
from edge.config import EncoderPosition as EncoderSection
from edge.config import PylonSource as PylonSection
from edge.errors import ConfigError, SourceError, SourceLostError, SourceTimeoutError
from edge.metrics import InspectMetrics
from edge.types import U8, Loss
from tests.integration.acquire.emulated import BLOCK_M, M_PER_ROW, ROWS, make, opened
from tests.unit.edge.acquire.fakes import make_config

# By a thread: the SDK can wait for ever in a process that has an interval timer running.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(60, method="thread")]


def test_frames_come_pixel_exact_in_order_and_for_ever(tmp_path: Path, pictures: list[U8]) -> None:
    with opened(tmp_path) as source:
        frames = [source.read(5) for _ in range(7)]
    for number, frame in enumerate(frames):
        assert np.array_equal(frame.pixels, pictures[number % 3])
        assert frame.seq == number
        assert frame.rows == (number * ROWS * M_PER_ROW, M_PER_ROW, ROWS)
        assert frame.losses == ()
        assert not frame.pixels.flags.writeable


def test_large_and_mixed_pictures_are_not_cut(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    made = [rng.integers(0, 256, shape, np.uint8) for shape in ((1500, 300), (64, 2048))]
    for number, pixels in enumerate(made):
        cv2.imwrite(str(tmp_path / f"{number}.png"), pixels)
    with opened(tmp_path) as source:
        for pixels in made:
            assert np.array_equal(source.read(5).pixels, pixels)


def test_pixels_outlive_their_buffer(tmp_path: Path, pictures: list[U8]) -> None:
    with opened(tmp_path) as source:
        first = source.read(5)
        for _ in range(25):
            source.read(5)
    assert np.array_equal(first.pixels, pictures[0])


def test_the_factory_builds_it_and_the_serial_chooses(tmp_path: Path, pictures: list[U8]) -> None:
    section = {"kind": "pylon", "emulation": tmp_path, "serial": "0815-0000"}
    source = make_source(make_config(section), LinesPosition(M_PER_ROW), SystemClock())
    source.open()
    assert np.array_equal(source.read(5).pixels, pictures[0])
    source.close()


@pytest.mark.usefixtures("pictures")
class TestOpening:
    def test_another_serial_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"serial '4711' \(found: Emulation 0815-0000\)") as e:
            make(tmp_path, serial="4711").open()
        assert e.value.exit_code == 4

    def test_an_emulated_camera_never_stands_in_for_a_real_one(self, tmp_path: Path) -> None:
        with opened(tmp_path), pytest.raises(SourceError, match="no camera") as error:
            make(None).open()
        assert error.value.exit_code == 4

    @pytest.mark.parametrize(
        ("parameters", "told"),
        [
            ({"Width": 99999}, r"node Width: refuses 99999 .* integer from 1 to 4096"),
            ({"Width": "wide"}, "node Width: refuses 'wide' .* an integer"),
            ({"Height": True}, "node Height: refuses True"),
            ({"Gian": 1}, "node Gian: .* did you mean Gain"),
            ({"Gain": 1e9}, r"node Gain: .* from 0\.0 to 48\.0"),
            ({"TriggerMode": "Perhaps"}, "node TriggerMode: .* takes Off, On"),
            ({"DeviceModelName": "x"}, "node DeviceModelName: .* not writable"),
            ({"UserSetLoad": 1}, "node UserSetLoad: .* runs it"),
            ({"Root": 1}, "node Root: .* no value"),
            ({"Width": 2**70}, "node Width"),
            ({"PixelFormat": "Mono12"}, "node PixelFormat: is Mono12, but only Mono8"),
        ],
    )
    def test_a_refused_parameter_is_named(
        self, tmp_path: Path, parameters: dict[str, Any], told: str
    ) -> None:
        with pytest.raises(SourceError, match=told) as error:
            make(tmp_path, parameters=parameters).open()
        assert error.value.exit_code == 4
        assert "thrown" not in str(error.value)

    @pytest.mark.parametrize(
        ("section", "told"),
        [
            ({"stream": {"MaxNumBufer": 9}}, "stream node MaxNumBufer: .* mean MaxNumBuffer"),
            ({"stream": {"MaxNumBuffer": -1}}, "stream node MaxNumBuffer: .* integer from 1 to"),
            ({"stream": {"EnableResend": True}}, "stream node EnableResend: this camera has none"),
            ({"transport": {"HeartbeatTimeout": 3000}}, "transport node HeartbeatTimeout: .* none"),
        ],
    )
    def test_a_refused_node_of_the_host_is_named_by_its_map(
        self, tmp_path: Path, section: dict[str, Any], told: str
    ) -> None:
        with pytest.raises(SourceError, match=told) as error:
            make(tmp_path, **section).open()
        assert error.value.exit_code == 4

    def test_the_number_of_buffers_outlives_the_start_of_the_grab(self, tmp_path: Path) -> None:
        with opened(tmp_path, stream={"MaxNumBuffer": 23, "MaxBufferSize": 4_000_000}) as source:
            source.read(5)
            stream = source._camera.GetStreamGrabberNodeMap()
            assert stream.GetNode("MaxNumBuffer").GetValue() == 23

    @pytest.mark.parametrize(
        "parameters",
        [
            {"ExposureAuto": "Off", "ExposureMode": "Timed", "ExposureTime": 40.0},
            {"GainAuto": False, "Gain": 6.0},
            {"BlackLevel": 1.0, "Gamma": 1.0},
            {"TriggerSelector": "FrameStart", "TriggerMode": "On", "TriggerSource": "Line1",
             "TriggerActivation": "RisingEdge", "TriggerDelay": 0},
            {"TriggerSelector": "FrameBurstStart", "TriggerMode": "On", "TriggerSource": "Line3"},
            {"AcquisitionFrameRateEnable": True, "AcquisitionFrameRate": 28.0},
            {"GevSCPSPacketSize": 8192, "GevSCPD": 1000, "GevSCFTD": 0, "GevSCBWR": 10},
            {"DeviceLinkThroughputLimitMode": "On", "DeviceLinkThroughputLimit": 100_000_000},
            {"OffsetX": 0, "Width": 320, "ReverseX": True, "BinningHorizontal": 1},
        ],
        ids=lambda parameters: next(iter(parameters)),
    )  # fmt: skip
    def test_the_nodes_that_the_docs_name_are_taken(
        self, tmp_path: Path, parameters: dict[str, Any]
    ) -> None:
        with opened(tmp_path, parameters=parameters):
            pass

    def test_parameters_are_set_in_order(self, tmp_path: Path) -> None:
        parameters = {"Width": 320, "OffsetX": 100, "TriggerMode": False, "Gain": 2}
        with opened(tmp_path, parameters=parameters) as source:
            assert source.read(5).pixels.shape[1] == 320
            assert source._camera.Gain.Value == pytest.approx(
                2.0, abs=1e-4
            )  # its register has steps

    def test_the_frame_rate_is_asked_of_the_camera(self, tmp_path: Path) -> None:
        with opened(tmp_path, frames_per_s=20.0) as source:
            assert source._camera.AcquisitionFrameRate.Value == pytest.approx(20)
            stamps = [source.read(5).grabbed.monotonic_ns for _ in range(11)]
        assert (stamps[-1] - stamps[0]) / 1e9 >= 0.4

    def test_the_cameras_own_triggers_are_left_alone(self, tmp_path: Path) -> None:
        parameters = {"TriggerSource": "Software", "TriggerMode": "On"}
        with opened(tmp_path, parameters=parameters) as source:
            with pytest.raises(SourceTimeoutError):
                source.read(0.05)
            source._camera.TriggerSoftware.Execute()
            assert source.read(5).seq == 0

    def test_a_closed_source_is_lost_and_closing_twice_is_fine(self, tmp_path: Path) -> None:
        source = make(tmp_path)
        source.close()
        with pytest.raises(SourceLostError):
            source.read(0.1)
        source.open()
        source.close()
        source.close()
        with pytest.raises(SourceLostError):
            source.read(0.1)


def test_an_emulation_folder_without_pictures_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no picture in it"):
        make(tmp_path).open()
    (tmp_path / "bad.bmp").write_bytes(b"BM")
    with pytest.raises(SourceError, match="none of its pictures"):
        make(tmp_path).open()


def test_a_file_that_is_no_picture_is_refused_by_name(tmp_path: Path, pictures: list[U8]) -> None:
    (tmp_path / "truth.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"truth\.json"):
        make(tmp_path).open()
    assert pictures


def test_failed_buffers_become_losses(
    tmp_path: Path, pictures: list[U8], caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path, frames_per_s=50.0) as source:
        first = source.read(5)
        source._camera.ForceFailedBufferCount.Value = 3
        source._camera.ForceFailedBuffer.Execute()
        frames = [first]
        while not frames[-1].losses:
            frames.append(source.read(5))
        frame = frames[-1]
    assert [f.seq for f in frames[:-1]] == list(range(len(frames) - 1))
    assert frame.seq == frames[-2].seq + 4
    start_m = frames[-2].rows.end_m
    (loss,) = frame.losses
    assert loss.reason == "incomplete_frame"
    assert loss[:2] == pytest.approx((start_m, start_m + 3 * BLOCK_M))
    assert np.array_equal(frame.pixels, pictures[frame.seq % 3])
    assert caplog.text.count("incomplete") >= 3


def test_a_corrupt_picture_is_a_lost_frame(
    tmp_path: Path, pictures: list[U8], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "frame-001.bmp").write_bytes(b"BM no picture")
    with opened(tmp_path) as source:
        frames = [source.read(5) for _ in range(2)]
    assert np.array_equal(frames[1].pixels, pictures[2])
    assert [loss.reason for loss in frames[1].losses] == ["incomplete_frame"]
    assert "frame-001.bmp" in caplog.text


def impose_error(source: PylonSource) -> None:
    source._camera.GetStreamGrabberNodeMap().GetNode("ImposedError").SetValue("imposed")


def unplug(source: PylonSource) -> None:
    camera = source._camera
    camera.FirePnPCallback.Execute()
    pause = threading.Event()
    for _ in range(500):
        if camera.IsCameraDeviceRemoved():
            return
        pause.wait(0.01)
    pytest.fail("the emulation never reported the removal")


@pytest.mark.parametrize("fault", [impose_error, unplug])
def test_a_lost_camera_is_opened_anew(tmp_path: Path, pictures: list[U8], fault: Any) -> None:  # noqa: ANN401
    with opened(tmp_path) as source:
        before = source.read(5)
        camera = source._camera
        fault(source)
        with pytest.raises(SourceLostError):
            source.read(5)
        source.close()
        source.open()
        assert source._camera is not camera
        after = source.read(5)
        assert after.seq == before.seq + 1
        assert after.losses == (Loss(before.rows.end_m, before.rows.end_m, "camera_away"),)
        assert np.array_equal(after.pixels, pictures[0])
        assert source.read(5).losses == ()


class SteppedClock:
    """The time is what the test says."""

    def __init__(self) -> None:
        self.now_ns = 0

    def now(self) -> Stamp:
        return Stamp(self.now_ns, self.now_ns)

    def sleep_until(self, monotonic_ns: int) -> None:
        self.now_ns = max(self.now_ns, monotonic_ns)


@pytest.mark.usefixtures("pictures")
def test_a_camera_without_counts_leaves_the_place_a_guess(tmp_path: Path) -> None:
    section = PylonSection(kind="pylon", emulation=tmp_path, counter_node="ChunkCounterValue")
    encoder = EncoderSection(kind="encoder", counts_per_m=1000)
    source = PylonSource(section, EncoderPosition(encoder, M_PER_ROW), SystemClock())
    source.open()
    frames = [source.read(5) for _ in range(2)]
    source.close()
    assert [frame.place_known for frame in frames] == [False, False]
    assert frames[1].rows.first_m == pytest.approx(frames[0].rows.end_m)


@pytest.mark.usefixtures("pictures")
def test_by_speed_the_stretch_missed_while_away_is_known(tmp_path: Path) -> None:
    clock = SteppedClock()
    section = PylonSection(kind="pylon", emulation=tmp_path)
    source = PylonSource(section, SpeedPosition(SteadySpeed(2.0), M_PER_ROW), clock)
    source.open()
    before = source.read(5)
    impose_error(source)
    with pytest.raises(SourceLostError):
        source.read(5)
    clock.now_ns += 3_000_000_000
    source.open()
    (loss,) = source.read(5).losses
    source.close()
    assert loss.reason == "camera_away"
    assert loss.first_m == before.rows.end_m
    assert loss.end_m - loss.first_m == pytest.approx(6.0 - BLOCK_M)


@pytest.mark.usefixtures("pictures")
def test_the_grab_stage_survives_an_unplugged_camera(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    registry, stop = CollectorRegistry(), threading.Event()
    source, frames = make(tmp_path, frames_per_s=50.0), make_frame_buffer(64)
    patience = Patience(silent_s=2.0, reconnect_s=0.01)
    grab = Grab(source, frames, InspectMetrics(registry), SystemClock(), patience)
    thread = threading.Thread(target=grab.run, args=(stop,))
    thread.start()
    try:
        seqs = []
        for turn in range(12):
            taken = frames.get(10)
            assert taken is not None
            seqs.append(taken.item.seq)
            if turn == 4:
                impose_error(source)
    finally:
        stop.set()
        thread.join(10)
    assert seqs == list(range(12))
    assert registry.get_sample_value("stripsight_source_reopened_total") == 1
    assert "source lost: the camera is lost: imposed" in caplog.text
