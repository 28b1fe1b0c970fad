// Drives the system's Firefox over its own Marionette protocol (length-prefixed JSON over TCP), for a look at the page
// without a driver to install. One session, one tab.
//
//   node page_firefox.mjs URL [SCREENSHOT.png]     opens URL, waits 8 s, prints what the page shows

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const preferences = {
  'media.navigator.streams.fake': true,
  'permissions.default.camera': 1,
  'permissions.default.microphone': 1,
  'media.autoplay.default': 0,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'app.update.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'browser.safebrowsing.downloads.remote.enabled': false,
  'services.settings.server': 'http://127.0.0.1:1/',
};

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function connect(port, patience_ms = 30_000) {
  const deadline = Date.now() + patience_ms;
  return new Promise((resolve, reject) => {
    const attempt = () => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(socket));
      socket.once('error', () => (Date.now() > deadline ? reject(new Error('Firefox did not start')) : setTimeout(attempt, 300)));
    };
    attempt();
  });
}

export class Firefox {
  #waiting = new Map();
  #next_id = 1;
  #buffer = Buffer.alloc(0);

  static async start({ binary = process.env.FIREFOX ?? '/usr/bin/firefox-esr', width = 1440, height = 900, more = {} } = {}) {
    const self = new Firefox();
    self.profile = mkdtempSync(path.join(os.tmpdir(), 'penstock-firefox-'));
    const port = await freePort();
    const all = { ...preferences, ...more, 'marionette.port': port };
    const lines = Object.entries(all).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
    writeFileSync(path.join(self.profile, 'user.js'), lines.join(''));
    const size = ['--width', String(width), '--height', String(height)];
    const args = ['--headless', '--no-remote', '--marionette', '--profile', self.profile, ...size];
    self.process = spawn(binary, args, { stdio: 'ignore', env: { ...process.env, HOME: self.profile } });
    self.socket = await connect(port);
    self.socket.on('data', (data) => self.#received(data));
    await self.command('WebDriver:NewSession', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
    return self;
  }

  command(name, parameters = {}) {
    const id = this.#next_id++;
    const text = JSON.stringify([0, id, name, parameters]);
    this.socket.write(`${Buffer.byteLength(text)}:${text}`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  goto(url) {
    return this.command('WebDriver:Navigate', { url });
  }

  /** Runs a function's body in the page; promises are awaited. */
  async evaluate(fn, ...args) {
    const script = `const done = arguments[arguments.length - 1];
      Promise.resolve().then(() => (${fn})(...[...arguments].slice(0, -1))).then(done, (e) => done({ failed: String(e) }));`;
    const parameters = { script, args, newSandbox: false, sandbox: null };
    return (await this.command('WebDriver:ExecuteAsyncScript', parameters)).value;
  }

  async screenshot(file) {
    writeFileSync(file, Buffer.from((await this.command('WebDriver:TakeScreenshot', { full: false })).value, 'base64'));
  }

  async close() {
    const over = new Promise((resolve) => this.process.once('exit', resolve));
    this.socket.destroy();
    this.process.kill();
    await over;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #received(data) {
    this.#buffer = Buffer.concat([this.#buffer, data]);
    for (;;) {
      const colon = this.#buffer.indexOf(':');
      if (colon < 0) return;
      const length = Number(this.#buffer.subarray(0, colon));
      if (this.#buffer.length < colon + 1 + length) return;
      const message = JSON.parse(this.#buffer.subarray(colon + 1, colon + 1 + length));
      this.#buffer = this.#buffer.subarray(colon + 1 + length);
      if (!Array.isArray(message)) continue; // the greeting
      const [, id, error, value] = message;
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) waiting?.reject(new Error(`${error.error}: ${error.message}`));
      else waiting?.resolve(value);
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [url, screenshot] = process.argv.slice(2);
  const firefox = await Firefox.start();
  try {
    await firefox.goto(url);
    await new Promise((resolve) => setTimeout(resolve, 8000));
    const seen = await firefox.evaluate(() => ({
      title: document.title,
      publish: window.penstock.publishConnection?.connectionState,
      subscribe: window.penstock.subscribeConnection?.connectionState,
      participants: window.penstock.participants().map(({ name, tracks }) => [name, tracks.length]),
      pictures: [...document.querySelectorAll('.tile video')].map(
        (video) => `${video.videoWidth}x${video.videoHeight} ${video.currentTime.toFixed(1)} s`,
      ),
    }));
    console.log(JSON.stringify(seen, null, 2));
    if (screenshot) await firefox.screenshot(screenshot);
  } finally {
    await firefox.close();
  }
}
