"""What clients without encoders of their own publish: two seconds of each codec as rtpdump files (rtptools), a key frame
each second. And the peers that stand opposite a client, without ICE and DTLS: one plays such a file, one counts."""

import asyncio
import fractions
import struct
import time

import av
import numpy
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.opus import OpusEncoder
from aiortc.codecs.vpx import Vp8Encoder

from pattern import picture, tone
from plain import PlainPeer, add, rtp_header

CLIP_S = 2
CLOCK_HZ = {"opus": 48000, "vp8": 90000, "h264": 90000}
NAMES = {"opus": "opus", "vp8": "VP8", "h264": "H264"}
FMTP = {"opus": "minptime=10;useinbandfec=1", "h264": "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"}
PAYLOAD_TYPES = {"audio": 111, "video": 96}
ENCODERS = {"opus": OpusEncoder, "vp8": Vp8Encoder, "h264": H264Encoder}


async def encode(codec):
    """[(milliseconds, RTP packet)] of one clip."""
    track, encoder, packets = tone() if codec == "opus" else picture(), ENCODERS[codec](), []
    track.interval_s = 0  # as fast as it goes
    frames, noise = CLIP_S * (50 if codec == "opus" else 15), numpy.random.default_rng(1)
    for i in range(frames):
        frame = await track.recv()
        if codec != "opus":  # noise, or a frame would be one packet
            image = frame.to_ndarray(format="rgb24") // 2 + noise.integers(0, 100, (240, 320, 3), numpy.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = i * 6000, fractions.Fraction(1, 90000)
        payloads, _ = encoder.encode(frame) if codec == "opus" else encoder.encode(frame, force_keyframe=i % 15 == 0)
        timestamp = i * CLIP_S * CLOCK_HZ[codec] // frames
        for payload in payloads:
            header = rtp_header(0, len(packets), timestamp, 0, marker=codec != "opus" and payload is payloads[-1])
            packets.append((1000 * CLIP_S * i // frames, header + bytes(payload)))
    return packets


async def make_clips(folder):
    """Files for clients; {codec: packets} for ourselves."""
    av.logging.set_level(av.logging.ERROR)
    clips = {}
    for codec in ENCODERS:
        clips[codec] = await encode(codec)
        with open(folder / f"{codec}.rtpdump", "wb") as file:
            file.write(b"#!rtpplay1.0 198.18.0.2/5004\n" + bytes(16))
            for offset_ms, packet in clips[codec]:
                file.write(struct.pack("!HHI", 8 + len(packet), len(packet), offset_ms) + packet)
    return clips


def codecs(kind, codec):
    name = "opus" if kind == "audio" else codec
    return [{"name": NAMES[name], "payload_type": PAYLOAD_TYPES[kind], **({"fmtp": FMTP[name]} if name in FMTP else {})}]


class Source(PlainPeer):
    """Publishes a clip again and again."""

    async def start_in(self, room, codec, clips, ssrc):
        await self.open()
        self.sent = {"audio": 0, "video": 0} if codec != "opus" else {"audio": 0}
        publish = [{"ssrc": ssrc + i, "codecs": codecs(kind, codec)} for i, kind in enumerate(self.sent)]
        self.response = await add(self.lab, room, name="Source", remote=self.remote, srtp=None, publish=publish)
        assert self.response.status == 201, self.response
        for i, kind in enumerate(self.sent):
            self.start(self.replay(kind, clips["opus" if kind == "audio" else codec], ssrc + i))
        return self

    async def replay(self, kind, clip, ssrc):
        begun, span = time.monotonic(), CLIP_S * (48000 if kind == "audio" else 90000)
        turn = 0
        while True:
            for offset_ms, packet in clip:
                await asyncio.sleep(max(0, begun + turn * CLIP_S + offset_ms / 1000 - time.monotonic()))
                marker, timestamp = packet[1] >> 7, struct.unpack_from("!I", packet, 4)[0]
                self.send_rtp(ssrc, PAYLOAD_TYPES[kind], timestamp + turn * span, packet[12:], marker)
                self.sent[kind] += 1
            turn += 1

    async def end(self):
        await asyncio.to_thread(self.lab.call, "DELETE", self.response.headers["Location"])
        self.close()


class Recorder(PlainPeer):
    """Takes all of a room. Counts, and knows which numbers of a stream it never got."""

    async def start_in(self, room, codec):
        await self.open()
        self.response = await add(self.lab, room, name="Recorder", remote=self.remote, srtp=None,
                                  subscribe={"codecs": [*codecs("audio", codec), *(codecs("video", codec) if codec != "opus" else [])]})
        assert self.response.status == 201, self.response
        return self

    def counts(self):
        return {kind: sum(len(s.sequences) for s in self.streams.values() if payload_type in s.payload_types)
                for kind, payload_type in PAYLOAD_TYPES.items()}

    def missing_share(self, marks):
        """Of the video since `marks`, {SSRC: how many packets there were}."""
        expected = got = 0
        for ssrc, stream in self.streams.items():
            if PAYLOAD_TYPES["video"] not in stream.payload_types or len(stream.sequences) <= marks.get(ssrc, 0):
                continue
            new = stream.sequences[marks.get(ssrc, 0):]
            numbers = {(n - new[0] + 0x8000) & 0xffff for n in new}
            expected += max(numbers) - min(numbers) + 1
            got += len(numbers)
        return 1 - got / expected if expected else 1.0
