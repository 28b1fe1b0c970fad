#!/usr/bin/env python3
"""FFmpeg's WHIP muxer, as imageio-ffmpeg brings it: publishes only. What it does is read from its log."""

import re
import signal
import subprocess

import imageio_ffmpeg

from contract import count, counts, listen, options, say, start

VIDEO = {"h264": ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline"]}
words = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "debug", "-nostdin", "-re",
         "-f", "lavfi", "-i", "testsrc=size=320x240:rate=15", "-f", "lavfi", "-i", "sine=frequency=1000:sample_rate=48000",
         *VIDEO[options.codec], "-pix_fmt", "yuv420p", "-g", "30", "-b:v", "300k", "-bf", "0", "-c:a", "libopus", "-ac", "2",
         "-f", "whip", *(["-authorization", options.token] if options.token else []), options.url]
process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
listen(lambda: process.send_signal(signal.SIGINT))
last = []
for line in process.stderr:
    last = [*last[-30:], line.strip()]
    if "request: POST" in line:
        start()
    elif "HTTP error" in line:
        say("refused", status=int(re.search(r"HTTP error (\d+)", line)[1]))
    elif "DTLS handshake is done" in line or "DTLS, state=" in line and "Done" in line:
        say("connected")
    elif re.search(r"frame= *\d+", line):
        count("video", max(0, int(re.search(r"frame= *(\d+)", line)[1]) - counts["video"]))
say("ended", state=str(process.wait()), log=last[-12:])
