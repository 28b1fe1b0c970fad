// In a page: WHIP or WHEP as a web application would do it. The driver asks for `interop()`.
async ({ direction, url, token, codec }) => {
  const state = { events: [], audio: 0, video: 0 };
  const headers = { authorization: `Bearer ${token}` };
  const connection = new RTCPeerConnection();
  let posted, location, answer;
  const say = (event, more = {}) => state.events.push({ event, t_ms: Math.round(performance.now() - posted), ...more });
  if (direction === 'publish') {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240, frameRate: 15 } });
    for (const track of stream.getTracks()) connection.addTransceiver(track, { direction: 'sendonly' });
  } else {
    for (const kind of ['audio', 'video']) connection.addTransceiver(kind, { direction: 'recvonly' });
  }
  const receivers = RTCRtpReceiver.getCapabilities('video').codecs;
  const chosen = receivers.filter(({ mimeType }) => [`video/${codec}`, 'video/rtx'].includes(mimeType.toLowerCase()));
  connection.getTransceivers()[1].setCodecPreferences(chosen);
  connection.onconnectionstatechange = () => {
    const name = { connected: 'connected', failed: 'ended', disconnected: 'ended', closed: 'ended' }[connection.connectionState];
    if (name) say(name, { state: connection.connectionState });
  };
  const offer = async (options) => {
    await connection.setLocalDescription(await connection.createOffer(options));
    while (connection.iceGatheringState !== 'complete') await new Promise((done) => setTimeout(done, 5));
    return connection.localDescription.sdp;
  };
  const sdp = await offer();
  posted = performance.now();
  const response = await fetch(url, { method: 'POST', headers: { ...headers, 'content-type': 'application/sdp' }, body: sdp });
  answer = await response.text();
  if (response.status !== 201) say('refused', { status: response.status, body: answer, offer: sdp });
  else {
    location = new URL(response.headers.get('location'), url);
    say('posted', { answer });
    await connection.setRemoteDescription({ type: 'answer', sdp: answer });
  }
  const value = (name, text) => new RegExp(`^a=${name}:(\\S+)`, 'm').exec(text)[1];
  const wanted = direction === 'publish' ? 'outbound-rtp' : 'inbound-rtp';
  window.interop = {
    async look() {
      const sum = { audio: 0, video: 0 };
      for (const r of (await connection.getStats()).values())
        if (r.type === wanted) sum[r.kind] += direction === 'publish' ? r.packetsSent : r.packetsReceived;
      if (state.audio + state.video === 0 && sum.audio + sum.video) say('first_packet');
      return { ...Object.assign(state, sum), events: state.events.splice(0) };
    },
    async restart() {
      const restarted = await offer({ iceRestart: true });
      const section = restarted.slice(restarted.indexOf('m='));
      const body = [`a=ice-ufrag:${value('ice-ufrag', restarted)}`, `a=ice-pwd:${value('ice-pwd', restarted)}`,
        section.split(/\r?\n/)[0], `a=mid:${value('mid', section)}`, ''].join('\r\n');
      const more = { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' };
      const patched = await fetch(location, { method: 'PATCH', headers: { ...headers, ...more }, body });
      const fragment = await patched.text();
      if (patched.status !== 200) return say('restart_refused', { status: patched.status, body: fragment });
      for (const name of ['ice-ufrag', 'ice-pwd'])
        answer = answer.replace(new RegExp(`^a=${name}:\\S+`, 'gm'), `a=${name}:${value(name, fragment)}`);
      await connection.setRemoteDescription({ type: 'answer', sdp: answer });
      return say('restarted');
    },
    stop: () => fetch(location, { method: 'DELETE', headers }),
  };
  setInterval(() => state.video || window.interop.look().then((seen) => state.events.unshift(...seen.events)), 20);
  return true;
}
