// What the page tells people, by cause. Codes are those of PROTOCOL.md.

/** Why we are not, or no longer, in the room. `again`: label of the button that tries once more, or null. */
export function endWords({ code, message }) {
  const table = {
    user_left: ['You left the room', 'Your camera and microphone are off.', 'Join again'],
    kicked: ['You were removed from the room', 'A moderator ended your participation.', null],
    room_closed: ['The room was closed', 'The conference is over for everybody.', null],
    replaced: ['Continued elsewhere', 'This participation goes on in another tab or window.', 'Join here again'],
    connection_lost: ['The connection was lost for too long', 'The relay let your place go.', 'Join again'],
    room_full: ['The room is full', 'As many people are in it as it allows. Try again when somebody has left.', 'Try again'],
    rooms_full: ['No more rooms', 'The relay holds as many rooms as it may. Try again later.', 'Try again'],
    room_unknown: ['There is no such room', 'Rooms here are opened by the organiser. Check the name or the link.', null],
    not_authorised: ['This invitation is not valid', 'The access token is wrong or expired. Ask for a new link.', null],
    token_missing: ['An invitation is needed', 'This relay lets in who has an access token. Ask for a link with one.', null],
    token_invalid: ['This invitation is not valid', 'The access token is wrong or expired. Ask for a new link.', null],
    not_permitted: ['This invitation does not allow that', 'The access token does not open this room. Ask for another link.', null],
    overloaded: ['The relay is at its limit', 'It takes no more people now, to serve well those who are in.', 'Try again'],
    webrtc_missing: [
      'This browser cannot take part',
      'It has no WebRTC, or it is switched off. Use a current Firefox, Chromium, Chrome, Edge or Safari.',
      null,
    ],
  };
  const [title, text, again] = table[code] ?? ['The relay refused', message || code, 'Try again'];
  return { title, text, again };
}

/** What a refusal in mid-conference means; null when it is not for people. */
export function refusalWords({ code, message }) {
  const table = {
    tracks_full: 'You already send as many tracks as the room allows.',
    not_permitted: 'Your invitation does not allow that.',
    overloaded: 'The relay is at its limit and took no more.',
    sdp_unsupported: 'The relay and this browser found no common audio or video format.',
    timeout: 'The relay did not answer in time.',
    offer_superseded: null,
    track_unknown: null,
    participant_unknown: null,
  };
  return code in table ? table[code] : message || code || 'Something went wrong.';
}

export const reason_words = {
  left: 'left',
  kicked: 'was removed',
  room_closed: 'left',
  connection_lost: 'lost the connection',
};

export const shortcuts = [
  ['M', 'Microphone on or off'],
  ['Space', 'Hold to talk while muted'],
  ['V', 'Camera on or off'],
  ['S', 'Share the screen, or stop'],
  ['P', 'Show or hide the participants'],
  ['C', 'Copy the invitation link'],
  ['?', 'This help'],
  ['Esc', 'Close what is open'],
];

/** 1234567 -> "1.23 Mbit/s" */
export function bitrate(bps) {
  if (bps === null || bps === undefined || Number.isNaN(bps)) return '–';
  const [scale, unit] = bps >= 1e9 ? [1e9, 'Gbit/s'] : bps >= 1e6 ? [1e6, 'Mbit/s'] : [1e3, 'kbit/s'];
  const value = bps / scale;
  return `${value >= 100 || scale === 1e3 ? Math.round(value) : value.toPrecision(3)} ${unit}`;
}

export const people = (count) => (count === 1 ? '1 person' : `${count} people`);
