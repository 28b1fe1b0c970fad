// What we receive: one RTCPeerConnection that the relay offers and we answer. Knows which track each m-section carries.
// Events: those of RelayConnection, `trouble`, and `tracks`, with detail {received: Map track id -> MediaStreamTrack,
// unplayable: Set of track ids of which this browser has no codec}.

import { RelayConnection } from './relay_connection.js';

export class SubscribeConnection extends RelayConnection {
  #queue = Promise.resolve(); // offers are answered one after another

  /** An `offer` message. The relay may supersede it before our answer arrives; then another offer follows. */
  offered(message) {
    this.#queue = this.#queue.then(() => this.#answer(message)).catch((error) => {
      if (this.pc.signalingState !== 'closed') this.dispatchEvent(new CustomEvent('trouble', { detail: error }));
    });
    return this.#queue;
  }

  /** The relay makes the offers here: it is asked for one with new credentials. */
  renew() {
    this.protocol.send({ type: 'restart', purpose: 'subscribe' });
  }

  async #answer({ id, sdp, tracks }) {
    if (this.pc.signalingState === 'closed') return;
    await this.pc.setRemoteDescription({ type: 'offer', sdp });
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    this.protocol.send({ type: 'answer', id, sdp: this.pc.localDescription.sdp });
    const by_mid = new Map(this.pc.getTransceivers().map((transceiver) => [transceiver.mid, transceiver]));
    const received = new Map();
    const unplayable = new Set();
    for (const { mid, track } of tracks) {
      const transceiver = by_mid.get(String(mid));
      if (transceiver?.currentDirection === 'recvonly') received.set(track, transceiver.receiver.track);
      else unplayable.add(track); // the answer refused the section: no common codec (RFC 3264 section 6)
    }
    this.dispatchEvent(new CustomEvent('tracks', { detail: { received, unplayable } }));
  }
}
