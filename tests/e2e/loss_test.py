#!/usr/bin/python3
"""Two Chromium pages over a bad network: what repair makes of it.

    loss_test.py                      two cases, 10 s each, and what they must come to: part of `make test`. On a busy machine,
                                      beside what pictures and sound without loss and relay come to: see control_time.py
    loss_test.py table 60             all cases, 60 s each, as a table
    loss_test.py table 60 unrepaired  the same with pages that know neither NACK, RTX nor RED: what repair is good for

`up` is the way to the relay (what publishers send, what receivers report), `down` the way from it.
"""

import os
import sys
import time

from browser import Browser, all_of
from conference import in_room, longest_freeze, open_page, wait_for_legs
from control_time import Control, at_least, at_most
from lab import BUILD, check, grown, need, run, wait_until

ROOM = "loss"
RTT_50 = {"delay": 25}
CASES = {
    "nothing": {},
    "50 ms": {"up": RTT_50, "down": RTT_50},
    "down 5 %": {"up": RTT_50, "down": {"loss": 5, **RTT_50}},
    "down 10 %": {"up": RTT_50, "down": {"loss": 10, **RTT_50}},
    "down 5 % in bursts of 4": {"up": RTT_50, "down": {"loss": 5, "burst": 4, **RTT_50}},
    "down 100 ms, 1 % reordered": {"up": {"delay": 50}, "down": {"delay": 50, "jitter": 5, "reorder": 1}},
    "up 5 %": {"up": {"loss": 5, **RTT_50}, "down": RTT_50},
    "up 10 %": {"up": {"loss": 10, **RTT_50}, "down": RTT_50},
    "up 5 % in bursts of 4": {"up": {"loss": 5, "burst": 4, **RTT_50}, "down": RTT_50},
    "up 100 ms, 1 % reordered": {"up": {"delay": 50, "jitter": 5, "reorder": 1}, "down": {"delay": 50}},
}
IN_TESTS = ("down 5 %", "up 5 %")
FPS_MIN, PLI_MAX, FREEZE_MS = 10, 4, 1000  # a machine of two cores runs the browser too
CONCEALED_MAX = 0.02  # of all sound; without RED it is nearly as much as is lost

# What one page sees and hears of the other, in sums since it began.
QUALITY = """(async () => {
  const sum = { frames: 0, freezes: 0, frozen_ms: 0, nacks: 0, plis: 0, lost: 0, concealed: 0, samples: 0, packets: 0 };
  for (const r of (await penstock.subscribeConnection.getStats()).values()) {
    if (r.type !== 'inbound-rtp') continue;
    sum.lost += r.packetsLost;
    if (r.kind === 'audio') {
      sum.concealed += r.concealedSamples - (r.silentConcealedSamples ?? 0);
      sum.samples += r.totalSamplesReceived;
      continue;
    }
    sum.frames += r.framesDecoded; sum.freezes += r.freezeCount; sum.frozen_ms += 1000 * r.totalFreezesDuration;
    sum.nacks += r.nackCount; sum.plis += r.pliCount; sum.packets += r.packetsReceived;
  }
  for (const r of (await penstock.publishConnection.getStats()).values()) {
    if (r.type !== 'outbound-rtp' || r.kind !== 'video') continue;
    sum.asked = r.nackCount; sum.sent_again = r.retransmittedPacketsSent; sum.key_frames = r.keyFramesEncoded;
    sum.kbps = (r.targetBitrate ?? 0) / 1000;
  }
  return sum;
})()"""
# Before the page's own scripts: descriptions lose what repairs, on either way. Key frames can still be asked for.
WITHOUT_REPAIR = """(() => {
  const strip = (sdp) => {
    const gone = [...sdp.matchAll(/^a=rtpmap:(\\d+) (rtx|red)\\//gim)].map((m) => m[1]);
    return sdp.split('\\r\\n').filter((line) => !/^a=rtcp-fb:\\S+ nack$/.test(line)
        && !gone.includes(/^a=(?:rtpmap|fmtp|rtcp-fb):(\\d+)/.exec(line)?.[1]))
      .map((line) => !line.startsWith('m=') ? line
        : line.split(' ').filter((word, i) => i < 3 || !gone.includes(word)).join(' '))
      .join('\\r\\n');
  };
  const { createOffer, setRemoteDescription } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.createOffer = async function (...words) {
    const { type, sdp } = await createOffer.apply(this, words);
    return { type, sdp: strip(sdp) };
  };
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    return setRemoteDescription.call(this, { type, sdp: type === 'offer' ? strip(sdp) : sdp });
  };
})()"""
COUNTED = ("packets_asked_for", "packets_repaired", "retransmissions_sent", "nack_unanswerable", "nack_budget_spent",
           "rtp_rtx_unrequested", "key_frame_requests_sent")


class Network:
    def __init__(self, lab):
        self.process = lab.net.put_between(BUILD / "tests/e2e/impair")

    def set(self, **directions):
        for direction in ("up", "down"):
            words = [f"{k}={v}" for k, v in directions.get(direction, {}).items()]
            self.process.stdin.write(f"{direction} {' '.join(words)}\n")
            self.process.stdin.flush()
            check(self.process.stdout.readline() == "ok\n", f"{direction}: {' '.join(words) or 'nothing'}")


def watch(lab, pages, seconds):
    """What both pages together saw in that time, per second or as shares."""
    counters = lab.counters()
    for page in pages:
        longest_freeze(page)
    before, started = all_of(pages, QUALITY), time.monotonic()
    time.sleep(seconds)
    after, passed = all_of(pages, QUALITY), time.monotonic() - started
    seen = {k: sum(a[k] - b[k] for a, b in zip(after, before)) for k in after[0]}
    seen["fps"] = seen["frames"] / passed / len(pages)
    seen["concealed_share"] = seen["concealed"] / max(seen["samples"], 1)
    seen["longest_ms"] = max(map(longest_freeze, pages))
    seen["kbps"] = sum(a["kbps"] for a in after) / len(pages)
    return seen, {k: v for k, v in grown(counters, lab.counters()).items() if k in COUNTED}


def tell(name, seen, counters):
    print(f"{name:28} {seen['fps']:5.1f} fps, {seen['freezes']:3.0f} freezes of {seen['frozen_ms']:5.0f} ms in all, "
          f"the longest {seen['longest_ms']:4.0f} ms, "
          f"{seen['nacks']:4.0f} NACKs, {seen['plis']:3.0f} PLIs, {100 * seen['concealed_share']:5.2f} % concealed, "
          f"{seen['key_frames']:2.0f} key frames, {seen['kbps']:5.0f} kbit/s; {counters}", flush=True)


def judge(name, seen, counters, usual):
    at_least(seen["fps"], FPS_MIN, usual["fps"], f"{name}: {seen['fps']:.1f} frames/s", times=2)
    at_most(seen["longest_ms"], FREEZE_MS, usual["freeze_ms"],
            f"... {seen['freezes']:.0f} freezes, the longest of {seen['longest_ms']:.0f} ms")
    at_most(seen["plis"], PLI_MAX, usual["plis"], f"... {seen['plis']:.0f} pictures were given up")
    at_most(seen["concealed_share"], CONCEALED_MAX, usual["concealed"],
            f"... {100 * seen['concealed_share']:.2f} % of the sound was made up", times=2)
    repaired = counters.get("packets_repaired" if name.startswith("up") else "retransmissions_sent", 0)
    check(repaired > 0, f"... {repaired} packets repaired by the relay")


def test(lab):
    table = len(sys.argv) > 1 and sys.argv[1] == "table"
    seconds = int(sys.argv[2]) if table else 10
    network = Network(lab)
    with Browser(lab.url) as browser:
        capture = "480x360@25" if table else "320x240@15"
        script = WITHOUT_REPAIR if "unrepaired" in sys.argv else None
        pages = [open_page(lab, browser, ROOM, name, script, capture=capture) for name in ("Alice", "Bob")]
        for page in pages:
            wait_until(lambda: in_room(page), 10, f"{page.name} is in the room")
        wait_for_legs(pages, 2, 20)
        control = None if table else Control(pages[0], sound=True)
        time.sleep(8 if table else 3)  # for the senders' estimates
        for name in CASES if table else IN_TESTS:
            network.set(**CASES[name])
            time.sleep(3)
            if control:
                control.begin()
            seen, counters = watch(lab, pages, seconds)
            tell(name, seen, counters)
            if control:
                judge(name, seen, counters, control.figures())
    check(lab.ctl("drops")["balanced"], "every packet is accounted for")


need("chromium")
run(test, families="4")
