"""A picture and a tone that can be told from any other, and the eyes and ears for them.

Four coloured quadrants, and along the bottom 16 squares that spell the number of the frame, highest bit left.
"""

import asyncio
import fractions
import time

import av
import numpy
from aiortc import MediaStreamTrack

WIDTH, HEIGHT, FPS = 320, 240, 15
COLOURS = [(200, 40, 40), (40, 180, 40), (40, 40, 200), (200, 200, 60)]  # left top, right top, left middle, right middle
SQUARES_TOP = HEIGHT - 40
COLOUR_TOLERANCE = 24  # what VP8 at a few hundred kbit/s and the chroma grid cost
TONE_HZ, SAMPLE_RATE, SAMPLES = 1000, 48000, 960


def draw(number):
    image = numpy.zeros((HEIGHT, WIDTH, 3), numpy.uint8)
    middle = SQUARES_TOP // 2
    for i, colour in enumerate(COLOURS):
        top, left = i // 2 * middle, i % 2 * WIDTH // 2
        image[top:top + middle, left:left + WIDTH // 2] = colour
    for bit in range(16):
        if number >> (15 - bit) & 1:
            image[SQUARES_TOP:, bit * 20:bit * 20 + 20] = 255
    return image


def read_colours(image):
    """The means of the middles of the quadrants."""
    middle = SQUARES_TOP // 2
    return [tuple(image[i // 2 * middle + 20:i // 2 * middle + middle - 20,
                        i % 2 * WIDTH // 2 + 20:(i % 2 + 1) * WIDTH // 2 - 20].reshape(-1, 3).mean(axis=0)) for i in range(4)]


def colour_error(image):
    """How far the worst channel of the worst quadrant is off."""
    return max(abs(a - b) for seen, drawn in zip(read_colours(image), COLOURS) for a, b in zip(seen, drawn))


def read_number(image):
    bits = [image[SQUARES_TOP + 10:HEIGHT - 10, bit * 20 + 6:bit * 20 + 14].mean() > 127 for bit in range(16)]
    return sum(int(b) << (15 - i) for i, b in enumerate(bits))


def loudest_hz(samples):
    """The strongest frequency, and how much of the whole energy is within 20 Hz of it."""
    spectrum = numpy.abs(numpy.fft.rfft(samples * numpy.hanning(len(samples)))) ** 2
    hz = numpy.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    peak = hz[spectrum[1:].argmax() + 1]
    return peak, spectrum[abs(hz - peak) < 20].sum() / spectrum.sum()


class Paced(MediaStreamTrack):
    def __init__(self, interval_s):
        super().__init__()
        self.interval_s, self.number, self.next = interval_s, -1, None

    async def turn(self):
        self.next = time.monotonic() if self.next is None else self.next + self.interval_s
        await asyncio.sleep(max(0, self.next - time.monotonic()))
        self.number += 1
        return self.number


class Picture(Paced):
    kind = "video"

    def __init__(self):
        super().__init__(1 / FPS)

    async def recv(self):
        number = await self.turn()
        frame = av.VideoFrame.from_ndarray(draw(number % 65536), format="rgb24")
        frame.pts, frame.time_base = number * 90000 // FPS, fractions.Fraction(1, 90000)
        return frame


class Tone(Paced):
    kind = "audio"

    def __init__(self, hz=TONE_HZ):
        super().__init__(SAMPLES / SAMPLE_RATE)
        t = numpy.arange(SAMPLE_RATE) / SAMPLE_RATE
        self.second = (numpy.sin(2 * numpy.pi * hz * t) * 8000).astype(numpy.int16)

    async def recv(self):
        number = await self.turn()
        start = number * SAMPLES % SAMPLE_RATE
        frame = av.AudioFrame.from_ndarray(self.second[start:start + SAMPLES].reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, number * SAMPLES
        frame.time_base = fractions.Fraction(1, SAMPLE_RATE)
        return frame
