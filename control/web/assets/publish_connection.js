// What we send: one RTCPeerConnection that we offer. The caller says what should be sent; this makes it so.
//
// Slots, by key: `microphone`, `camera`, `screen`, `screen-audio`. Each keeps its m-section for good: a slot that is no
// longer wanted goes inactive (the relay unpublishes its track) and its section serves the next time.
//
// A camera that is off is not unpublished: its capture stops (the light goes out), replaceTrack(null) sends nothing, and a
// `mute` tells the others. That costs one message; unpublishing would cost an offer and an answer with every subscriber.

import { RelayConnection } from './relay_connection.js';

// A camera in three sizes: each receiver is sent the one that its tile needs. A small picture has no smaller ones.
const sizes = [
  { rid: 'low', scaleResolutionDownBy: 4, maxBitrate: 150_000, maxFramerate: 30, scalabilityMode: 'L1T3' },
  { rid: 'middle', scaleResolutionDownBy: 2, maxBitrate: 500_000, maxFramerate: 30, scalabilityMode: 'L1T3' },
  { rid: 'high', maxBitrate: 1_500_000, maxFramerate: 30, scalabilityMode: 'L1T3' },
];
const small_width = 480;

function encodingsFor(key, track) {
  if (key === 'screen') return [{ maxBitrate: 2_500_000, maxFramerate: 15 }];
  if (key !== 'camera') return [{}];
  const { width = Infinity } = track?.getSettings?.() ?? {};
  return width > small_width ? sizes : [{ maxBitrate: 500_000, maxFramerate: 30 }];
}

const again_wait_ms = 3000;
const rest_ms = 2000; // a tile that is small for a moment

/** Pure: which encodings somebody may be sent: those up to the largest that the wish allows; the smallest in any case. */
export function neededEncodings(encodings, { width, height }, wish) {
  const scales = encodings.map((encoding) => encoding.scaleResolutionDownBy ?? 1);
  const fits = (scale) => {
    const [w, h] = [width / scale, height / scale];
    const within = (a, b) => (!wish.width || a <= wish.width) && (!wish.height || b <= wish.height);
    return within(w, h) || (wish.width && wish.height && within(h, w));
  };
  const smallest = Math.max(...scales);
  return scales.map((scale) => scale === smallest || (!wish.paused && Boolean(fits(scale))));
}

/** RED (RFC 2198): each packet of sound carries the frame before it again. The relay asks for lost pictures, but sound that
 *  came a round trip later would be too late. A browser sends it if it stands first; whoever cannot take it gets Opus. */
function preferRed(transceiver) {
  const codecs = globalThis.RTCRtpSender?.getCapabilities?.('audio')?.codecs ?? [];
  const isRed = (codec) => codec.mimeType.toLowerCase() === 'audio/red';
  if (!codecs.some(isRed) || !transceiver.setCodecPreferences) return;
  transceiver.setCodecPreferences([...codecs.filter(isRed), ...codecs.filter((codec) => !isRed(codec))]);
}

export class PublishConnection extends RelayConnection {
  #slots = new Map(); // key -> {transceiver, id, muted_sent, offered}
  #wanted = new Map();
  #running = false;
  #again = false;
  #negotiation_needed = false;
  #again_timer = 0;

  /** The relay's id of the track in a slot, or null. */
  trackId(key) {
    return this.#slots.get(key)?.id ?? null;
  }

  /** `wanted`: Map key -> {source, kind, name, track, muted}. May be called at any rate; runs one at a time. */
  sync(wanted) {
    this.#wanted = wanted;
    this.#again = true;
    if (!this.#running) this.#run();
  }

  /** A `wanted` message: encodings that are larger than anybody wishes for rest, soon; one that is needed is sent at once. */
  wanted({ track, paused, width, height }) {
    const slot = [...this.#slots.values()].find(({ id }) => id === track);
    if (!slot) return;
    clearTimeout(slot.rest_timer);
    this.#activate(slot, { paused, width, height }, false);
    slot.rest_timer = setTimeout(() => this.#activate(slot, { paused, width, height }, true), rest_ms);
  }

  async #activate({ transceiver: { sender } }, wish, rest) {
    const settings = sender.track?.getSettings();
    const parameters = sender.getParameters();
    if (!settings?.width || this.pc.signalingState === 'closed') return;
    const needed = neededEncodings(parameters.encodings, settings, wish);
    let changed = false;
    for (const [i, encoding] of parameters.encodings.entries()) {
      if (encoding.active === needed[i] || (!needed[i] && !rest)) continue;
      encoding.active = needed[i];
      changed = true;
    }
    // Another change of the parameters may come between: then the next message finds them as they are.
    if (changed) await sender.setParameters(parameters).catch(() => {});
  }

  /** After a resume: finish what the break interrupted, and say again what may not have been heard. */
  resumed() {
    for (const slot of this.#slots.values()) slot.muted_sent = null;
    const restarts = super.resumed();
    if (!restarts) this.sync(this.#wanted);
    return restarts;
  }

  /** New ICE credentials by a new offer. */
  renew() {
    this.pc.restartIce();
    this.#negotiation_needed = true;
    this.sync(this.#wanted);
  }

  close() {
    clearTimeout(this.#again_timer);
    for (const slot of this.#slots.values()) clearTimeout(slot.rest_timer);
    this.#wanted = new Map();
    super.close();
  }

  async #run() {
    this.#running = true;
    while (this.#again && this.pc.signalingState !== 'closed') {
      this.#again = false;
      try {
        await this.#arrange();
        if (this.#negotiation_needed) await this.#negotiate();
        this.#tellMutes();
      } catch (error) {
        await this.#failed(error);
      }
    }
    this.#running = false;
  }

  async #failed(error) {
    if (this.pc.signalingState === 'closed') return;
    if (this.pc.signalingState !== 'stable') await this.pc.setLocalDescription({ type: 'rollback' });
    // Without a connection `resumed` tries again; a slow relay is asked again; a refusal is the user's to know.
    if (error.code === 'timeout') this.#again_timer = setTimeout(() => this.sync(this.#wanted), again_wait_ms);
    else if (error.code !== 'disconnected') this.dispatchEvent(new CustomEvent('refused', { detail: error }));
  }

  /** Makes senders and directions what is wanted. */
  async #arrange() {
    for (const [key, want] of this.#wanted) {
      let slot = this.#slots.get(key);
      if (!slot) {
        const init = { direction: 'sendonly', sendEncodings: encodingsFor(key, want.track) };
        slot = { transceiver: this.pc.addTransceiver(want.track ?? want.kind, init), id: null, muted_sent: null };
        if (want.kind === 'audio') preferRed(slot.transceiver);
        this.#slots.set(key, slot);
        this.#negotiation_needed = true;
      }
      const { transceiver } = slot;
      if (transceiver.sender.track !== want.track) await transceiver.sender.replaceTrack(want.track);
      if (transceiver.direction !== 'sendonly') {
        transceiver.direction = 'sendonly';
        this.#negotiation_needed = true;
      }
    }
    for (const [key, slot] of this.#slots) {
      if (this.#wanted.has(key) || slot.transceiver.direction === 'inactive') continue;
      await slot.transceiver.sender.replaceTrack(null);
      slot.transceiver.direction = 'inactive';
      slot.id = null;
      this.#negotiation_needed = true;
    }
  }

  async #negotiate() {
    await this.pc.setLocalDescription(await this.pc.createOffer());
    const sent = [];
    for (const [key, want] of this.#wanted) {
      const slot = this.#slots.get(key);
      if (!slot?.transceiver.mid) continue;
      sent.push({ mid: slot.transceiver.mid, source: want.source, name: want.name ?? '', muted: want.muted });
      slot.muted_sent = want.muted;
    }
    // The relay is ICE-lite: it learns our candidates from our checks, so there is nothing to gather first.
    const answer = await this.protocol.request({ type: 'publish', sdp: this.pc.localDescription.sdp, tracks: sent });
    await this.pc.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
    this.#negotiation_needed = false;
    for (const slot of this.#slots.values()) {
      slot.id = answer.tracks.find((track) => track.mid === slot.transceiver.mid)?.id ?? null;
    }
    this.dispatchEvent(new CustomEvent('published', { detail: this.#tracks() }));
  }

  /** What is published now: [{id, kind, source, muted}]. The relay tells it to the others only. */
  #tracks() {
    return [...this.#wanted].flatMap(([key, { kind, source }]) => {
      const { id, muted_sent } = this.#slots.get(key) ?? {};
      return id ? [{ id, kind, source, muted: muted_sent }] : [];
    });
  }

  #tellMutes() {
    for (const [key, want] of this.#wanted) {
      const slot = this.#slots.get(key);
      if (!slot?.id || slot.muted_sent === want.muted) continue;
      if (this.protocol.send({ type: 'mute', track: slot.id, muted: want.muted })) slot.muted_sent = want.muted;
    }
  }
}
