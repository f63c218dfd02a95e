"""Where frames come from, what a pixel is, and where the strip is."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from edge.config.section import TWO, Name, Positive, Section

NodeValues = dict[str, bool | int | float | str]


class FolderSource(Section):
    """Pictures of a folder in name order, each a block of lines."""

    kind: Literal["folder"]
    path: Path
    frames_per_s: Positive | None = None
    """Open loop on a clock: a frame that finds no room is lost, as with a camera. Null: as fast as
    they are taken.
    """
    repeat: bool = False


class SimulatedSource(Section):
    """The simulated mill, drawn in this process beforehand and offered on a clock."""

    kind: Literal["simulated"]
    seed: Annotated[int, Field(ge=0)] = 0
    frames: Annotated[int, Field(ge=1, le=10_000)] = 32
    """Frames drawn before the start; they repeat."""
    width_px: Annotated[int, Field(ge=128, le=16384)] = 2048
    rows: Annotated[int, Field(ge=128, le=8192)] = 1024
    frames_per_s: Positive | None = 5.0
    speed: tuple[Annotated[tuple[float, float], TWO], ...] | None = None
    """Instead of `frames_per_s` a ride: seconds since the start and m/s there, straight between
    (below 0 backwards), the last one lasting. An encoder then triggers the lines; it stands still
    with the strip.
    """
    flush_s: Positive = 0.5
    """A block that the strip leaves unfinished is delivered when it has stood still for so long."""


class PylonSource(Section):
    """A Basler camera through the vendor's SDK, or its emulation."""

    kind: Literal["pylon"]
    serial: str | None = None
    """Serial number; null takes the only camera there is."""
    emulation: Path | None = None
    """Folder of .bmp, .png or .tiff that the SDK's camera emulation plays; null for a real camera.
    """
    parameters: NodeValues = Field(default_factory=dict)
    """GenICam node of the camera -> value, set in this order before the grab starts."""
    stream: NodeValues = Field(default_factory=dict)
    """Likewise of the SDK's stream grabber: MaxNumBuffer, EnableResend, SocketBufferSize, ..."""
    transport: NodeValues = Field(default_factory=dict)
    """Likewise of the SDK's transport layer: HeartbeatTimeout, ReadTimeout, ..."""
    frames_per_s: Positive | None = None
    """Frame rate asked of the camera (AcquisitionFrameRate); null leaves the camera's own trigger.
    """
    counter_node: Name | None = None
    """The chunk that holds the encoder's count for position.kind encoder: ChunkCounterValue or
    ChunkEncoderValue; `parameters` switch it on.
    """
    grab_timeout_s: Positive = 2.0
    reconnect_s: Positive = 0.5
    """First pause before the device is opened again; it doubles up to three seconds."""


class AravisSource(Section):
    """A camera of any maker that speaks GigE Vision, through the Aravis library."""

    kind: Literal["aravis"]
    serial: str | None = None
    """Serial number; null takes the only camera there is."""
    address: str | None = None
    """IP address or Aravis' own id of the camera, instead of the serial number; it spares the
    second that asking the whole network takes, and finds cameras behind a router.
    """
    parameters: NodeValues = Field(default_factory=dict)
    """GenICam node of the camera -> value, set in this order before the grab starts."""
    stream: NodeValues = Field(default_factory=dict)
    """Property of the library's stream -> value: packet-resend, packet-timeout, frame-retention,
    socket-buffer (here auto, which holds a frame), socket-buffer-size, ...
    """
    frames_per_s: Positive | None = None
    """Frame rate asked of the camera (AcquisitionFrameRate); null leaves the camera's own trigger.
    """
    packet_size: Annotated[int, Field(ge=576, le=16_000)] | Literal["auto"] | None = "auto"
    """Bytes in a packet; auto tries how large they may be on this network, null leaves it."""
    packet_socket: bool = True
    """Take packets from the network card without the kernel's UDP, where that is permitted
    (CAP_NET_RAW). Where it is not, or false: a UDP socket, whose buffer must hold a frame
    (net.core.rmem_max).
    """
    buffers: Annotated[int, Field(ge=3, le=1000)] = 10
    """Frames that the library may fill before the first is taken."""
    grab_timeout_s: Positive = 2.0
    reconnect_s: Positive = 0.5
    """First pause before the device is opened again; it doubles up to three seconds."""


Source = Annotated[
    FolderSource | SimulatedSource | PylonSource | AravisSource, Field(discriminator="kind")
]


class Optics(Section):
    """What a pixel is on the strip."""

    mm_per_px_along: Positive
    mm_per_px_across: Positive
    flat_field: Path | None = None
    """What `stripsight-edge calibrate-light` wrote: the light across the picture is made even
    before tiles are cut. Null: the camera does it, or nobody.
    """
    assume_bundle_scale: bool = False
    """Accept a bundle whose card does not know its mm per pixel, taking its tiles at the camera's
    own scale.
    """


class Mounting(Section):
    """How the camera hangs over the strip."""

    offset_m: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    """From the line's reference (where coils' heads are counted) to the camera, downstream."""
    mirrored: bool = False
    """The operator side is at the picture's right, as under a camera that looks from below."""
    side: Literal["top", "bottom"] | None = None
    """Which side of the strip the camera sees; told with every coil."""
    rows_backwards: bool = False
    """The picture's last row passed first: an area camera that was mounted upside down."""


class LinesPosition(Section):
    """An encoder triggers each line: position is the number of lines times their pitch."""

    kind: Literal["lines"]


class SpeedPosition(Section):
    """No encoder: position is constant speed times time."""

    kind: Literal["speed"]
    m_per_s: Positive


class SpeedSignalPosition(Section):
    """No encoder, but the mill tells the strip's speed (`mill`, or the simulated source's ride):
    position is speed over time.
    """

    kind: Literal["speed_signal"]
    signal: Literal["speed", "position"] = "speed"
    """What the mill tells it by: its `speed`, or `position`, its count of metres, which position
    then follows.
    """
    pitch_at_m_per_s: Positive
    """The speed at which lines have optics.mm_per_px_along; they come on the camera's own clock."""
    max_age_s: Positive = 1.0
    """An older speed is a guess: inspection then counts as not valid."""


class EncoderPosition(Section):
    """An encoder's counter that comes with each frame: position also over stops, reversals and
    lines that nobody counted.
    """

    kind: Literal["encoder"]
    counts_per_m: Positive
    bits: Annotated[int, Field(ge=8, le=64)] = 32
    """Width of the counter, which wraps. Strip that passes uncounted, as while the camera is away,
    is known up to half of what fits: 16 bits at 10 counts/mm are 3.3 m.
    """
    falling: bool = False
    """The counter falls while the strip runs forward."""
    trigger: Literal["lines", "clock", "frame"] = "lines"
    """What the lines come on: the encoder, the camera's own clock, or (an area camera) none: the
    whole frame is of one moment.
    """
    absolute: bool = False
    """The counter goes on while the daemon and the camera are off, so after a restart it tells how
    much strip nobody saw. Needs a counter that does not wrap meanwhile.
    """


Position = Annotated[
    LinesPosition | SpeedPosition | SpeedSignalPosition | EncoderPosition,
    Field(discriminator="kind"),
]


class Coils(Section):
    """Coils of constant length one after the other, for lines that do not report them. Where `mill`
    tells of them only `width_mm` is used, until they have one of their own.
    """

    first_id: Name = "coil-0001"
    """Id of the first coil; its trailing number counts on."""
    length_m: Positive | None = None
    """Null: one coil without end."""
    width_mm: Positive


def emulate_camera() -> None:
    """Announce one emulated camera to the camera SDK, which reads its environment when it is
    loaded; the one place of the daemon that sets a variable, called before that.
    """
    os.environ.setdefault("PYLON_CAMEMU", "1")  # noqa: TID251 - the SDK knows no other way
