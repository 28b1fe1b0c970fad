#!/usr/bin/python3
"""Chromium: browser_whip.js in a page of the relay's own origin."""

import json
import os
import pathlib
import sys
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parents[1] / "e2e"))
from browser import Browser  # noqa: E402

from contract import counts, listen, options, say, session  # noqa: E402

origin = "{0.scheme}://{0.netloc}".format(urllib.parse.urlparse(options.url))
asked, stopping = threading.Event(), threading.Event()
listen(stopping.set, asked.set)
with Browser(origin) as browser:
    page = browser.open(f"{origin}/readyz", "client")
    time.sleep(0.5)
    arguments = json.dumps({name: getattr(options, name) for name in ("direction", "url", "token", "codec")})
    page.evaluate(f"({(HERE / 'browser_whip.js').read_text().split(chr(10), 1)[1].strip()})({arguments})")
    while not stopping.is_set():
        seen = page.evaluate("interop.look()")
        for event in seen["events"]:
            print(json.dumps(event), flush=True)
        if asked.is_set():
            asked.clear()
            page.evaluate("interop.restart()")
        counts.update(audio=seen["audio"], video=seen["video"])
        say("stats", **counts)
        stopping.wait(0.1)
    page.evaluate("interop.stop().then(() => true)")
os._exit(0)
