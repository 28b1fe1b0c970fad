#!/usr/bin/python3
"""Layers in Chromium: a camera in three sizes, as three encodings (simulcast) or as layers of one stream (SVC), of which each
receiver is sent the one that it wishes for.

    simulcast_test.py [steps=6] [vp8 h264 vp9 vp9-L3T3 vp9-L3T3_KEY av1-L3T3 ...]

steps: so many times up and down through all sizes, for each codec and, behind it, mode of SVC.
"""

import sys
import time

from browser import Browser
from conference import in_room, longest_freeze, open_page, own_track
from control_time import Control, at_most
from lab import Failed, check, need, run, wait_until

CAPTURE = "960x540@15"
SIZES = (240, 480, 960)
STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 6
CODECS = sys.argv[2:] or ["vp8"]
SWITCH_S = 10  # Chromium looks every 5 s whether it has bandwidth, and where other work delays packets thinks not
FREEZE_MS = 500 if STEPS >= 20 else 1000  # in the tests: the machine is not asked to be quiet

# What the page sees of one track: how large, how often it froze, what its decoder said.
PICTURE = """(async (id) => {
  const track = penstock.state.received.get(id);
  for (const r of (await penstock.subscribeConnection.getStats()).values()) {
    if (r.type !== 'inbound-rtp' || r.trackIdentifier !== track?.id) continue;
    return { codec: (await penstock.subscribeConnection.getStats()).get(r.codecId)?.mimeType,
             width: r.frameWidth ?? 0, frames: r.framesDecoded, freezes: r.freezeCount, frozen_ms: 1000 * r.totalFreezesDuration,
             dropped: r.framesDropped, key_frames: r.keyFramesDecoded, plis: r.pliCount, nacks: r.nackCount, lost: r.packetsLost };
  }
  return null;
})"""
# What the publisher sends: the widths of all encodings, the widest last, and the mode of SVC of each.
SENT = """(async () => {
  const sent = [];
  for (const r of (await penstock.publishConnection.getStats()).values()) {
    if (r.type !== 'outbound-rtp' || r.kind !== 'video') continue;
    if (r.active !== false && r.frameWidth) {
      sent.push({ width: r.frameWidth, mode: r.scalabilityMode, fps: r.framesPerSecond, limited: r.qualityLimitationReason,
                  kbps: r.targetBitrate / 1000 });
    }
  }
  return sent.sort((a, b) => a.width - b.width);
})()"""


def picture(page, track):
    return page.evaluate(f"({PICTURE})('{track}')") or {"width": 0, "frames": 0}


def step(sender, page, track, width):
    """Asks for pictures of that width, and waits until they come; how long it took, in s."""
    page.evaluate(f"penstock.wish('{track}', {{ width: {width}, height: {width} }})")
    began = time.monotonic()
    try:
        wait_until(lambda: picture(page, track)["width"] == width, SWITCH_S, f"pictures of a width of {width}", every=0.05)
    except Failed:
        print(f"{page.name} gets {picture(page, track)}, {sender.name} sends {sender.evaluate(SENT)}")
        raise
    return time.monotonic() - began


def test(lab):
    with Browser(lab.url) as browser:
        for name in CODECS:
            codec, _, mode = name.partition("-")
            print(f"--- {name}")
            through_all_sizes(lab, browser, name, codec, mode)
    check(lab.ctl("drops")["balanced"], "every packet is accounted for")


def through_all_sizes(lab, browser, room, codec, mode):
    how = {"codec": codec, **({"svc": mode} if mode else {})}
    alice = open_page(lab, browser, room, "Alice", capture=CAPTURE, **how)
    wait_until(lambda: in_room(alice), 10, "Alice is in the room")
    # The camera that both share is as large as who opens it first wants it.
    wait_until(lambda: alice.evaluate("penstock.state.own.camera.track?.getSettings().width") == SIZES[-1], 10, "her camera is on")
    bob = open_page(lab, browser, room, "Bob", capture="320x240@10", microphone="0")
    wait_until(lambda: in_room(bob), 10, "Bob is in the room")
    wait_until(lambda: bob.evaluate("penstock.state.received.size") == 2, 10, "Bob is sent a camera and a microphone")
    camera = own_track(alice, "camera")
    wait_until(lambda: picture(bob, camera)["width"] in SIZES[:2], 15, "a tile asks for no more than it shows")
    check(picture(bob, camera)["codec"].lower() == f"video/{codec}", f"by {codec}")

    step(alice, bob, camera, SIZES[-1])
    before, took = picture(bob, camera), {width: [] for width in SIZES}
    longest_freeze(bob)
    control = Control(bob)
    for _ in range(STEPS):
        for width in (*SIZES[-2::-1], *SIZES[1:]):
            took[width].append(step(alice, bob, camera, width))
            time.sleep(0.3)
    after, longest, usual = picture(bob, camera), longest_freeze(bob), control.figures()["freeze_ms"]
    for width, times in took.items():
        times.sort()
        print(f"{len(times)} steps to {width}, each after {1000 * times[len(times) // 2]:.0f} ms, the longest {1000 * times[-1]:.0f} ms")
    at_most(longest, FREEZE_MS, usual, f"{after['freezes'] - before['freezes']} freezes, the longest of {longest:.0f} ms")
    print(f"{after['frames'] - before['frames']} frames, {after['key_frames'] - before['key_frames']} key frames, "
          f"{after['plis'] - before['plis']} PLIs, {after['nacks'] - before['nacks']} NACKs, "
          f"{after['dropped'] - before['dropped']} dropped")

    step(alice, bob, camera, SIZES[0])
    # What is larger than anybody wishes for rests.
    try:
        wait_until(lambda: alice.evaluate(SENT)[-1]["width"] == SIZES[0], 8, "larger layers rest")
    finally:
        print(f"Alice sends {alice.evaluate(SENT)}")
    bob.evaluate(f"penstock.wish('{camera}', {{ paused: true }})")
    wait_until(lambda: stands_still(bob, camera), 5, "a paused picture stands still")
    frames = picture(bob, camera)["frames"]
    step(alice, bob, camera, SIZES[1])
    wait_until(lambda: picture(bob, camera)["frames"] > frames + 5, SWITCH_S, "it goes on")
    half_as_often(bob, camera, control)
    alice.close()
    bob.close()


def half_as_often(page, track, control):
    """Temporal layers: fewer pictures a second, without a freeze or an error, and all of them again."""
    plis, all_of_them = picture(page, track)["plis"], rate(page, track)
    longest_freeze(page)
    control.begin()
    page.evaluate(f"penstock.wish('{track}', {{ width: {SIZES[1]}, height: {SIZES[1]}, frame_rate: {round(all_of_them / 2) + 1} }})")
    half = wait_until(lambda: 0.2 < (now := rate(page, track)) / all_of_them < 0.7 and now,
                      SWITCH_S, "pictures come half as often", every=0)
    longest, usual = longest_freeze(page), control.figures()
    at_most(longest, FREEZE_MS, usual["freeze_ms"], f"{half:.1f} pictures a second of {all_of_them:.1f}, without a freeze")
    at_most(picture(page, track)["plis"] - plis, 0, usual["plis"], "... or a picture that was given up")
    page.evaluate(f"penstock.wish('{track}', {{ width: {SIZES[1]}, height: {SIZES[1]} }})")
    wait_until(lambda: rate(page, track) > 1.4 * half, SWITCH_S, "all of them come again", every=0)


def rate(page, track):
    """Pictures a second."""
    frames, began = picture(page, track)["frames"], time.monotonic()
    time.sleep(1)
    return (picture(page, track)["frames"] - frames) / (time.monotonic() - began)


def stands_still(page, track):
    frames = picture(page, track)["frames"]
    time.sleep(0.6)
    return picture(page, track)["frames"] == frames


need("chromium")
run(test, families="4")
