#!/usr/bin/python3
"""End-to-end encryption by encoded transforms: the relay forwards what it cannot read, and chooses layers all the same.

Alice and Bob have the key, Carol has none. As real applications do, the first bytes of a VP8 frame stay in the clear: the
payload header says what a key frame is, and how large it is (RFC 7741 section 4.3).
"""

from browser import Browser
from conference import in_room, legs, open_page, own_track
from lab import check, need, run, wait_until

ROOM = "encrypted"
CAPTURE = "960x540@15"

# Before the page's own scripts: every connection has its frames changed on the way out and back on the way in.
TRANSFORM = """
(() => {
  const key = KEY;
  const plain = (frame) => frame instanceof RTCEncodedVideoFrame ? (frame.type === 'key' ? 10 : 3) : 1;
  const change = (frame, controller) => {
    const data = new Uint8Array(frame.data.slice(0));
    for (let i = plain(frame); i < data.length; ++i) data[i] ^= key[i % key.length];
    frame.data = data.buffer;
    window.changed = (window.changed ?? 0) + 1;
    controller.enqueue(frame);
  };
  const through = (end) => {
    const { readable, writable } = end.createEncodedStreams();
    readable.pipeThrough(new TransformStream({ transform: change })).pipeTo(writable);
  };
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(settings) {
      super({ ...settings, encodedInsertableStreams: true });
      this.addEventListener('track', (event) => through(event.receiver));
    }
    addTransceiver(...words) {
      const transceiver = super.addTransceiver(...words);
      through(transceiver.sender);
      return transceiver;
    }
  };
})();
"""
KEYED = TRANSFORM.replace("KEY", "[0x5a, 0xc3, 0x17, 0x88, 0x3e]")
# So that Carol's own page could be read by nobody either; she only watches.
PICTURE = """((video) => {
  if (!video || video.readyState < 2) return null;
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [32, 18];
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0, 32, 18);
  const { data } = context.getImageData(0, 0, 32, 18);
  return Array.from({ length: 32 * 18 }, (_, i) => (data[4 * i] + data[4 * i + 1] + data[4 * i + 2]) / 3);
})(document.querySelector('.tile.camera%s video'))"""


def look(page, own=False):
    return page.evaluate(PICTURE % (".own" if own else ":not(.own)"))


def apart(a, b):
    """Mean distance of two pictures, 0..255; 255 if one is not there."""
    return sum(abs(x - y) for x, y in zip(a, b)) / len(a) if a and b else 255


def leg(page, track):
    return legs(page).get(track, {"frames": 0, "width": 0, "energy": 0})


def test(lab):
    with Browser(lab.url) as browser:
        alice = open_page(lab, browser, ROOM, "Alice", script=KEYED, capture=CAPTURE)
        wait_until(lambda: in_room(alice), 10, "Alice is in the room")
        wait_until(lambda: own_track(alice, "camera") and own_track(alice, "microphone"), 10, "and publishes")
        bob = open_page(lab, browser, ROOM, "Bob", script=KEYED, camera="0", microphone="0")
        carol = open_page(lab, browser, ROOM, "Carol", camera="0", microphone="0")
        for page in (bob, carol):
            wait_until(lambda: in_room(page), 10, f"{page.name} is in the room")
        camera, microphone = own_track(alice, "camera"), own_track(alice, "microphone")
        wait_until(lambda: leg(bob, camera)["frames"] > 30, 20, "Bob sees Alice")
        wait_until(lambda: alice.evaluate("window.changed") > 100, 5, "her frames are changed")
        check(True, "what Alice sends is changed on its way out")
        wait_until(lambda: apart(look(bob), look(alice, own=True)) < 25, 10, "and it is her picture")
        wait_until(lambda: leg(bob, microphone)["energy"] > 0, 10, "Bob hears her")
        seen = [apart(look(carol), look(alice, own=True)) for _ in range(5)]
        check(min(seen) > 25, f"Carol, without the key, sees something else or nothing: {min(seen):.0f} of 255 apart, "
                              f"{leg(carol, camera)['frames']} frames decoded")
        wait_until(lambda: legs(carol).get(microphone, {}).get("packets", 0) > 50, 5, "everything is sent to her")
        check(True, "although everything is sent to her")

        for width in (240, 480, 960, 480, 240, 960):
            bob.evaluate(f"penstock.wish('{camera}', {{ width: {width}, height: {width} }})")
            wait_until(lambda: leg(bob, camera)["width"] == width, 10, f"layers are chosen all the same: {width} pixels", every=0.05)
        wait_until(lambda: apart(look(bob), look(alice, own=True)) < 25, 5, "and Bob can read them")
    check(lab.ctl("drops")["balanced"], "every packet is accounted for")


need("chromium")
run(test, families="4")
