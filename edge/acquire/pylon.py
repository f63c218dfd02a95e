"""A Basler camera through the vendor's SDK (pypylon), or the SDK's own camera emulation.

Every exception of the vendor ends here. A grab is never retried on a device that failed: `open`
always builds the device object anew, since an object whose camera was unplugged stays dead.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from edge.acquire.block_ids import BlockIds
from edge.acquire.camera_stamps import CameraStamps
from edge.acquire.chunks import read_counts
from edge.acquire.discovery import Found, the_one
from edge.acquire.emulation import EMULATED, only_pictures, play
from edge.acquire.framing import INCOMPLETE, LOST, Framing
from edge.acquire.nodes import NodeMap, set_frame_rate
from edge.acquire.pylon_nodes import PylonNodes, reason
from edge.clock import Clock, Stamp
from edge.config import PylonSource as PylonSection
from edge.config import emulate_camera
from edge.errors import ConfigError, SourceError, SourceLostError, SourceTimeoutError
from edge.ports import LinePosition
from edge.types import Counts, Frame, SourceReport

log = logging.getLogger(__name__)

PIXEL_FORMAT = "Mono8"
STATISTICS = {
    "Statistic_Total_Buffer_Count": "buffers",
    "Statistic_Failed_Buffer_Count": "failed_buffers",
    "Statistic_Buffer_Underrun_Count": "underruns",
    "Statistic_Missed_Frame_Count": "missed_frames",
    "Statistic_Resynchronization_Count": "resynchronizations",
    "Statistic_Total_Packet_Count": "packets",
    "Statistic_Failed_Packet_Count": "missing_packets",
    "Statistic_Resend_Request_Count": "resend_requests",
    "Statistic_Resend_Packet_Count": "resent_packets",
}
"""The stream grabber's nodes; GigE counts packets, USB missed frames and resynchronizations."""
SDK_SETS = "MaxNumBuffer"
"""The SDK's camera object writes its own value over the stream grabber's when a grab starts."""


class Sdk(NamedTuple):
    """The vendor's module and the root of its exceptions."""

    pylon: Any
    error: type[Exception]


class PylonSource:
    """One camera. Pixels are copied out of the SDK's buffer at once (0.65 ms for 4 MB), since
    buffers that are kept make its memory grow and its camera starve.

    A camera with a clock stamps its frames, and the stamps are mapped to the host's time; the
    emulation has none, and its frames carry no exposure stamp.
    """

    def __init__(self, config: PylonSection, position: LinePosition, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._framing = Framing(position)
        self._blocks = BlockIds()
        self._stamps = CameraStamps(clock)
        self._sdk: Sdk | None = None
        self._camera: Any = None
        self._skipped = 0

    def open(self) -> None:
        """Find the camera, set its nodes, start the grab.

        Raises:
            ConfigError: pypylon is not installed, or the emulation's folder has no pictures.
            SourceError: not there, in use, or a node it refuses.
        """
        self.close()
        if self._config.emulation is not None:
            only_pictures(self._config.emulation)
            emulate_camera()
        self._sdk = sdk = _load()
        try:
            with _translated(sdk.error, SourceError, "the camera cannot be opened"):
                self._attach(sdk.pylon)
                nodes = PylonNodes(self._camera.GetNodeMap(), sdk.error)
                self._configure(nodes)
                self._configure_host(sdk.error)
                self._camera.StartGrabbing(sdk.pylon.GrabStrategy_OneByOne)
                self._stamps.opened(nodes)
        except SourceError:
            self.close()
            raise
        self._blocks = BlockIds()
        self._skipped = 0
        self._framing.away()

    def read(self, timeout_s: float) -> Frame:
        """The next complete frame; incomplete ones on the way to it become losses."""
        if self._sdk is None or self._camera is None:
            raise SourceLostError("the camera is not open")
        deadline_ns = self._clock.now().monotonic_ns + round(timeout_s * 1e9)
        frame = None
        self._stamps.ask()
        with _translated(self._sdk.error, SourceLostError, "the camera is lost"):
            while frame is None:
                rest_ns = max(0, deadline_ns - self._clock.now().monotonic_ns)
                frame = self._grab(rest_ns // 1_000_000, self._sdk.pylon)
        return frame

    def report(self) -> SourceReport:
        """The stream grabber's statistics, which the host keeps, and the camera's clock."""
        if self._sdk is None or self._camera is None:
            return SourceReport()
        counts = {"skipped_images": self._skipped}
        try:
            stream = PylonNodes(self._camera.GetStreamGrabberNodeMap(), self._sdk.error)
        except self._sdk.error:  # the device is gone
            return SourceReport(counts)
        for node, name in STATISTICS.items():
            if (count := stream.count(node)) is not None:
                counts[name] = count
        return SourceReport(counts, self._stamps.state())

    def close(self) -> None:
        """Give the camera back, whatever state it is in."""
        self._stamps.closed()
        camera, self._camera = self._camera, None
        if camera is not None and self._sdk is not None:
            for step in (camera.StopGrabbing, camera.Close, camera.DestroyDevice):
                _quietly(step, self._sdk.error)

    def _attach(self, pylon: Any) -> None:  # noqa: ANN401 - vendor's
        factory = pylon.TlFactory.GetInstance()
        device = self._choose(self._devices(pylon))
        self._camera = pylon.InstantCamera(factory.CreateDevice(device))
        # The SDK's default switches all triggers off at opening; the line's encoder is one.
        self._camera.RegisterConfiguration(
            pylon.ConfigurationEventHandler(),
            pylon.RegistrationMode_ReplaceAll,
            pylon.Cleanup_Delete,
        )
        self._camera.Open()

    def _devices(self, pylon: Any) -> Any:  # noqa: ANN401 - vendor's
        """What can be seen now; asking the network takes 0.25 s, which the emulation is spared."""
        factory = pylon.TlFactory.GetInstance()
        if self._config.emulation is None:
            return factory.EnumerateDevices()
        wanted = pylon.DeviceInfo()
        wanted.SetDeviceClass(EMULATED)
        return factory.EnumerateDevices([wanted])

    def _choose(self, devices: Any) -> Any:  # noqa: ANN401 - vendor's
        """The one camera that is meant. An emulated one is taken only where the config says so,
        lest a test picture be inspected for the strip.
        """
        emulated = self._config.emulation is not None
        found = [
            Found(d.GetModelName(), d.GetSerialNumber(), d)
            for d in devices if (d.GetDeviceClass() == EMULATED) == emulated
        ]  # fmt: skip
        return the_one(found, self._config.serial).device

    def _configure(self, nodes: NodeMap) -> None:
        if self._config.emulation is not None:
            play(nodes, self._config.emulation)
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

    def _configure_host(self, error: type[Exception]) -> None:
        """What the SDK itself is told about this camera's stream and its link."""
        camera = self._camera
        transport = PylonNodes(camera.GetTLNodeMap(), error, "transport node")
        for name, value in self._config.transport.items():
            transport.write(name, value)
        stream = PylonNodes(camera.GetStreamGrabberNodeMap(), error, "stream node")
        own = PylonNodes(camera.GetInstantCameraNodeMap(), error, "stream node")
        for name, value in self._config.stream.items():
            (own if name == SDK_SETS else stream).write(name, value)

    def _grab(self, timeout_ms: int, pylon: Any) -> Frame | None:  # noqa: ANN401 - vendor's
        camera = self._camera
        if camera.IsCameraDeviceRemoved():
            raise SourceLostError("the camera was removed")
        result = camera.RetrieveResult(timeout_ms, pylon.TimeoutHandling_Return)
        grabbed = self._clock.now()
        if not result.IsValid():
            if camera.IsCameraDeviceRemoved() or not camera.IsGrabbing():
                raise SourceLostError("the camera stopped delivering")
            raise SourceTimeoutError("no frame in time: strip at rest, no trigger, or no light")
        try:
            return self._take(result, grabbed)
        finally:
            result.Release()

    def _take(self, result: Any, grabbed: Stamp) -> Frame | None:  # noqa: ANN401 - vendor's
        block_id = result.GetBlockID()
        self._framing.lost(LOST, self._blocks.missed(block_id))
        self._skipped += result.GetNumberOfSkippedImages()
        if result.GrabSucceeded():
            exposed = self._stamps.exposed(self._stamps.ns(result.GetTimeStamp()), grabbed)
            pixels = result.GetArray()
            counts = self._counts(result, len(pixels))
            return self._framing.frame(pixels, exposed, grabbed, counts)
        code, text = result.GetErrorCode(), result.GetErrorDescription()
        log.warning("frame with block id %d is incomplete: 0x%x %s", block_id, code, text)
        self._framing.lost(INCOMPLETE)
        return None

    def _counts(self, result: Any, rows: int) -> Counts | None:  # noqa: ANN401 - vendor's
        """The encoder's, where the config names the chunk that has them."""
        if self._config.counter_node is None or self._sdk is None:
            return None
        chunks = PylonNodes(result.GetChunkDataNodeMap(), self._sdk.error)
        return read_counts(chunks, self._config.counter_node, rows)


def _load() -> Sdk:
    try:
        # Its generated wrapper is deprecated in style, and crashes where warnings are errors.
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            from pypylon import genicam, pylon  # noqa: PLC0415 - after `emulate_camera`
    except ImportError as error:
        raise ConfigError(
            'source.kind pylon needs pypylon: pip install "stripsight[camera]"'
        ) from error
    return Sdk(pylon, genicam.GenericException)


@contextmanager
def _translated(vendors: type[Exception], ours: type[SourceError], what: str) -> Iterator[None]:
    try:
        yield
    except vendors as error:
        raise ours(f"{what}: {reason(error)}") from error


def _quietly(step: Any, error: type[Exception]) -> None:  # noqa: ANN401 - vendor's
    try:
        step()
    except error as refusal:
        log.debug("while closing the camera: %s", reason(refusal))
