// libdatachannel, which OBS Studio has too: its offers name no extension, and tell every SSRC.

import * as library from 'node-datachannel';

import { codec, count, direction, listen, post, replay, say } from './contract.mjs';

const OPUS = 111, VIDEO = 96;
const { PeerConnection, Audio, Video, RtcpReceivingSession, RtcpNackResponder } = library.default ?? library;
const way = direction === 'publish' ? 'SendOnly' : 'RecvOnly';
const audio = new Audio('audio', way), video = new Video('video', way);
audio.addOpusCodec(OPUS);
video[{ vp8: 'addVP8Codec', h264: 'addH264Codec', vp9: 'addVP9Codec', av1: 'addAV1Codec' }[codec]](VIDEO);
const connection = new PeerConnection('client', { iceServers: [], disableAutoNegotiation: true });
for (const [kind, description, type] of [['audio', audio, OPUS], ['video', video, VIDEO]]) {
  const ssrc = 1 + Math.floor(Math.random() * 0xfffffffe);
  if (direction === 'publish') description.addSSRC(ssrc, 'client', 'stream', kind);
  const track = connection.addTrack(description);
  if (direction === 'publish') {
    if (kind === 'video') track.setMediaHandler(new RtcpNackResponder());
    track.onOpen(() => replay(kind === 'audio' ? 'opus' : codec, kind === 'audio' ? 48000 : 90000, (packet) => {
      packet[1] = (packet[1] & 128) | type;
      packet.writeUInt32BE(ssrc, 8);
      if (track.isOpen() && track.sendMessageBinary(packet)) count(kind);
    }));
  } else {
    track.setMediaHandler(new RtcpReceivingSession());
    track.onMessage(() => count(kind));
  }
  globalThis[kind] = track; // else the garbage collector has it
}
connection.onStateChange((state) => {
  if (state === 'connected') say('connected');
  if (['closed', 'failed', 'disconnected'].includes(state)) say('ended', { state });
});
connection.onGatheringStateChange(async (state) => {
  if (state === 'complete') connection.setRemoteDescription(await post(connection.localDescription().sdp), 'answer');
});
listen(null); // libdatachannel cannot restart ICE
connection.setLocalDescription('offer');
