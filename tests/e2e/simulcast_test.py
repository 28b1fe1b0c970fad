#!/usr/bin/python3
"""Simulcast in Chromium: a camera in three sizes, of which each receiver is sent the one that it wishes for.

    simulcast_test.py [steps=6]   so many times up and down through all sizes
"""

import sys
import time

from browser import Browser
from conference import in_room, open_page, own_track, wait_for_legs
from lab import Failed, check, need, run, wait_until

ROOM = "simulcast"
CAPTURE = "960x540@15"
SIZES = (240, 480, 960)
STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 6
SWITCH_S = 4  # a key frame is asked for, encoded and sent; the machine of the test is a small one
FREEZE_MS = 500

# What the page sees of one track: how large, how often it froze, what its decoder said.
PICTURE = """(async (id) => {
  const track = penstock.state.received.get(id);
  for (const r of (await penstock.subscribeConnection.getStats()).values()) {
    if (r.type !== 'inbound-rtp' || r.trackIdentifier !== track?.id) continue;
    return { width: r.frameWidth ?? 0, frames: r.framesDecoded, freezes: r.freezeCount, frozen_ms: 1000 * r.totalFreezesDuration,
             dropped: r.framesDropped, key_frames: r.keyFramesDecoded, plis: r.pliCount, nacks: r.nackCount, lost: r.packetsLost };
  }
  return null;
})"""
# What the publisher sends, by RID.
SENT = """(async () => {
  const sent = {};
  for (const r of (await penstock.publishConnection.getStats()).values()) {
    if (r.type === 'outbound-rtp' && r.kind === 'video') sent[r.rid ?? ''] = { frames: r.framesEncoded, width: r.frameWidth ?? 0 };
  }
  return sent;
})()"""


def picture(page, track):
    return page.evaluate(f"({PICTURE})('{track}')") or {"width": 0, "frames": 0}


def wait_for_width(page, track, width):
    """Until pictures of that width come; how long it took, in s."""
    began = time.monotonic()
    try:
        wait_until(lambda: picture(page, track)["width"] == width, SWITCH_S, f"pictures of a width of {width}", every=0.05)
    except Failed:
        print(picture(page, track))
        raise
    return time.monotonic() - began


def step(page, track, width):
    page.evaluate(f"penstock.wish('{track}', {{ width: {width}, height: {width} }})")
    return wait_for_width(page, track, width)


def test(lab):
    with Browser(lab.url) as browser:
        alice = open_page(lab, browser, ROOM, "Alice", capture=CAPTURE)
        wait_until(lambda: in_room(alice), 10, "Alice is in the room")
        # The camera that both share is as large as who opens it first wants it.
        wait_until(lambda: alice.evaluate("penstock.state.own.camera.track?.getSettings().width") == SIZES[-1], 10, "her camera is on")
        bob = open_page(lab, browser, ROOM, "Bob", capture="320x240@10")
        wait_until(lambda: in_room(bob), 10, "Bob is in the room")
        wait_for_legs([alice, bob], 2, 20)
        camera = own_track(alice, "camera")
        sent = alice.evaluate(SENT)
        check(len(sent) == 3, f"Alice sends three encodings: {sent}")
        wait_until(lambda: picture(bob, camera)["width"] in SIZES[:2], 10, "a tile asks for no more than it shows")

        before, took = picture(bob, camera), []
        for _ in range(STEPS):
            for width in (*SIZES, *SIZES[-2::-1]):
                took.append(step(bob, camera, width))
                time.sleep(0.3)
        after = picture(bob, camera)
        frozen = after["frozen_ms"] - before["frozen_ms"]
        froze = after["freezes"] - before["freezes"]
        took.sort()
        print(f"{len(took)} steps through all sizes, each after {1000 * took[len(took) // 2]:.0f} ms, "
              f"the longest {1000 * took[-1]:.0f} ms")
        check(frozen <= FREEZE_MS * max(froze, 1), f"{froze} freezes of {frozen:.0f} ms in all")
        print(f"{after['frames'] - before['frames']} frames, {after['plis'] - before['plis']} PLIs, "
              f"{after['nacks'] - before['nacks']} NACKs, {after['dropped'] - before['dropped']} dropped")

        bob.evaluate(f"penstock.wish('{camera}', {{ paused: true }})")
        wait_until(lambda: stands_still(bob, camera), 5, "a paused picture stands still")
        frames = picture(bob, camera)["frames"]
        step(bob, camera, SIZES[1])
        wait_until(lambda: picture(bob, camera)["frames"] > frames + 5, SWITCH_S, "it goes on")
    check(lab.ctl("drops")["balanced"], "every packet is accounted for")


def stands_still(page, track):
    frames = picture(page, track)["frames"]
    time.sleep(0.6)
    return picture(page, track)["frames"] == frames


need("chromium")
run(test, families="4")
