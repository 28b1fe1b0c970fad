"""A peer that speaks RTP or SRTP over a UDP socket and nothing else: as a PBX, a recorder or GStreamer would."""

import asyncio
import base64
import collections
import os
import socket
import struct

import numpy
from aiortc.codecs.opus import OpusDecoder, OpusEncoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.jitterbuffer import JitterFrame
from pylibsrtp import Error, Policy, Session

from lab import MEDIA_PORT, PATIENCE
from pattern import picture, tone

PROFILES = {  # name in the API -> profile, bytes of key and salt
    "AES_CM_128_HMAC_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    "AES_CM_128_HMAC_SHA1_32": (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30),
    "AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    "AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
}
PLI = (206, 1)  # RFC 4585 section 6.3.1: payload type, format


class Keys:
    """Of one direction, made by chance; and the same as a base64 text."""

    def __init__(self, profile):
        self.profile, size = PROFILES[profile]
        self.bytes = os.urandom(size)
        self.text = base64.b64encode(self.bytes).decode()

    def session(self, outbound):
        kind = Policy.SSRC_ANY_OUTBOUND if outbound else Policy.SSRC_ANY_INBOUND
        return Session(Policy(key=self.bytes, ssrc_type=kind, srtp_profile=self.profile))


def rtp_header(payload_type, sequence, timestamp, ssrc, marker=False):
    return struct.pack("!BBHII", 0x80, payload_type | marker << 7, sequence & 0xffff, timestamp & 0xffffffff, ssrc)


def red(payload_type, frames):
    """RFC 2198: frames of 20 ms of one codec in one payload, the newest last."""
    heads = b"".join(struct.pack("!I", 1 << 31 | payload_type << 24 | (len(frames) - 1 - i) * 960 << 10 | len(frame))
                     for i, frame in enumerate(frames[:-1]))
    return heads + bytes([payload_type]) + b"".join(frames)


def read_red(payload):
    """([payload type of each], [frames])."""
    types, sizes = [], []
    while payload[0] & 128:
        (head,) = struct.unpack_from("!I", payload)
        types.append(head >> 24 & 127)
        sizes.append(head & 1023)
        payload = payload[4:]
    types.append(payload[0])
    frames, at = [], 1
    for size in sizes:
        frames.append(payload[at:at + size])
        at += size
    return types, [*frames, payload[at:]]


class Stream:
    """One incoming RTP stream: its sequence numbers and the last payloads."""

    def __init__(self):
        self.sequences, self.payload_types = [], set()
        self.payloads = collections.deque(maxlen=150)

    def gaps(self):
        return [b for a, b in zip(self.sequences, self.sequences[1:]) if (a + 1) & 0xffff != b]

    def samples(self):
        """The last sounds as one row, the first channel of each."""
        decoder, sounds = OpusDecoder(), []
        for payload in list(self.payloads)[-60:]:
            sounds += decoder.decode(JitterFrame(payload, 0))
        return numpy.concatenate([f.to_ndarray().reshape(-1)[::2] for f in sounds])


class PlainPeer(asyncio.DatagramProtocol):
    """`send` and `receive`: Keys of each direction; without them, in the clear."""

    def __init__(self, lab, send=None, receive=None):
        self.lab, self.sender, self.receiver = lab, send and send.session(True), receive and receive.session(False)
        self.relay = (lab.net.relay_media["4"], MEDIA_PORT)
        self.sequence = {}
        self.streams = collections.defaultdict(Stream)  # by SSRC
        self.rtcp = collections.Counter()  # (payload type, format or count) of each packet's first report
        self.unreadable = 0
        self.tasks = []
        self.pli = asyncio.Event()

    async def open(self, ip=None):
        loop = asyncio.get_running_loop()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ip or self.lab.net.client["4"], 0))
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=self.socket)
        self.ip, self.port = self.socket.getsockname()
        return self

    @property
    def remote(self):
        return {"address": self.ip, "port": self.port}

    @property
    def address(self):
        return f"{self.ip}:{self.port}"

    def close(self):
        for task in self.tasks:
            task.cancel()
        self.transport.close()

    # Out ---------------------------------------------------------------------------------------------------------

    def send(self, packet):
        self.transport.sendto(self.sender.protect(packet) if self.sender else packet, self.relay)

    def send_rtp(self, ssrc, payload_type, timestamp, payload, marker=False):
        self.sequence[ssrc] = sequence = self.sequence.get(ssrc, 1000) + 1
        self.send(rtp_header(payload_type, sequence, timestamp, ssrc, marker) + payload)

    def noise(self, ssrc, count=5, payload_type=111):
        """Packets that nobody could decode, if they came through."""
        for i in range(count):
            self.send_rtp(ssrc, payload_type, 960 * i, b"x" * 60)

    async def hum(self, ssrc, payload_type, red_payload_type=None, encoder=None):
        """By default in Opus. With `red_payload_type`: each frame comes again in the next two packets."""
        encoder, track, frames = encoder or OpusEncoder(), tone(), collections.deque(maxlen=3)
        while True:
            payloads, timestamp = encoder.encode(await track.recv())
            frames.append(bytes(payloads[0]))
            if red_payload_type is None:
                self.send_rtp(ssrc, payload_type, timestamp, frames[-1])
            else:
                self.send_rtp(ssrc, red_payload_type, timestamp, red(payload_type, list(frames)))

    async def draw(self, ssrc, payload_type):
        encoder, track, first = Vp8Encoder(), picture(), True
        while True:
            frame = await track.recv()
            payloads, timestamp = encoder.encode(frame, force_keyframe=first or self.pli.is_set())
            first = False
            self.pli.clear()
            for i, payload in enumerate(payloads):
                self.send_rtp(ssrc, payload_type, timestamp, payload, i + 1 == len(payloads))

    def start(self, what):
        self.tasks.append(asyncio.ensure_future(what))

    # In ----------------------------------------------------------------------------------------------------------

    def datagram_received(self, data, source):
        if source != self.relay or len(data) < 12:
            return
        is_rtcp = 192 <= data[1] <= 223
        try:
            if self.receiver:
                data = self.receiver.unprotect_rtcp(data) if is_rtcp else self.receiver.unprotect(data)
        except Error:
            self.unreadable += 1
            return
        if is_rtcp:
            return self.take_rtcp(data)
        flags, kind, sequence, _, ssrc = struct.unpack_from("!BBHII", data)
        at = 12 + 4 * (flags & 15)
        if flags & 16:
            at += 4 + 4 * struct.unpack_from("!H", data, at + 2)[0]
        stream = self.streams[ssrc]
        stream.sequences.append(sequence)
        stream.payload_types.add(kind & 127)
        stream.payloads.append(data[at:])

    def take_rtcp(self, data):
        """All packets of a compound."""
        while len(data) >= 4:
            flags, kind, words = struct.unpack_from("!BBH", data)
            self.rtcp[kind, flags & 31] += 1
            if (kind, flags & 31) == PLI:
                self.pli.set()
            data = data[4 + 4 * words:]


async def add(lab, room, **members):
    """POST of a plain transport; the response."""
    return await asyncio.to_thread(lab.call, "POST", f"/v1/rooms/{room}/plain-transports", members)


async def show(lab, response):
    """What was made of it, as it is now."""
    return (await asyncio.to_thread(lab.call, "GET", response.headers["Location"])).json


async def show_connected(lab, response, seconds=2):
    """The same, once the dataplane has taken the row."""
    for _ in range(PATIENCE * seconds * 50):
        view = await show(lab, response)
        if view["connected"]:
            break
        await asyncio.sleep(0.02)
    return view
