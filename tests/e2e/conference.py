"""The conference page in a browser, as a test sees it: who is there, and what arrives of each track."""

import urllib.parse

from browser import Browser, all_of
from lab import Failed, check, token, wait_until

# One row per track that this page receives, by the id the relay gave the track.
LEGS = """(async () => {
  const { penstock } = window;
  const owners = new Map();
  for (const { name, tracks } of penstock.participants()) for (const t of tracks) owners.set(t.id, [name, t.kind]);
  const by_browser = new Map([...penstock.state.received].map(([id, track]) => [track.id, id]));
  const legs = {};
  const stats = penstock.subscribeConnection ? await penstock.subscribeConnection.getStats() : new Map();
  for (const r of stats.values()) {
    if (r.type !== 'inbound-rtp' || !by_browser.has(r.trackIdentifier)) continue;
    const id = by_browser.get(r.trackIdentifier);
    const [from, kind] = owners.get(id) ?? ['?', r.kind];
    legs[id] = { from, kind, frames: r.framesDecoded ?? 0, energy: r.totalAudioEnergy ?? 0, lost: r.packetsLost,
                 packets: r.packetsReceived, freezes: r.freezeCount ?? 0, width: r.frameWidth ?? 0,
                 seconds: r.timestamp / 1000 };
  }
  return legs;
})()"""

# The addresses that media really goes between.
PAIR = """(async (connection) => {
  const stats = await connection.getStats();
  const transport = [...stats.values()].find((r) => r.type === 'transport');
  const pair = stats.get(transport.selectedCandidatePairId);
  return { remote: stats.get(pair.remoteCandidateId).address, dtls: transport.dtlsState, srtp: transport.srtpCipher,
           answered: pair.responsesReceived };
})"""

# The longest freeze of a connection's pictures, in ms, since this was asked before. Statistics sum them up, so look often.
LONGEST_FREEZE = """((connection) => {
  const longest = connection.longest_freeze_ms ?? 0;
  connection.longest_freeze_ms = 0;
  if (connection.freezes) return longest;
  connection.freezes = new Map();
  setInterval(async () => {
    for (const r of (await connection.getStats()).values()) {
      if (r.type !== 'inbound-rtp' || r.kind !== 'video') continue;
      const [count, seconds] = connection.freezes.get(r.id) ?? [0, 0];
      connection.freezes.set(r.id, [r.freezeCount, r.totalFreezesDuration]);
      const each = 1000 * (r.totalFreezesDuration - seconds) / Math.max(r.freezeCount - count, 1);
      connection.longest_freeze_ms = Math.max(connection.longest_freeze_ms, each);
    }
  }, 100);
  return longest;
})"""

# When each picture came, in ms after the receiving connection was connected, and when that was after joining.
FIRST_PICTURES = """(async (wanted, receiving) => {
  const until = async (look) => {
    for (;;) {
      const found = await look();
      if (found) return performance.now();
      await new Promise((done) => setTimeout(done, 5));
    }
  };
  const joined = await until(() => window.penstock?.state.phase === 'room');
  const connected = await until(() => receiving()?.connectionState === 'connected');
  const pictures = {};
  await until(async () => {
    for (const r of (await receiving().getStats()).values()) {
      if (r.type !== 'inbound-rtp' || r.kind !== 'video' || !r.framesDecoded) continue;
      pictures[r.mid] ??= performance.now() - connected;
    }
    return Object.keys(pictures).length >= wanted;
  });
  return { joining_ms: connected - joined, pictures_ms: Object.values(pictures) };
})"""
RECEIVING = "penstock.subscribeConnection"


def page_url(lab, room, name, capture="320x240@15", **extra):
    words = {"room": room, "name": name, "autojoin": "1", "capture": capture, "token": token(name=name), **extra}
    return f"{lab.url}/?{urllib.parse.urlencode(words)}"


def open_page(lab, browser, room, name, script=None, **extra):
    return browser.open(page_url(lab, room, name, **extra), name, script)


def longest_freeze(page, connection=RECEIVING):
    return page.evaluate(f"{LONGEST_FREEZE}({connection})")


def first_pictures(page, count, connection=RECEIVING):
    """{"joining_ms": ms, "pictures_ms": [ms, ...]}"""
    return page.evaluate(f"{FIRST_PICTURES}({count}, () => {connection})")


def in_room(page):
    return page.evaluate("window.penstock?.state.phase === 'room'")


def legs(page):
    return page.evaluate(LEGS)


def flowing(leg):
    return leg["frames"] > 0 if leg["kind"] == "video" else leg["packets"] > 0


def wait_for_legs(pages, count, seconds=15):
    """Until each page gets `count` legs, with something in them."""
    def all_flow():
        found = all_of(pages, LEGS)
        return all(len(f) == count and all(map(flowing, f.values())) for f in found)

    try:
        wait_until(all_flow, seconds, f"{count} legs flow to each of {len(pages)} pages", every=0.25)
    except Failed:
        for page, found in zip(pages, all_of(pages, LEGS)):
            print(f"{page.name}: {found}")
        raise


def own_track(page, source):
    """The id of a track that this page publishes."""
    return page.evaluate(f"penstock.participants().find((p) => p.self).tracks.find((t) => t.source === '{source}')?.id")


def own_id(page):
    return page.evaluate("penstock.state.self")


def growth(before, after):
    """By track: how much each number of a leg grew. `seconds`: by the page's clock, as a busy one answers late."""
    return {id: {**leg, **{k: leg[k] - before[id][k] for k in ("frames", "energy", "lost", "packets", "freezes", "seconds")}}
            for id, leg in after.items() if id in before}


def picture_rate(leg):
    """Frames a second; `leg` is what growth() tells."""
    return leg["frames"] / max(leg["seconds"], 0.001)
