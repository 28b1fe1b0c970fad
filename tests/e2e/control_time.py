"""The control that times and rates in pages are judged by: what the same machine manages meanwhile without the relay.

A limit in seconds holds where nothing else runs. Beside other work everything takes longer, and a test must not take that
for a fault of the relay's. So a page also sends its own camera and microphone to itself, from connection to connection;
a figure is wrong if it is beyond its limit and beyond some times what that control shows of the same moment.
"""

from conference import first_pictures, longest_freeze
from lab import Failed, check

TIMES = 4  # a way through the relay has another page, two daemons and two Ethernets besides

# Two connections of this page, the first of which sends the camera so many times, and the microphone if told so, to the second.
DIRECT = """(async (pictures, with_sound) => {
  const { camera, microphone } = penstock.state.own;
  while (!camera.track || (with_sound && !microphone.track)) await new Promise((done) => setTimeout(done, 20));
  const from = new RTCPeerConnection(), to = new RTCPeerConnection();
  for (let i = 0; i < pictures; ++i) from.addTransceiver(camera.track.clone(), { direction: 'sendonly' });
  if (with_sound) from.addTransceiver(microphone.track.clone(), { direction: 'sendonly' });
  window.direct = to;
  window.direct_sender = from;
  window.direct_sounds = [];
  to.ontrack = ({ track }) => {
    if (track.kind !== 'audio') return;
    const sound = new Audio();  // what nobody listens to is not decoded
    sound.srcObject = new MediaStream([track]);
    sound.play();
    direct_sounds.push(sound);
  };
  const gathered = (connection) => new Promise((done) => {
    if (connection.iceGatheringState === 'complete') return done();
    connection.onicegatheringstatechange = () => connection.iceGatheringState === 'complete' && done();
  });
  await from.setLocalDescription();
  await gathered(from);
  await to.setRemoteDescription(from.localDescription);
  await to.setLocalDescription();
  await gathered(to);
  await from.setRemoteDescription(to.localDescription);
  return true;
})"""
# Sums of all that it receives since it began, and when that was.
FIGURES = """(async () => {
  const sum = { at: performance.now() / 1000, frames: 0, plis: 0, concealed: 0, samples: 0 };
  for (const r of (await direct.getStats()).values()) {
    if (r.type !== 'inbound-rtp') continue;
    sum.frames += r.framesDecoded ?? 0;
    sum.plis += r.pliCount ?? 0;
    sum.concealed += (r.concealedSamples ?? 0) - (r.silentConcealedSamples ?? 0);
    sum.samples += r.totalSamplesReceived ?? 0;
  }
  return sum;
})()"""


class Control:
    """Runs in `page` from now on until end(). `pictures_ms`: when each of the first pictures came, as first_pictures() says."""

    def __init__(self, page, pictures=1, sound=False):
        self.page, self.pictures = page, pictures
        page.evaluate(f"{DIRECT}({pictures}, {str(sound).lower()})")
        self.pictures_ms = first_pictures(page, pictures, "window.direct")["pictures_ms"]
        self.begin()

    def begin(self):
        """What figures() tells begins here."""
        longest_freeze(self.page, "direct")
        self.before = self.page.evaluate(FIGURES)

    def figures(self):
        """Since begin(): pictures a second, the longest freeze, requests for key frames, the share of sound that was made up."""
        now = self.page.evaluate(FIGURES)
        grown = {name: now[name] - self.before[name] for name in now}
        return {"fps": grown["frames"] / max(grown["at"], 0.001) / self.pictures, "plis": grown["plis"],
                "freeze_ms": longest_freeze(self.page, "direct"), "concealed": grown["concealed"] / max(grown["samples"], 1)}

    def end(self):
        self.page.evaluate("direct.close(), direct_sender.close(), direct_sounds.forEach((sound) => sound.pause()), true")


def at_most(took, limit, control, sentence, times=TIMES):
    """That a figure is within its limit, or within some times the control's, which is told in the same unit."""
    judge(took <= limit, took <= times * control, f"at most {limit:g}", control, sentence)


def at_least(got, limit, control, sentence, times=TIMES):
    judge(got >= limit, got >= control / times, f"at least {limit:g}", control, sentence)


def judge(strictly, beside_control, limit, control, sentence):
    if strictly:
        return check(True, sentence)
    if not beside_control:
        raise Failed(f"{sentence}; {limit} was expected, and the control without the relay shows {control:.3g}")
    check(True, f"{sentence}; {limit} where nothing else runs, but the control without the relay shows {control:.3g}")
