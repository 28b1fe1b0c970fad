import { words } from './words.js';

// Camera, microphone and screen of this machine, and plain words for each way a browser denies them.

export const support = {
  secure: globalThis.isSecureContext ?? false,
  webrtc: typeof RTCPeerConnection === 'function',
  capture: Boolean(globalThis.navigator?.mediaDevices?.getUserMedia),
  screen: Boolean(globalThis.navigator?.mediaDevices?.getDisplayMedia),
  sinks: typeof HTMLMediaElement === 'function' && 'setSinkId' in HTMLMediaElement.prototype,
};

const device_kind = { microphone: 'audioinput', camera: 'videoinput', speaker: 'audiooutput' };

/** What the page says when there is no capture at all. */
export function insecureWords(host = location.host) {
  return words.media_error.insecure(host.split(':').at(-1).replace(/\D/g, '') || '8080');
}

/** A person's words for an exception of getUserMedia or getDisplayMedia. */
export function mediaErrorWords(source, error) {
  switch (error?.name) {
    case 'NotAllowedError':
      return source === 'screen' ? words.media_error.screen_not_allowed : words.media_error.not_allowed(source);
    case 'NotFoundError':
      return words.media_error.not_found(source);
    case 'NotReadableError':
    case 'AbortError':
      return words.media_error.in_use(source);
    case 'OverconstrainedError':
      return words.media_error.gone(source);
    case 'LostError':
      return words.media_error.disconnected(source);
    case 'InsecureError':
      return insecureWords();
    default:
      return words.media_error.other(source, error?.message);
  }
}

/** The errors of own sources, with camera and microphone in one sentence when both were refused: [{sources, text}]. */
export function mediaErrors(own, sources) {
  const failed = sources.filter((source) => own[source].error);
  const refused = failed.filter((source) => own[source].error.name === 'NotAllowedError' && source !== 'screen');
  const each = (source) => ({ sources: [source], text: mediaErrorWords(source, own[source].error) });
  if (refused.length < 2) return failed.map(each);
  const both = { sources: refused, text: words.media_error.both_not_allowed };
  return [both, ...failed.filter((source) => !refused.includes(source)).map(each)];
}

function insecure() {
  const error = new Error('no secure context');
  error.name = 'InsecureError';
  return error;
}

/** One MediaStreamTrack of the camera or microphone. A remembered device that is gone is replaced by the default one. */
export async function capture(source, { device = '', size = null } = {}) {
  if (!support.capture) throw insecure();
  const constraints = source === 'microphone' ? audioConstraints(device) : videoConstraints(device, size);
  const wrapped = (value) => (source === 'microphone' ? { audio: value } : { video: value });
  try {
    return (await navigator.mediaDevices.getUserMedia(wrapped(constraints))).getTracks()[0];
  } catch (error) {
    if (error.name !== 'OverconstrainedError' || !device) throw error;
    return (await navigator.mediaDevices.getUserMedia(wrapped(true))).getTracks()[0];
  }
}

function audioConstraints(device) {
  const processing = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  return device ? { ...processing, deviceId: { exact: device } } : processing;
}

function videoConstraints(device, size) {
  const { width = 1280, height = 720, rate = 30 } = size ?? {};
  const wish = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: rate, max: rate } };
  return device ? { ...wish, deviceId: { exact: device } } : { ...wish, facingMode: 'user' };
}

/** The screen's picture, and its sound where browser and user give it. Null when the user changed their mind. */
export async function captureScreen() {
  if (!support.screen) throw insecure();
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: true });
    const [video] = stream.getVideoTracks();
    if ('contentHint' in video) video.contentHint = 'detail';
    return { video, audio: stream.getAudioTracks()[0] ?? null };
  } catch (error) {
    if (error.name === 'NotAllowedError') return null;
    throw error;
  }
}

/** Devices by source. Names are empty until a capture was allowed. */
export async function listDevices() {
  const all = support.capture ? await navigator.mediaDevices.enumerateDevices() : [];
  const of = (source) =>
    all
      .filter((device) => device.kind === device_kind[source] && device.deviceId)
      .map((device, index) => ({ id: device.deviceId, label: device.label || words.devices.nth(source, index + 1) }));
  return { microphone: of('microphone'), camera: of('camera'), speaker: support.sinks ? of('speaker') : [] };
}

/** Calls `tell(level 0..1)` some times a second until the returned function is called. */
export function watchLevel(track, tell) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    tell(Math.min(1, Math.max(0, 1 + Math.log10(power + 1e-6) / 5)));
  }, 100);
  return () => {
    clearInterval(timer);
    context.close();
  };
}
