// werift: WebRTC in TypeScript.

import {
  MediaStreamTrack, RTCPeerConnection, useH264, useNACK, useOPUS, usePLI, useVP8, useVP9,
} from 'werift';

import { codec, count, direction, listen, post, replay, restart, say } from './contract.mjs';

const feedback = { rtcpFeedback: [useNACK(), usePLI()] };
const video = { vp8: useVP8, h264: useH264, vp9: useVP9 }[codec];
const connection = new RTCPeerConnection({ codecs: { audio: [useOPUS()], video: [video(feedback)] }, iceServers: [] });
for (const kind of ['audio', 'video']) {
  if (direction === 'play') {
    connection.addTransceiver(kind, { direction: 'recvonly' }).onTrack.subscribe((track) => {
      track.onReceiveRtp.subscribe(() => count(kind));
    });
    continue;
  }
  const track = new MediaStreamTrack({ kind });
  const { sender } = connection.addTransceiver(track, { direction: 'sendonly' });
  replay(kind === 'audio' ? 'opus' : codec, kind === 'audio' ? 48000 : 90000, (packet) => {
    if (connection.connectionState !== 'connected' || !sender.codec) return;
    track.writeRtp(packet);
    count(kind);
  });
}
connection.connectionStateChange.subscribe((state) => {
  if (state === 'connected') say('connected');
  if (['closed', 'failed', 'disconnected'].includes(state)) say('ended', { state });
});
async function negotiate(exchange) {
  await connection.setLocalDescription(await connection.createOffer());
  if (connection.iceGatheringState !== 'complete')
    await connection.iceGatheringStateChange.watch((state) => state === 'complete');
  const answer = await exchange(connection.localDescription.sdp);
  if (answer) await connection.setRemoteDescription({ type: 'answer', sdp: answer });
}
listen(() => {
  connection.restartIce();
  negotiate(restart).catch((error) => say('restart_failed', { error: String(error) }));
});
await negotiate(post);
