"""aiortc: run by Debian's Python with Debian's version, or by another one with today's."""

import asyncio
import fractions
import os

import numpy
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from av import VideoFrame

from contract import count, counts, end, listen, options, post, say


class Picture(VideoStreamTrack):
    async def recv(self):
        timestamp, base = await self.next_timestamp()
        image = numpy.full((240, 320, 3), timestamp // 3000 % 256, numpy.uint8)
        frame = VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = timestamp, fractions.Fraction(base)
        return frame


async def take(track):
    try:
        while True:
            await track.recv()
    except MediaStreamError:
        pass


async def watch(connection):
    """Its statistics count packets."""
    wanted = "outbound-rtp" if options.direction == "publish" else "inbound-rtp"
    while True:
        await asyncio.sleep(0.02 if not any(counts.values()) else 0.2)
        for t in connection.getTransceivers():
            reports = (await (t.sender if options.direction == "publish" else t.receiver).getStats()).values()
            key = "packetsSent" if options.direction == "publish" else "packetsReceived"
            packets = sum(getattr(r, key) for r in reports if r.type == wanted)
            count(t.kind, packets - counts[t.kind])


async def main():
    connection, stopped, loop = RTCPeerConnection(RTCConfiguration(iceServers=[])), asyncio.Event(), asyncio.get_running_loop()
    listen(lambda: loop.call_soon_threadsafe(stopped.set))  # aiortc cannot restart ICE
    connection.on("track", lambda track: asyncio.ensure_future(take(track)))

    def changed():
        state = connection.connectionState
        if state in ("connected", "failed", "closed", "disconnected"):
            say("connected" if state == "connected" else "ended", state=state)
    connection.on("connectionstatechange", changed)
    if options.direction == "publish":
        for track in (AudioStreamTrack(), Picture()):
            connection.addTransceiver(track, direction="sendonly")
    else:
        for kind in ("audio", "video"):
            connection.addTransceiver(kind, direction="recvonly")
    codecs = [c for c in RTCRtpSender.getCapabilities("video").codecs
              if c.mimeType.lower() in (f"video/{options.codec}", "video/rtx")]
    connection.getTransceivers()[1].setCodecPreferences(codecs)
    await connection.setLocalDescription(await connection.createOffer())
    answer = await asyncio.to_thread(post, connection.localDescription.sdp)
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    watching = asyncio.ensure_future(watch(connection))
    await stopped.wait()
    watching.cancel()
    await asyncio.to_thread(end)
    os._exit(0)


try:
    asyncio.run(main())
except SystemExit as left:
    os._exit(left.code)
