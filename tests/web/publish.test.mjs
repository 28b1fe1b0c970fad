// What is sent, with an RTCPeerConnection and a relay made here: when an offer is needed, and when a message is enough.
import assert from 'node:assert/strict';
import { test } from 'node:test';

class FakePeerConnection extends EventTarget {
  signalingState = 'stable';
  connectionState = 'new';
  transceivers = [];
  rollbacks = 0;
  addTransceiver(track, { direction }) {
    const sender = { track: typeof track === 'string' ? null : track };
    sender.replaceTrack = async (next) => (sender.track = next);
    const transceiver = { sender, direction, mid: null };
    this.transceivers.push(transceiver);
    return transceiver;
  }
  createOffer = async () => ({ type: 'offer', sdp: 'offer' });
  async setLocalDescription(description) {
    if (description.type === 'rollback') {
      this.rollbacks++;
      this.signalingState = 'stable';
      return;
    }
    this.signalingState = 'have-local-offer';
    this.localDescription = description;
    this.transceivers.forEach((transceiver, index) => (transceiver.mid = String(index)));
  }
  async setRemoteDescription() {
    this.signalingState = 'stable';
  }
  restartIce() {}
  close() {
    this.signalingState = 'closed';
  }
}
globalThis.RTCPeerConnection = FakePeerConnection;
const { PublishConnection } = await import('../../control/web/assets/publish_connection.js');

class FakeRelay {
  up = true;
  offers = [];
  messages = [];
  refusal = null;
  async request(message) {
    this.offers.push(message);
    if (this.refusal) throw Object.assign(new Error('no'), { code: this.refusal });
    return { sdp: 'answer', tracks: message.tracks.map(({ mid }) => ({ mid, id: `t${mid}` })) };
  }
  send(message) {
    if (this.up) this.messages.push(message);
    return this.up;
  }
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
const slot = (source, kind, track, muted = false) => ({ source, kind, track, muted });
const wanted = (entries) => new Map(Object.entries(entries));

function setUp() {
  const relay = new FakeRelay();
  const publish = new PublishConnection(relay);
  const refused = [];
  publish.addEventListener('refused', (event) => refused.push(event.detail.code));
  return { relay, publish, refused };
}

test('the_first_tracks_are_offered_together_and_get_their_ids', async () => {
  const { relay, publish } = setUp();
  publish.sync(wanted({ microphone: slot('microphone', 'audio', { id: 'm' }), camera: slot('camera', 'video', { id: 'c' }) }));
  await settled();
  assert.equal(relay.offers.length, 1);
  assert.deepEqual(relay.offers[0].tracks.map(({ mid, source }) => [mid, source]), [['0', 'microphone'], ['1', 'camera']]);
  assert.equal(publish.trackId('camera'), 't1');
});

test('sound_goes_out_as_red_where_the_browser_can', async () => {
  const preferred = [];
  const plain = FakePeerConnection.prototype.addTransceiver;
  FakePeerConnection.prototype.addTransceiver = function (track, init) {
    const transceiver = plain.call(this, track, init);
    const kind = track.kind ?? track;
    transceiver.setCodecPreferences = (codecs) => preferred.push([kind, ...codecs.map(({ mimeType }) => mimeType)]);
    return transceiver;
  };
  const publish_with = async (...types) => {
    preferred.length = 0;
    globalThis.RTCRtpSender = { getCapabilities: () => ({ codecs: types.map((mimeType) => ({ mimeType })) }) };
    const { publish } = setUp();
    publish.sync(wanted({
      microphone: slot('microphone', 'audio', { kind: 'audio' }), camera: slot('camera', 'video', { kind: 'video' }),
    }));
    await settled();
    return preferred;
  };
  assert.deepEqual(await publish_with('audio/opus', 'audio/red', 'audio/CN'), [['audio', 'audio/red', 'audio/opus', 'audio/CN']]);
  assert.deepEqual(await publish_with('audio/opus'), []);
  FakePeerConnection.prototype.addTransceiver = plain;
  delete globalThis.RTCRtpSender;
});

test('muting_and_a_camera_that_is_off_cost_a_message_and_no_offer', async () => {
  const { relay, publish } = setUp();
  publish.sync(wanted({ camera: slot('camera', 'video', { id: 'c' }) }));
  await settled();
  publish.sync(wanted({ camera: slot('camera', 'video', null, true) }));
  await settled();
  assert.equal(relay.offers.length, 1);
  assert.deepEqual(relay.messages, [{ type: 'mute', track: 't0', muted: true }]);
  assert.equal(publish.pc.transceivers[0].sender.track, null);
});

test('a_screen_that_ends_goes_inactive_and_its_section_serves_again', async () => {
  const { relay, publish } = setUp();
  const screen = () => wanted({ screen: slot('screen', 'video', { id: 's' }) });
  publish.sync(screen());
  await settled();
  publish.sync(wanted({}));
  await settled();
  assert.equal(publish.pc.transceivers[0].direction, 'inactive');
  assert.deepEqual(relay.offers[1].tracks, []);
  assert.equal(publish.trackId('screen'), null);
  publish.sync(screen());
  await settled();
  assert.equal(publish.pc.transceivers.length, 1);
  assert.equal(relay.offers.length, 3);
});

test('a_refused_offer_is_rolled_back_and_told', async () => {
  const { relay, publish, refused } = setUp();
  relay.refusal = 'tracks_full';
  publish.sync(wanted({ camera: slot('camera', 'video', { id: 'c' }) }));
  await settled();
  assert.deepEqual(refused, ['tracks_full']);
  assert.equal(publish.pc.rollbacks, 1);
});

test('what_a_broken_connection_interrupted_is_offered_again_after_the_resume', async () => {
  const { relay, publish, refused } = setUp();
  relay.refusal = 'disconnected';
  publish.sync(wanted({ microphone: slot('microphone', 'audio', { id: 'm' }) }));
  await settled();
  assert.deepEqual(refused, []);
  relay.refusal = null;
  publish.resumed();
  await settled();
  assert.equal(publish.trackId('microphone'), 't0');
});

test('changes_during_a_negotiation_are_carried_out_after_it', async () => {
  const { relay, publish } = setUp();
  publish.sync(wanted({ microphone: slot('microphone', 'audio', { id: 'm' }) }));
  publish.sync(wanted({ microphone: slot('microphone', 'audio', { id: 'm' }), camera: slot('camera', 'video', { id: 'c' }) }));
  publish.sync(wanted({ microphone: slot('microphone', 'audio', { id: 'm' }, true) }));
  await settled();
  assert.equal(publish.pc.signalingState, 'stable');
  assert.ok(relay.offers.length <= 2);
  assert.equal(publish.trackId('camera'), null);
  assert.equal(relay.messages.some(({ muted }) => muted) || relay.offers.at(-1).tracks[0].muted, true);
});
