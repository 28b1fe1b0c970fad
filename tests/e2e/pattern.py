"""A picture and a tone that can be told from any other, and the eyes and ears for them.

Four coloured quadrants, and along the bottom 16 squares that spell the number of the frame, highest bit left.
"""

import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "config/lab"))
from testcard import FPS, SAMPLE_RATE, Audio, Video, sine

WIDTH, HEIGHT = 320, 240
COLOURS = [(200, 40, 40), (40, 180, 40), (40, 40, 200), (200, 200, 60)]  # left top, right top, left middle, right middle
SQUARES_TOP = HEIGHT - 40
COLOUR_TOLERANCE = 24  # what VP8 at a few hundred kbit/s and the chroma grid cost
TONE_HZ = 1000


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


def loudest_hz(samples, rate=SAMPLE_RATE):
    """The strongest frequency, and how much of the whole energy is within 20 Hz of it."""
    spectrum = numpy.abs(numpy.fft.rfft(samples * numpy.hanning(len(samples)))) ** 2
    hz = numpy.fft.rfftfreq(len(samples), 1 / rate)
    peak = hz[spectrum[1:].argmax() + 1]
    return peak, spectrum[abs(hz - peak) < 20].sum() / spectrum.sum()


def picture():
    return Video(lambda number: draw(number % 65536), "rgb24")


def tone():
    return Audio(sine(TONE_HZ, 8000))
