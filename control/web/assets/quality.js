// How good our own connection is: from the states of both RTCPeerConnections and what their statistics say.

const poor_loss = 0.05;
const poor_rtt_ms = 400;

/** Pure: the level from connection states (of those in use), loss 0..1 and round trip. */
export function judge(states, { loss = 0, rtt_ms = 0 } = {}) {
  if (states.includes('failed') || states.includes('disconnected')) return 'lost';
  if (states.length > 0 && states.every((state) => state === 'new' || state === 'connecting')) return 'connecting';
  if ((loss ?? 0) > poor_loss || (rtt_ms ?? 0) > poor_rtt_ms) return 'poor';
  return 'good';
}

/** Sums what matters out of a getStats() report. */
export function summarise(report) {
  const sum = { received: 0, lost: 0, bytes_in: 0, bytes_out: 0, rtt_ms: null, fraction_lost: null };
  for (const entry of report.values()) {
    if (entry.type === 'inbound-rtp') {
      sum.received += entry.packetsReceived ?? 0;
      sum.lost += Math.max(0, entry.packetsLost ?? 0);
      sum.bytes_in += entry.bytesReceived ?? 0;
    } else if (entry.type === 'outbound-rtp') {
      sum.bytes_out += entry.bytesSent ?? 0;
    } else if (entry.type === 'remote-inbound-rtp' && entry.fractionLost !== undefined) {
      sum.fraction_lost = Math.max(sum.fraction_lost ?? 0, entry.fractionLost);
    } else if (entry.type === 'candidate-pair' && entry.nominated && entry.currentRoundTripTime !== undefined) {
      sum.rtt_ms = entry.currentRoundTripTime * 1000;
    }
  }
  return sum;
}

/** Differences of two summaries of both connections, `seconds` apart. Counters that went back mean a new connection. */
export function compare(before, now, seconds) {
  const grown = (key) => Math.max(0, now.subscribe[key] - before.subscribe[key]);
  const lost = grown('lost');
  const received = grown('received');
  const loss_in = received + lost > 0 ? lost / (received + lost) : 0;
  return {
    loss: Math.max(loss_in, now.publish.fraction_lost ?? 0),
    rtt_ms: now.publish.rtt_ms ?? now.subscribe.rtt_ms,
    receive_bps: (8 * grown('bytes_in')) / seconds,
    send_bps: (8 * Math.max(0, now.publish.bytes_out - before.publish.bytes_out)) / seconds,
  };
}

/** Looks every 2 s until stopped. `connections()` gives {publish, subscribe}: RTCPeerConnections or null. */
export function watchQuality(connections, tell) {
  let before = null;
  const look = async () => {
    const { publish, subscribe } = connections();
    const states = [publish, subscribe]
      .filter((pc) => pc && pc.getTransceivers().some((transceiver) => transceiver.currentDirection))
      .map((pc) => pc.connectionState);
    const summary = async (pc) => summarise(pc && pc.connectionState !== 'closed' ? await pc.getStats() : new Map());
    const now = { publish: await summary(publish), subscribe: await summary(subscribe), at: performance.now() };
    const change = before ? compare(before, now, Math.max(0.1, (now.at - before.at) / 1000)) : {};
    before = now;
    tell({ level: judge(states, change), ...change });
  };
  const timer = setInterval(look, 2000);
  look();
  return { look, stop: () => clearInterval(timer) };
}
