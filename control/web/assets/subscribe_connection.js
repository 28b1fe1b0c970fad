// What we receive: one RTCPeerConnection that the relay offers and we answer. Knows which track each m-section carries.
// Events: `tracks` (detail: Map track id -> MediaStreamTrack), `state`, `hopeless`.

const restart_wait_ms = 3000;
const restarts_max = 3;

export class SubscribeConnection extends EventTarget {
  #protocol;
  #queue = Promise.resolve(); // offers are answered one after another
  #restarts = 0;
  #restart_timer = 0;

  constructor(protocol) {
    super();
    this.#protocol = protocol;
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' });
    this.pc.addEventListener('connectionstatechange', () => this.#stateChanged());
  }

  /** An `offer` message. The relay may supersede it before our answer arrives; then another offer follows. */
  offered(message) {
    this.#queue = this.#queue.then(() => this.#answer(message)).catch((error) => {
      if (this.pc.signalingState !== 'closed') this.dispatchEvent(new CustomEvent('trouble', { detail: error }));
    });
    return this.#queue;
  }

  resumed() {
    const state = this.pc.connectionState;
    if (state === 'failed' || state === 'disconnected') this.#restart();
  }

  close() {
    clearTimeout(this.#restart_timer);
    this.pc.close();
  }

  async #answer({ id, sdp, tracks }) {
    if (this.pc.signalingState === 'closed') return;
    await this.pc.setRemoteDescription({ type: 'offer', sdp });
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    this.#protocol.send({ type: 'answer', id, sdp: this.pc.localDescription.sdp });
    const by_mid = new Map(this.pc.getTransceivers().map((transceiver) => [transceiver.mid, transceiver]));
    const received = new Map();
    for (const { mid, track } of tracks) {
      const transceiver = by_mid.get(String(mid));
      if (transceiver) received.set(track, transceiver.receiver.track);
    }
    this.dispatchEvent(new CustomEvent('tracks', { detail: received }));
  }

  #stateChanged() {
    const state = this.pc.connectionState;
    clearTimeout(this.#restart_timer);
    if (state === 'connected') this.#restarts = 0;
    else if (state === 'failed') this.#restart();
    else if (state === 'disconnected') this.#restart_timer = setTimeout(() => this.#restart(), restart_wait_ms);
    this.dispatchEvent(new Event('state'));
  }

  #restart() {
    clearTimeout(this.#restart_timer);
    if (!this.#protocol.up || this.pc.connectionState === 'connected' || this.pc.connectionState === 'closed') return;
    if (this.#restarts++ >= restarts_max) {
      this.dispatchEvent(new Event('hopeless'));
      return;
    }
    this.#protocol.send({ type: 'restart', purpose: 'subscribe' });
    this.#restart_timer = setTimeout(() => this.#restart(), 4 * restart_wait_ms);
  }
}
