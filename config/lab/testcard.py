#!/usr/bin/python3
"""A participant without a person: publishes a test picture and a beep by WHIP, until it is told to stop.

The picture has colour bars, a moving box, the time, and a frame counter (as digits, and as 16 squares along the bottom,
white = 1, highest bit left). It is also an example of a WHIP client (RFC 9725) in one file.
"""

import argparse
import asyncio
import fractions
import signal
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import av
import numpy
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription

WIDTH, HEIGHT, FPS = 640, 360, 15
SAMPLE_RATE, SAMPLES = 48000, 960  # 20 ms
SECOND = numpy.arange(SAMPLE_RATE) / SAMPLE_RATE
BEEP_HZ, BEEP_SECONDS, BEEP_AMPLITUDE = 440, 0.12, 3000  # about -21 dBFS: to be heard, not to annoy
BARS = [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191)]
GLYPHS = {  # 3 x 5, a row of three bits each
    "0": 0b111101101101111, "1": 0b010110010010111, "2": 0b111001111100111, "3": 0b111001111001111,
    "4": 0b101101111001001, "5": 0b111100111001111, "6": 0b111100111101111, "7": 0b111001001001001,
    "8": 0b111101111101111, "9": 0b111101111001111, ":": 0b000010000010000, " ": 0,
}


def yuv(red, green, blue):
    """BT.601, studio range."""
    y = 16 + (66 * red + 129 * green + 25 * blue) / 256
    u = 128 + (-38 * red - 74 * green + 112 * blue) / 256
    v = 128 + (112 * red - 94 * green - 18 * blue) / 256
    return round(y), round(u), round(v)


class Picture:
    """Draws into one planar YUV 4:2:0 image; what never changes is drawn once."""

    def __init__(self):
        self.background = numpy.zeros((HEIGHT * 3 // 2, WIDTH), numpy.uint8)
        for i, colour in enumerate(BARS):
            self.fill(self.background, i * WIDTH // 7 // 2 * 2, 0, (i + 1) * WIDTH // 7 // 2 * 2, HEIGHT, yuv(*colour))
        self.fill(self.background, 0, HEIGHT - 120, WIDTH, HEIGHT, yuv(16, 24, 40))

    @staticmethod
    def fill(image, left, top, right, bottom, colour):
        """Even coordinates only: two by two pixels share their colour."""
        y, u, v = colour
        image[top:bottom, left:right] = y
        for value, start in ((u, HEIGHT), (v, HEIGHT + HEIGHT // 4)):
            plane = image[start:start + HEIGHT // 4].reshape(HEIGHT // 2, WIDTH // 2)
            plane[top // 2:bottom // 2, left // 2:right // 2] = value

    def text(self, image, left, top, scale, text):
        for i, c in enumerate(text):
            glyph = numpy.array([int(bit) for bit in f"{GLYPHS[c]:015b}"], numpy.uint8).reshape(5, 3)
            block = numpy.kron(glyph, numpy.ones((scale, scale), numpy.uint8))
            x = left + i * 4 * scale
            area = image[top:top + 5 * scale, x:x + 3 * scale]
            area[block == 1] = 235

    def frame(self, number):
        image = self.background.copy()
        x = abs((number * 8) % (2 * (WIDTH - 80)) - (WIDTH - 80)) // 2 * 2
        self.fill(image, x, 80, x + 80, 160, yuv(255, 255, 255))
        # Within the middle 480 columns, which a page that fills a 4:3 tile still shows.
        self.text(image, 96, HEIGHT - 108, 8, time.strftime("%H:%M:%S"))
        self.text(image, 424, HEIGHT - 100, 6, f"{number % 100000:05d}")
        for bit in range(16):
            colour = yuv(255, 255, 255) if number >> (15 - bit) & 1 else yuv(0, 0, 0)
            left = 96 + bit * 28
            self.fill(image, left, HEIGHT - 52, left + 20, HEIGHT - 32, colour)
        return image


class Paced(MediaStreamTrack):
    """Gives out unit after unit at the rate of the clock; after a stall it goes on, and does not hurry."""

    def __init__(self, interval_s):
        super().__init__()
        self.interval_s, self.number, self.next = interval_s, -1, None

    async def turn(self):
        now = time.monotonic()
        self.next = now if self.next is None or now - self.next > 1 else self.next + self.interval_s
        await asyncio.sleep(max(0, self.next - now))
        self.number += 1
        return self.number


class Video(Paced):
    """The pictures that `draw` makes of their numbers."""

    kind = "video"

    def __init__(self, draw, pixel_format):
        super().__init__(1 / FPS)
        self.draw, self.pixel_format = draw, pixel_format

    async def recv(self):
        number = await self.turn()
        frame = av.VideoFrame.from_ndarray(self.draw(number), format=self.pixel_format)
        frame.pts, frame.time_base = number * 90000 // FPS, fractions.Fraction(1, 90000)
        return frame


class Audio(Paced):
    """One second of sound, again and again."""

    kind = "audio"

    def __init__(self, second):
        super().__init__(SAMPLES / SAMPLE_RATE)
        self.second = second.astype(numpy.int16)

    async def recv(self):
        number = await self.turn()
        start = number * SAMPLES % SAMPLE_RATE
        frame = av.AudioFrame.from_ndarray(self.second[start:start + SAMPLES].reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, number * SAMPLES
        frame.time_base = fractions.Fraction(1, SAMPLE_RATE)
        return frame


def sine(hz, amplitude):
    """A second of it."""
    return numpy.sin(2 * numpy.pi * hz * SECOND) * amplitude


def beep():
    fade = numpy.clip(numpy.minimum(SECOND, BEEP_SECONDS - SECOND) / 0.01, 0, 1)  # without clicks
    return sine(BEEP_HZ, BEEP_AMPLITUDE) * fade


class Whip:
    """One session: an offer posted to the endpoint, the answer to it, and the resource that ends it."""

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __init__(self, endpoint, token):
        self.endpoint, self.token, self.resource = endpoint, token, None

    def request(self, method, url, body=None):
        request = urllib.request.Request(url, data=body, method=method)
        if body is not None:
            request.add_header("Content-Type", "application/sdp")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        return self.opener.open(request, timeout=10)

    async def offer(self, sdp):
        response = await asyncio.to_thread(self.request, "POST", self.endpoint, sdp.encode())
        with response:
            # RFC 9725 section 4.2: the Location header field points to the WHIP session URL.
            self.resource = urllib.parse.urljoin(self.endpoint, response.headers["Location"])
            return response.read().decode()

    async def end(self):
        if self.resource:
            try:
                (await asyncio.to_thread(self.request, "DELETE", self.resource)).close()
            except OSError as error:
                print(f"test card: could not end the session: {error}", file=sys.stderr)
            self.resource = None


def reason(error):
    """An HTTP error's own words, where it has some."""
    if isinstance(error, urllib.error.HTTPError):
        return f"{error.code} {error.read(300).decode(errors='replace').strip()}"
    return str(error) or type(error).__name__


async def session(options, stop):
    """Publishes until `stop`, or until the connection is gone."""
    query = urllib.parse.urlencode({"name": options.name})
    whip = Whip(f"{options.url}/whip/{urllib.parse.quote(options.room)}?{query}", options.token)
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    gone = asyncio.Event()

    @connection.on("connectionstatechange")
    def changed():
        print(f"test card: {connection.connectionState}", flush=True)
        if connection.connectionState in ("failed", "closed"):
            gone.set()

    try:
        connection.addTransceiver(Audio(beep()), direction="sendonly")
        video = connection.addTransceiver(Video(Picture().frame, "yuv420p"), direction="sendonly")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        video.setCodecPreferences([c for c in codecs if c.mimeType in ("video/VP8", "video/rtx")])
        await connection.setLocalDescription(await connection.createOffer())
        answer = await whip.offer(connection.localDescription.sdp)
        await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        waiters = [asyncio.ensure_future(e.wait()) for e in (stop, gone)]
        await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        for waiter in waiters:
            waiter.cancel()
    finally:
        await whip.end()
        await connection.close()


async def run(options):
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if options.duration:
        loop.call_later(options.duration, stop.set)
    wait_s = 1
    while not stop.is_set():
        started = time.monotonic()
        try:
            await session(options, stop)
        except (OSError, ValueError) as error:
            print(f"test card: {reason(error)}", file=sys.stderr, flush=True)
        # A session that lasted is a new start; one after the other that fails is asked for less and less often.
        wait_s = 1 if time.monotonic() - started > 30 else min(wait_s * 2, 10)
        if not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), wait_s)
            except asyncio.TimeoutError:
                pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="where the relay's HTTP server is")
    parser.add_argument("--room", default="lab")
    parser.add_argument("--name", default="Test card", help="shown to the others")
    parser.add_argument("--token", default="", help="bearer token, where the relay has keys")
    parser.add_argument("--duration", type=float, default=0, help="seconds; 0 = until it is told to stop")
    options = parser.parse_args()
    options.url = options.url.rstrip("/")
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
