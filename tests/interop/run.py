#!/usr/bin/python3
"""Other people's WebRTC against the relay: client x direction x codec x scenario, as a table and as JSON.

    run.py quick                   publish, play, reconnect and kick of what installs fast, two at a time: part of `make test`
    run.py [CLIENT...]             everything, one at a time: `make interop`
    run.py --first [CLIENT...]     only publish and play, with the times from the POST
    run.py --json FILE             ... and writes what was seen

A client is one process (see README.md). Opposite it stands a peer without ICE or DTLS, so that what fails is between
the client and the relay. TEST_BUILD_DIR names the build whose daemons are run.
"""

import argparse
import asyncio
import json
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from clients import CANNOT_RESTART, CLIENTS, KNOWN, UNDECIDED, reason  # noqa: E402
from lab import BUILD, PATIENCE, Failed, grown, need, run, token  # noqa: E402
from media import Recorder, Source, make_clips  # noqa: E402

QUICK_AT_ONCE, QUICK = 2, ("reconnect", "kick")
LOSS = 3  # percent
LOSS_S, MISSING_MAX = 6, 0.01
TELLING = ("stun_", "dtls_", "rtp_", "srtp_", "rtcp_", "srtcp_")  # counters that say why


class Process:
    """One client, and what it said."""

    def __init__(self, name, client, direction, codec, url, name_of, clips):
        self.events, self.counts, self.tail = [], {"audio": 0, "video": 0}, []
        credential = token(name=name_of)
        self.words = [*client.words, direction, url, "--token", credential, "--codec", codec, "--media", str(clips)]

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            *self.words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            limit=1 << 20, start_new_session=True)  # with what it starts itself
        self.readers = [asyncio.ensure_future(self.read()), asyncio.ensure_future(self.complain())]
        return self

    async def read(self):
        async for line in self.process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                self.tail.append(line.decode(errors="replace").strip())
                continue
            if event["event"] == "stats":
                self.counts = {kind: event[kind] for kind in self.counts}
            else:
                self.events.append(event)

    async def complain(self):
        async for line in self.process.stderr:
            self.tail = [*self.tail[-20:], line.decode(errors="replace").strip()]

    def said(self, name):
        return next((e for e in self.events if e["event"] == name), None)

    def write(self, line):
        self.process.stdin.write(f"{line}\n".encode())

    async def end(self, politely=True):
        if self.process.returncode is None and politely:
            self.process.stdin.close()
            try:
                await asyncio.wait_for(self.process.wait(), 5)
            except asyncio.TimeoutError:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        await self.process.wait()

    def why(self):
        for event in reversed(self.events):
            if event["event"] in ("refused", "restart_refused", "cannot_restart", "restart_failed") or event["event"] == "ended":
                return " ".join(str(v) for k, v in event.items() if k not in ("t_ms", "offer"))[:300]
        return " / ".join(self.tail[-3:])[:300] or f"last said: {self.events[-1]['event'] if self.events else 'nothing'}"


async def within(seconds, question):
    """Seconds until it is so, or None. `seconds`: of a machine with nothing else to do."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds * PATIENCE:
        if question():
            return time.monotonic() - begun
        await asyncio.sleep(0.02)
    return None


class Cell:
    """One client, one direction, one codec: the scenarios in a row, as far as they go."""

    def __init__(self, lab, name, direction, codec, clips, network, folder):
        self.lab, self.name, self.direction, self.codec, self.clips = lab, name, direction, codec, clips
        self.client, self.network, self.folder = CLIENTS[name], network, folder
        self.room, self.results, self.times = f"{name}-{direction}-{codec}", {}, {}
        self.kinds = self.client.kinds

    def process(self):
        path = "whip" if self.direction == "publish" else "whep"
        return Process(self.name, self.client, self.direction, self.codec, f"{self.lab.url}/{path}/{self.room}", self.name, self.folder)

    def counts(self):
        return self.recorder.counts() if self.direction == "publish" else self.client_now.counts

    async def flows(self, seconds=5, packets=20):
        before = dict(self.counts())
        return await within(seconds, lambda: all(self.counts()[k] >= before[k] + packets for k in self.kinds)
                            or self.client_now.process.returncode is not None and self.direction == "play") is not None \
            and all(self.counts()[k] >= before[k] + packets for k in self.kinds)

    async def scenario(self, name, what):
        before = self.lab.counters()
        try:
            result = await what()
        except Failed as failed:
            result = str(failed)
        moved = {k: v for k, v in grown(before, self.lab.counters()).items() if k.startswith(TELLING)}
        self.results[name] = {"ok": result is True, "why": "" if result is True else str(result), "counters": moved}
        say = "ok" if result is True else f"FAILS: {result} {moved or ''}"
        print(f"{self.name:15} {self.direction:8}{self.codec:5} {name:10} {say}", flush=True)
        return result is True

    async def run(self, quick, first):
        self.recorder = await Recorder(self.lab).start_in(self.room, self.codec) if self.direction == "publish" else None
        self.source = None if self.recorder else await Source(self.lab).start_in(self.room, self.codec, self.clips, 1000)
        self.client_now = await self.process().start()
        try:
            if await self.scenario(self.direction, self.begins) and not first:
                scenarios = {"restart": self.restarts, "loss": self.loses, "reconnect": self.reconnects, "kick": self.is_kicked}
                for name, what in scenarios.items():
                    wanted = name in self.client.scenarios and (name in QUICK or not quick)
                    if wanted and not (name == "restart" and self.name in CANNOT_RESTART):
                        await self.scenario(name, what)
        finally:
            await self.client_now.end()
            self.times.update({e["event"]: e["t_ms"] for e in reversed(self.client_now.events)} if not self.times else {})
            for peer in (self.recorder, self.source):
                if peer:
                    peer.close()
        return self

    async def begins(self):
        good = await self.flows(8)
        self.times = {e["event"]: e["t_ms"] for e in reversed(self.client_now.events)}
        return good or f"{self.counts()} packets; {self.client_now.why()}"

    async def restarts(self):
        self.client_now.write("restart")
        if await within(3, lambda: self.client_now.said("restarted")) is None:
            return f"no restart: {self.client_now.why()}"
        await asyncio.sleep(1)
        return await self.flows() or f"nothing flows after it: {self.client_now.why()}"

    async def loses(self):
        way = "up" if self.direction == "publish" else "down"
        self.network.set(way, loss=LOSS)
        await asyncio.sleep(0.5)
        if self.recorder:
            marks = {ssrc: len(s.sequences) for ssrc, s in self.recorder.streams.items()}
            await asyncio.sleep(LOSS_S)
            self.network.set(way)
            await asyncio.sleep(1)
            missing = self.recorder.missing_share(marks)
        else:
            sent, got = self.source.sent["video"], self.counts()["video"]
            await asyncio.sleep(LOSS_S)
            self.network.set(way)
            await asyncio.sleep(1)
            missing = 1 - (self.counts()["video"] - got) / (self.source.sent["video"] - sent)
        return missing <= MISSING_MAX or f"{100 * missing:.1f} % of the video's packets stay lost"

    async def reconnects(self):
        """Without a word: a publisher that is killed, and one that comes under other SSRCs."""
        if self.recorder:
            await self.client_now.end(politely=False)
            self.client_now = await self.process().start()
            await within(5, lambda: self.client_now.said("connected"))
        else:
            await self.source.end()
            await asyncio.sleep(1)
            self.source = await Source(self.lab).start_in(self.room, self.codec, self.clips, 2000)
            await asyncio.sleep(0.5)
        return await self.flows() or f"nothing comes any more: {self.client_now.why()}"

    async def is_kicked(self):
        people = [p for p in self.lab.participants(self.room) if p["protocol"] in ("whip", "whep")]
        for person in people:
            self.lab.call("DELETE", f"/v1/rooms/{self.room}/participants/{person['id']}")
        self.client_now.events = [e for e in self.client_now.events if e["event"] != "ended"]
        took = await within(1, lambda: self.client_now.said("ended"))
        return took is not None or "the client is not told within a few seconds"


class Network:
    def __init__(self, lab):
        self.process = lab.net.put_between(BUILD / "tests/e2e/impair")
        self.set("up")  # answers when it runs

    def set(self, direction, **how):
        self.process.stdin.write(direction + "".join(f" {k}={v}" for k, v in how.items()) + "\n")
        self.process.stdin.flush()
        self.process.stdout.readline()


def cells_of(lab, arguments, clips, network, folder):
    for name, client in CLIENTS.items():
        if arguments.clients and name not in arguments.clients or arguments.quick and not client.quick:
            continue
        if client.missing():
            print(f"{name} is left out: {client.missing()}", flush=True)
            continue
        for direction, codecs in (("publish", client.publish), ("play", client.play)):
            if arguments.quick:
                codecs = [c for c in [client.quick[direction == "play"]] if c]
            yield from (Cell(lab, name, direction, c, clips, network, folder) for c in codecs)


def judge(cells):
    """The table; what is not as it should be."""
    faults = []
    columns = ("restart", "loss", "reconnect", "kick")
    print(f"\n{'client':15} {'way':8}{'codec':6}{'works':8}" + "".join(f"{c:10}" for c in columns)
          + "connected  first packet (ms from POST)")
    for cell in cells:
        line = ""
        for name in (cell.direction, *columns):
            result = cell.results.get(name)
            known, undecided = (reason(t, cell.name, cell.direction, cell.codec, name) for t in (KNOWN, UNDECIDED))
            if result and result["ok"] and known:
                faults.append(f"{cell.room} {name} works: take it out of KNOWN ({known})")
            if result and not result["ok"] and not known and not undecided:
                faults.append(f"{cell.room} {name}: {result['why']}; {result['counters']}")
            word = "-" if not result else "ok" if result["ok"] else "known" if known else "not yet" if undecided else "FAILS"
            line += f"{word:8}" if name == cell.direction else f"{word:10}"
        times = [str(cell.times.get(e, "-")) for e in ("connected", "first_packet")]
        print(f"{cell.name:15} {cell.direction:8}{cell.codec:6}{line}{times[0]:11}{times[1]}")
    return faults


async def everything(lab, arguments):
    clips = await make_clips(lab.directory)
    network = None if arguments.quick or arguments.first else Network(lab)
    cells = list(cells_of(lab, arguments, clips, network, lab.directory))
    gate = asyncio.Semaphore(QUICK_AT_ONCE if arguments.quick else 1)

    async def one(cell):
        async with gate:
            await cell.run(arguments.quick, arguments.first)
    await asyncio.gather(*(one(cell) for cell in cells))
    faults = judge(cells)
    if arguments.json:
        rows = [{"client": c.name, "direction": c.direction, "codec": c.codec, "times_ms": c.times, "scenarios": c.results} for c in cells]
        pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=1))
    if faults:
        raise Failed(f"{len(faults)} cells are not as they should be:\n  " + "\n  ".join(faults))
    if not cells:
        raise Failed("no client is installed: tests/interop/install.sh")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--json")
parser.add_argument("--first", action="store_true")
parser.add_argument("clients", nargs="*")
options = parser.parse_args()
options.quick = "quick" in options.clients
options.clients = [c for c in options.clients if c != "quick"]
need()
run(lambda lab: asyncio.run(everything(lab, options)), families="4")
