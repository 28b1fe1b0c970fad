"""What all clients written in Python share: see ../README.md for the contract. `t_ms` counts from the POST."""

import argparse
import json
import re
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

parser = argparse.ArgumentParser()
parser.add_argument("direction", choices=("publish", "play"))
parser.add_argument("url")
parser.add_argument("--token", default="")
parser.add_argument("--codec", default="vp8")
parser.add_argument("--seconds", type=float)
parser.add_argument("--media")
options = parser.parse_args()
headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
counts = {"audio": 0, "video": 0}
session = {"posted": None, "location": None, "answer": ""}
lock = threading.Lock()


def say(event, **more):
    since = time.monotonic() - session["posted"] if session["posted"] else 0
    with lock:
        print(json.dumps({"event": event, "t_ms": round(1000 * since), **more}), flush=True)


def count(kind, packets=1):
    """That came, or went."""
    if not any(counts.values()) and packets:
        say("first_packet", kind=kind)
    counts[kind] += packets


def tell_counts():
    while True:
        time.sleep(0.2)
        say("stats", **counts)


def request(method, url, body=None, **more):
    """(status, header fields, text)."""
    message = urllib.request.Request(url, body and body.encode(), {**headers, **more}, method=method)
    try:
        with opener.open(message, timeout=10) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode(errors="replace")


def start():
    """The clock starts at the POST, whoever sends it."""
    session["posted"] = time.monotonic()
    threading.Thread(target=tell_counts, daemon=True).start()


def post(offer):
    """The relay's answer to an offer."""
    start()
    status, fields, answer = request("POST", options.url, offer, **{"Content-Type": "application/sdp"})
    if status != 201:
        say("refused", status=status, body=answer[:300], offer=offer)
        sys.exit(2)
    session.update(location=urllib.parse.urljoin(options.url, fields["Location"]), answer=answer)
    say("posted", answer=answer)
    return answer


def restart(offer):
    """RFC 9725 section 4.3.3: new credentials in a PATCH. Returns the old answer with the relay's new ones, or None."""
    def value(name, text):
        return re.search(rf"^a={name}:(\S+)", text, re.M)[1]
    section = offer[offer.index("m="):]
    body = "\r\n".join([*(f"a={n}:{value(n, offer)}" for n in ("ice-ufrag", "ice-pwd")), section.splitlines()[0],
                        f"a=mid:{value('mid', section)}", ""])
    status, _, fragment = request("PATCH", session["location"], body,
                                  **{"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"})
    if status != 200:
        return say("restart_refused", status=status, body=fragment)
    for name in ("ice-ufrag", "ice-pwd"):
        session["answer"] = re.sub(rf"(?m)^a={name}:\S+", f"a={name}:{value(name, fragment)}", session["answer"])
    say("restarted")
    return session["answer"]


def end():
    """Of the session, at the relay."""
    if session["location"]:
        request("DELETE", session["location"])


def listen(stop, on_restart=None):
    """`restart` and `stop` come as lines; the end of the input stops too. Both are called from a thread."""
    def read():
        for line in sys.stdin:
            if line.strip() == "stop":
                break
            if on_restart:
                on_restart()
            else:
                say("cannot_restart")
        stop()
    threading.Thread(target=read, daemon=True).start()
    if options.seconds:
        threading.Timer(options.seconds, stop).start()
