"""WHIP and WHEP with aiortc: a peer that publishes the pattern, and one that plays what there is."""

import asyncio
import collections
import re
import urllib.parse

import numpy
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from lab import PATIENCE, Failed, check
from pattern import picture, tone


async def eventually(question, seconds, what, every=0.05):
    """wait_until() for those who must not block the loop."""
    end = asyncio.get_running_loop().time() + PATIENCE * seconds
    while True:
        answer = question()
        if answer:
            return answer
        if asyncio.get_running_loop().time() > end:
            raise Failed(f"{what() if callable(what) else what}: not within {PATIENCE * seconds} s")
        await asyncio.sleep(every)


async def stands_still(read, seconds, what, window=1):
    """Until what `read` tells is the same for so long, once what was under way has come."""
    seen = []

    def same():
        seen.append(read())
        return len(seen) > 1 and seen[-1] == seen[-2]

    await eventually(same, seconds, what, every=window)
    check(True, what)


class Peer:
    """One session. `change_offer` may rewrite the SDP on its way out."""

    def __init__(self, lab, path, room, name, change_offer=None):
        self.lab, self.path, self.name = lab, f"/{path}/{room}?name={urllib.parse.quote(name)}", name
        self.change_offer = change_offer or (lambda sdp: sdp)
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.location = self.etag = None

    async def call(self, method, path, body=None, headers=None):
        return await asyncio.to_thread(self.lab.call, method, path, body, headers)

    async def start(self):
        await self.connection.setLocalDescription(await self.connection.createOffer())
        offer = self.change_offer(self.connection.localDescription.sdp)
        response = await self.call("POST", self.path, offer, {"Content-Type": "application/sdp"})
        if response.status != 201:
            raise Failed(f"{self.path}: {response}")
        self.location, self.etag = response.headers["Location"], response.headers["ETag"]
        self.answer = response.body.decode()
        await self.connection.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))
        return self

    async def connected(self, seconds=10):
        await eventually(lambda: self.connection.connectionState == "connected", seconds, f"{self.name} is connected")
        return self

    async def end(self):
        """DELETE of the session; the response."""
        response = await self.call("DELETE", self.location)
        await self.connection.close()
        return response

    @property
    def id(self):
        """The participant's."""
        return self.location.rsplit("/", 1)[1].split(".")[0]

    def answered(self, attribute):
        return re.search(rf"^a={attribute}:(\S+)", self.answer, re.M).group(1)


class Publisher(Peer):
    def __init__(self, lab, room, name="Publisher", video=True, audio=True, **options):
        super().__init__(lab, "whip", room, name, **options)
        if audio:
            self.connection.addTransceiver(tone(), direction="sendonly")
        if video:
            self.pictures = picture()
            self.connection.addTransceiver(self.pictures, direction="sendonly")


class Player(Peer):
    """Keeps the last pictures and sounds; counts all."""

    def __init__(self, lab, room, name="Player", **options):
        super().__init__(lab, "whep", room, name, **options)
        self.pictures, self.sounds = collections.deque(maxlen=64), collections.deque(maxlen=100)
        self.picture_count = self.sound_count = 0
        self.tasks = []
        for kind in ("audio", "video"):
            self.connection.addTransceiver(kind, direction="recvonly")
        self.connection.on("track", lambda track: self.tasks.append(asyncio.ensure_future(self.take(track))))

    async def take(self, track):
        try:
            while True:
                frame = await track.recv()
                if track.kind == "video":
                    self.picture_count += 1
                    self.pictures.append(frame)
                else:
                    self.sound_count += 1
                    self.sounds.append(frame)
        except MediaStreamError:
            pass

    def samples(self):
        """The last sounds as one row, the first channel of each."""
        return numpy.concatenate([f.to_ndarray().reshape(-1)[::len(f.layout.channels)] for f in self.sounds])

    async def statistics(self, kind):
        """{"packets": n, "lost": n} of the first such track."""
        receiver = next(t.receiver for t in self.connection.getTransceivers() if t.kind == kind)
        for report in (await receiver.getStats()).values():
            if report.type == "inbound-rtp":
                return {"packets": report.packetsReceived, "lost": report.packetsLost}
        return {"packets": 0, "lost": 0}
