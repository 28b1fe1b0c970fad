// What both of our RTCPeerConnections have in common: how they are made, and how they are brought back when they break.
// Events: `state` (the connection's state changed), `hopeless` (it was restarted as often as makes sense).

const restart_wait_ms = 3000;
const restarts_max = 3;

/** A kind of connection says in `renew()` how it gets new ICE credentials. */
export class RelayConnection extends EventTarget {
  #restarts = 0;
  #restart_timer = 0;

  constructor(protocol) {
    super();
    this.protocol = protocol;
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' });
    this.pc.addEventListener('connectionstatechange', () => this.#stateChanged());
  }

  /** After a resume: what broke meanwhile may be mended now. True: it is being restarted. */
  resumed() {
    const broken = this.pc.connectionState === 'failed' || this.pc.connectionState === 'disconnected';
    if (broken) this.#restart();
    return broken;
  }

  close() {
    clearTimeout(this.#restart_timer);
    this.pc.close();
  }

  #stateChanged() {
    const state = this.pc.connectionState;
    if (state === 'connected') this.#restarts = 0;
    if (state === 'connected' || state === 'closed') clearTimeout(this.#restart_timer);
    else if (state === 'failed') this.#restart();
    else if (state === 'disconnected') this.#restartIn(restart_wait_ms);
    this.dispatchEvent(new Event('state'));
  }

  #restartIn(wait_ms) {
    clearTimeout(this.#restart_timer);
    this.#restart_timer = setTimeout(() => this.#restart(), wait_ms);
  }

  /** Needs the relay's ear; without it, `resumed` comes back here. */
  #restart() {
    clearTimeout(this.#restart_timer);
    if (!this.protocol.up || this.pc.connectionState === 'connected' || this.pc.connectionState === 'closed') return;
    if (this.#restarts++ >= restarts_max) {
      this.dispatchEvent(new Event('hopeless'));
      return;
    }
    this.renew();
    this.#restartIn(4 * restart_wait_ms);
  }
}
