// What we send: one RTCPeerConnection that we offer. The caller says what should be sent; this makes it so.
//
// Slots, by key: `microphone`, `camera`, `screen`, `screen-audio`. Each keeps its m-section for good: a slot that is no
// longer wanted goes inactive (the relay unpublishes its track) and its section serves the next time.
//
// A camera that is off is not unpublished: its capture stops (the light goes out), replaceTrack(null) sends nothing, and a
// `mute` tells the others. That costs one message; unpublishing would cost an offer and an answer with every subscriber.

import { encodingsFor, neededEncodings, neededLayers } from './encodings.js';
import { RelayConnection } from './relay_connection.js';

const again_wait_ms = 3000;
const rest_ms = 2000; // a tile that is small for a moment

/** RED (RFC 2198): each packet of sound carries the frame before it again. The relay asks for lost pictures, but sound that
 *  came a round trip later would be too late. A browser sends it if it stands first; whoever cannot take it gets Opus. */
function preferRed(transceiver) {
  const codecs = globalThis.RTCRtpSender?.getCapabilities?.('audio')?.codecs ?? [];
  const isRed = (codec) => codec.mimeType.toLowerCase() === 'audio/red';
  if (!codecs.some(isRed) || !transceiver.setCodecPreferences) return;
  transceiver.setCodecPreferences([...codecs.filter(isRed), ...codecs.filter((codec) => !isRed(codec))]);
}

/** Turns those of several encodings on that the wish needs, and if they may `rest` the others off. Returns whether any was. */
function changeEncodings(encodings, settings, wish, rest) {
  const needed = neededEncodings(encodings, settings, wish);
  const changed = encodings.filter((encoding, i) => encoding.active !== needed[i] && (needed[i] || rest));
  for (const encoding of changed) encoding.active = !encoding.active;
  return changed.length > 0;
}

/** The same with the layers of one. */
function changeLayers([encoding], settings, wish, rest, mode) {
  const needed = neededLayers(mode, settings, wish);
  const scale = encoding.scaleResolutionDownBy ?? 1;
  if (needed.scaleResolutionDownBy === scale || (needed.scaleResolutionDownBy > scale && !rest)) return false;
  Object.assign(encoding, needed);
  return true;
}

/** A browser sends the codec that stands first; whoever cannot take it gets none of the others. */
function preferVideo(transceiver, name) {
  const codecs = globalThis.RTCRtpSender?.getCapabilities?.('video')?.codecs ?? [];
  const isFirst = (codec) => codec.mimeType.toLowerCase() === `video/${name}`;
  if (!codecs.some(isFirst) || !transceiver.setCodecPreferences) return;
  transceiver.setCodecPreferences([...codecs.filter(isFirst), ...codecs.filter((codec) => !isFirst(codec))]);
}

export class PublishConnection extends RelayConnection {
  #slots = new Map(); // key -> {transceiver, id, muted_sent, offered}
  #wanted = new Map();
  #running = false;
  #again = false;
  #negotiation_needed = false;
  #again_timer = 0;
  #video;

  /** `video`: {codec, mode}, each null if it is for us to choose. */
  constructor(protocol, video = {}) {
    super(protocol);
    this.#video = video;
  }

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

  async #activate({ transceiver: { sender }, mode }, wish, rest) {
    const settings = sender.track?.getSettings();
    const parameters = sender.getParameters();
    if (!settings?.width || this.pc.signalingState === 'closed') return;
    const change = mode ? changeLayers : changeEncodings;
    // Another change of the parameters may come between: then the next message finds them as they are.
    if (change(parameters.encodings, settings, wish, rest, mode)) await sender.setParameters(parameters).catch(() => {});
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
        const { codec, mode } = this.#video;
        const init = { direction: 'sendonly', sendEncodings: encodingsFor(key, want.track, mode) };
        slot = { transceiver: this.pc.addTransceiver(want.track ?? want.kind, init), id: null, muted_sent: null };
        slot.mode = init.sendEncodings[0].scalabilityMode === mode ? mode : null;
        if (want.kind === 'audio') preferRed(slot.transceiver);
        else if (codec) preferVideo(slot.transceiver, codec);
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
