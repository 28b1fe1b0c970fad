// The WebSocket to the relay (control/signalling/PROTOCOL.md): joins, resumes after a break, pairs answers with questions.
// Events: `message` (detail: the message), `down` (detail: {attempt, retry_at}), `refused` (detail: {code, message}).

const first_wait_ms = 1000;
const longest_wait_ms = 10_000;
const request_patience_ms = 15_000;
const join_patience_ms = 10_000;

/** 1 s, doubling to 10 s; the jitter keeps a restarted relay from meeting all its clients in the same instant. */
export function backOff(attempt, random = Math.random()) {
  return Math.min(first_wait_ms * 2 ** attempt, longest_wait_ms) * (0.5 + 0.5 * random);
}

/** A refusal by the relay, or `disconnected` when no answer can come any more. */
export class ProtocolError extends Error {
  constructor(code, message) {
    super(message || code);
    this.code = code;
  }
}

const worth_retrying = new Set(['overloaded', 'join_first']);

export class Protocol extends EventTarget {
  #socket = null;
  #pending = new Map(); // request id -> {resolve, reject, timer}
  #next_id = 1_000_000; // far from the ids of the relay's offers, which come back in errors about answers
  #attempt = 0;
  #retry_timer = 0;
  #join_timer = 0;
  #resume = null;
  #ended = false;
  #joined = false; // on this socket
  #refusal = null;

  constructor({ room, name, token = '', auto_subscribe = true, origin = location.origin }) {
    super();
    this.join = { type: 'join', name, auto_subscribe };
    const query = token ? `?access_token=${encodeURIComponent(token)}` : '';
    this.http_url = `${origin}/v1/rooms/${encodeURIComponent(room)}/ws${query}`;
    this.url = this.http_url.replace(/^http/, 'ws');
    this.retryNow = this.retryNow.bind(this);
    globalThis.addEventListener?.('online', this.retryNow);
  }

  get up() {
    return this.#joined;
  }

  connect() {
    clearTimeout(this.#retry_timer);
    if (this.#ended) return;
    const socket = new WebSocket(this.url, ['penstock.v1']);
    let opened = false;
    this.#socket = socket;
    this.#joined = false;
    this.#refusal = null;
    // A relay that accepts but never answers is gone, too.
    this.#join_timer = setTimeout(() => this.#closed(socket, opened), join_patience_ms);
    socket.onopen = () => {
      opened = true;
      socket.send(JSON.stringify(this.#resume ? { ...this.join, resume: this.#resume } : this.join));
    };
    socket.onmessage = (event) => this.#socket === socket && this.#received(JSON.parse(event.data));
    socket.onclose = () => this.#closed(socket, opened);
  }

  /** Fire and forget. False when there is no connection: what matters is sent again after `joined`. */
  send(message) {
    if (!this.#joined) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Sends with a fresh `id` and waits for the answer that carries it. */
  request(message) {
    if (!this.#joined) return Promise.reject(new ProtocolError('disconnected'));
    const id = this.#next_id++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id, null, new ProtocolError('timeout')), request_patience_ms);
      this.#pending.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ ...message, id }));
    });
  }

  leave() {
    this.send({ type: 'leave' });
    this.#end();
  }

  /** Gives up the old participant and joins as a new one: the last resort when media cannot be restarted. */
  rejoin() {
    this.send({ type: 'leave' });
    this.#resume = null;
    this.#drop();
    this.connect();
  }

  retryNow() {
    if (this.#ended || this.#socket) return;
    this.connect();
  }

  #received(message) {
    if (message.type === 'joined') {
      clearTimeout(this.#join_timer);
      this.#joined = true;
      this.#attempt = 0;
      this.#resume = message.resume;
    } else if (message.type === 'error' && !this.#joined) {
      this.#refusal = message;
      return; // the relay closes after it
    } else if (message.id !== undefined && this.#pending.has(message.id) && message.type !== 'offer') {
      const failed = message.type === 'error';
      this.#settle(message.id, message, failed ? new ProtocolError(message.code, message.message) : null);
      return;
    } else if (message.type === 'left') {
      this.#end();
    }
    this.dispatchEvent(new CustomEvent('message', { detail: message }));
  }

  #settle(id, message, error) {
    const waiting = this.#pending.get(id);
    if (!waiting) return;
    this.#pending.delete(id);
    clearTimeout(waiting.timer);
    if (error) waiting.reject(error);
    else waiting.resolve(message);
  }

  #drop() {
    clearTimeout(this.#join_timer);
    const socket = this.#socket;
    this.#socket = null;
    this.#joined = false;
    for (const id of [...this.#pending.keys()]) this.#settle(id, null, new ProtocolError('disconnected'));
    socket?.close();
  }

  #end() {
    this.#ended = true;
    clearTimeout(this.#retry_timer);
    globalThis.removeEventListener?.('online', this.retryNow);
    this.#drop();
  }

  async #closed(socket, opened) {
    if (this.#socket !== socket) return;
    const refusal = this.#refusal;
    this.#drop();
    if (this.#ended) return;
    if (refusal?.code === 'resume_unknown') {
      this.#resume = null; // kept too long, or the relay lost its memory: come in anew
      this.connect();
      return;
    }
    const fatal = refusal ?? (opened ? null : await this.#whyRefused());
    if (this.#ended || this.#socket) return;
    if (fatal && !worth_retrying.has(fatal.code)) {
      this.#end();
      this.dispatchEvent(new CustomEvent('refused', { detail: fatal }));
      return;
    }
    const wait_ms = backOff(this.#attempt++);
    this.#retry_timer = setTimeout(() => this.connect(), wait_ms);
    const detail = { attempt: this.#attempt, retry_at: Date.now() + wait_ms, code: fatal?.code };
    this.dispatchEvent(new CustomEvent('down', { detail }));
  }

  /** A browser hides why a WebSocket was refused; the same address asked by plain HTTP tells. Null: nobody answered. */
  async #whyRefused() {
    try {
      const response = await fetch(this.http_url, { cache: 'no-store', signal: AbortSignal.timeout(5000) });
      const codes = { 401: 'not_authorised', 403: 'not_permitted', 404: 'room_unknown', 503: 'overloaded' };
      if (!codes[response.status]) return null;
      const body = await response.json().catch(() => ({}));
      const error = body.error ?? body;
      return { code: error.code ?? codes[response.status], message: error.message ?? '' };
    } catch {
      return null;
    }
  }
}
