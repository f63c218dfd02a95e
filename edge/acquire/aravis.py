"""Any GigE Vision (or USB3 Vision) camera through Aravis, as Debian packages it.

Every exception of the library ends here. As with pylon, `open` builds all objects anew. Aravis
notices a camera that is gone, was restarted, or was taken over by another host when its heartbeat
fails (once a second; five seconds without any answer), and that ends the read.
"""

import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from edge.acquire.aravis_nodes import AravisNodes, set_property
from edge.acquire.block_ids import BlockIds
from edge.acquire.camera_stamps import CameraStamps
from edge.acquire.discovery import Found, the_one
from edge.acquire.framing import INCOMPLETE, LOST, Framing
from edge.acquire.nodes import NodeMap, Value, set_frame_rate
from edge.clock import Clock, Stamp
from edge.config import AravisSource as AravisSection
from edge.errors import ConfigError, SourceError, SourceLostError, SourceTimeoutError
from edge.ports import LinePosition
from edge.types import U8, Frame, SourceReport

log = logging.getLogger(__name__)

PIXEL_FORMAT = "Mono8"
DEBIANS_PACKAGES = "/usr/lib/python3/dist-packages"
STATISTICS = {
    "n_failures": "failed_buffers",
    "n_timeouts": "timed_out_buffers",
    "n_underruns": "underruns",
    "n_missing_frames": "missed_frames",
    "n_received_packets": "packets",
    "n_missing_packets": "missing_packets",
    "n_error_packets": "error_packets",
    "n_ignored_packets": "ignored_packets",
    "n_duplicated_packets": "duplicated_packets",
    "n_resend_requests": "resend_requests",
    "n_resent_packets": "resent_packets",
}
"""Names that the library's stream gives its counters."""
COMPLETED = "n_completed_buffers"
STREAM: dict[str, Value] = {"socket-buffer": "auto"}
"""The library's own default leaves the socket as the kernel makes it, which holds no frame."""


class Library(NamedTuple):
    """Aravis' module and the root of its exceptions."""

    aravis: Any
    error: type[Exception]


class AravisSource:
    """One camera. Pixels are copied out of the library's buffer, which it then fills again."""

    def __init__(self, config: AravisSection, position: LinePosition, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._framing = Framing(position)
        self._blocks = BlockIds()
        self._stamps = CameraStamps(clock)
        self._library: Library | None = None
        self._camera: Any = None
        self._stream: Any = None
        self._watch = 0
        self._control_lost = threading.Event()

    def open(self) -> None:
        """Find the camera, set its nodes, start the stream.

        Raises:
            ConfigError: gi or Aravis is not installed, or not for this Python.
            SourceError: not there, in use, or a node or property it refuses.
        """
        self.close()
        self._library = library = load_library()
        try:
            with _translated(library.error, SourceError, "the camera cannot be opened"):
                self._attach(library)
                self._start(library.aravis)
        except SourceError:
            self.close()
            raise
        self._blocks = BlockIds()
        self._framing.away()

    def read(self, timeout_s: float) -> Frame:
        """The next complete frame; incomplete ones on the way to it become losses."""
        if self._library is None or self._stream is None:
            raise SourceLostError("the camera is not open")
        deadline_ns = self._clock.now().monotonic_ns + round(timeout_s * 1e9)
        frame = None
        self._stamps.ask()
        while frame is None:
            rest_ns = max(0, deadline_ns - self._clock.now().monotonic_ns)
            frame = self._grab(rest_ns // 1000, self._library.aravis)
        return frame

    def report(self) -> SourceReport:
        """The stream's statistics, which the library keeps, and the camera's clock."""
        stream = self._stream
        if stream is None:
            return SourceReport()
        told = {stream.get_info_name(n) for n in range(stream.get_n_infos())}
        counts = {
            name: int(stream.get_info_uint64_by_name(info))
            for info, name in STATISTICS.items() if info in told
        }  # fmt: skip
        completed = int(stream.get_info_uint64_by_name(COMPLETED))
        counts["buffers"] = completed + counts.get("failed_buffers", 0)
        return SourceReport(counts, self._stamps.state())

    def close(self) -> None:
        """Give the camera back. One that does not answer takes some seconds."""
        self._stamps.closed()
        camera, self._camera, self._stream = self._camera, None, None
        if camera is None or self._library is None:
            return
        camera.get_device().disconnect(self._watch)
        if not self._control_lost.is_set():
            try:
                camera.stop_acquisition()
            except self._library.error as refusal:
                log.debug("while closing the camera: %s", refusal)

    def _attach(self, library: Library) -> None:
        aravis = library.aravis
        self._camera = camera = aravis.Camera.new(self._address(aravis))
        device = camera.get_device()
        self._control_lost.clear()
        lost = self._control_lost
        self._watch = device.connect("control-lost", lambda _: lost.set())
        # By default a value out of range is sent, and the camera makes of it what it likes.
        device.set_range_check_policy(aravis.RangeCheckPolicy.ENABLE)
        device.set_access_check_policy(aravis.AccessCheckPolicy.ENABLE)
        nodes = AravisNodes(device, aravis, library.error)
        self._configure(nodes)
        if camera.is_gv_device():
            self._configure_link(aravis)
        self._stamps.opened(nodes)

    def _address(self, aravis: Any) -> str:  # noqa: ANN401 - the library's
        """What the library opens the one camera by that is meant."""
        if self._config.address is not None:
            return self._config.address
        aravis.update_device_list()
        found = [
            Found(
                f"{aravis.get_device_vendor(n)} {aravis.get_device_model(n)}",
                aravis.get_device_serial_nbr(n),
                aravis.get_device_id(n),
            )
            for n in range(aravis.get_n_devices())
        ]
        return str(the_one(found, self._config.serial).device)

    def _configure(self, nodes: NodeMap) -> None:
        nodes.write("AcquisitionMode", "Continuous")
        nodes.write("PixelFormat", PIXEL_FORMAT)
        if self._config.frames_per_s is not None:
            set_frame_rate(nodes, self._config.frames_per_s)
        for name, value in self._config.parameters.items():
            nodes.write(name, value)
        if (found := nodes.read("PixelFormat")) != PIXEL_FORMAT:
            raise SourceError(
                f"camera node PixelFormat: is {found}, but only {PIXEL_FORMAT} is inspected; remove"
                " it from source.parameters"
            )

    def _configure_link(self, aravis: Any) -> None:  # noqa: ANN401 - the library's
        camera, packet_size = self._camera, self._config.packet_size
        if packet_size == "auto":
            camera.gv_auto_packet_size()
        elif packet_size is not None:
            camera.gv_set_packet_size(packet_size)
        if not self._config.packet_socket:
            camera.gv_set_stream_options(aravis.GvStreamOption.PACKET_SOCKET_DISABLED)

    def _start(self, aravis: Any) -> None:  # noqa: ANN401 - the library's
        camera = self._camera
        stream = camera.create_stream(None, None)
        if stream is None:
            raise SourceError("the camera gives no stream; is it in use by another program?")
        defaults = STREAM if camera.is_gv_device() else {}
        for name, value in (defaults | self._config.stream).items():
            set_property(stream, name, value)
        payload = camera.get_payload()
        for _ in range(self._config.buffers):
            stream.push_buffer(aravis.Buffer.new_allocate(payload))
        camera.start_acquisition()
        self._stream = stream

    def _grab(self, timeout_us: int, aravis: Any) -> Frame | None:  # noqa: ANN401 - the library's
        if self._control_lost.is_set():
            raise SourceLostError("the camera is gone, or obeys another host")
        buffer = self._stream.timeout_pop_buffer(timeout_us)
        grabbed = self._clock.now()
        if buffer is None:
            raise SourceTimeoutError("no frame in time: strip at rest, no trigger, or no light")
        try:
            return self._take(buffer, grabbed, aravis.BufferStatus.SUCCESS)
        finally:
            self._stream.push_buffer(buffer)

    def _take(self, buffer: Any, grabbed: Stamp, success: Any) -> Frame | None:  # noqa: ANN401 - the library's
        frame_id, status = buffer.get_frame_id(), buffer.get_status()
        self._framing.lost(LOST, self._blocks.missed(frame_id))
        if status == success:
            exposed = self._stamps.exposed(buffer.get_timestamp(), grabbed)
            return self._framing.frame(_pixels(buffer), exposed, grabbed)
        log.warning("frame with id %d is incomplete: %s", frame_id, status.value_nick)
        self._framing.lost(INCOMPLETE)
        return None


def _pixels(buffer: Any) -> U8:  # noqa: ANN401 - the library's
    """A copy of the picture, without the bytes that some cameras put at the end of each line."""
    width, height = buffer.get_image_width(), buffer.get_image_height()
    padding, _ = buffer.get_image_padding()
    lines = np.frombuffer(buffer.get_image_data(), np.uint8, height * (width + padding))
    return np.ascontiguousarray(lines.reshape(height, width + padding)[:, :width])


def load_library() -> Library:
    """Aravis by way of gi, which Debian installs for its own Python, outside of every venv.

    Raises:
        ConfigError: one of them is not there, or built for another Python.
    """
    sys.path.append(DEBIANS_PACKAGES)
    try:
        with warnings.catch_warnings(action="ignore"):  # gi's importer is deprecated in style
            import gi  # noqa: PLC0415 - from the path above

            gi.require_version("Aravis", "0.8")
            from gi.repository import Aravis, GLib  # noqa: PLC0415
    except (ImportError, ValueError) as error:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise ConfigError(
            "source.kind aravis needs the packages python3-gi and gir1.2-aravis-0.8 (apt install),"
            f" and a venv of the distribution's own Python, which this {python} may not be: {error}"
        ) from error
    finally:
        sys.path.remove(DEBIANS_PACKAGES)
    return Library(Aravis, GLib.Error)


@contextmanager
def _translated(librarys: type[Exception], ours: type[SourceError], what: str) -> Iterator[None]:
    try:
        yield
    except librarys as error:
        raise ours(f"{what}: {getattr(error, 'message', error)}") from error
