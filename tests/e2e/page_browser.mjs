// Starts the system's Chromium for a look at the page: fake camera and microphone, nothing that calls home.

import { chromium } from 'playwright-core';

export const chromium_args = [
  '--no-sandbox',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--auto-select-desktop-capture-source=Entire screen',
  '--autoplay-policy=no-user-gesture-required',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-gpu',
  '--disable-quic',
];

export const sizes = {
  phone: { width: 390, height: 844 },
  desktop: { width: 1440, height: 900 },
};

export function launch(executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium') {
  return chromium.launch({ executablePath, args: chromium_args });
}

/** A page of its own profile; prints what the page complains about. */
export async function openPage(browser, url, { size = 'desktop', colorScheme = 'dark', quiet = false } = {}) {
  const context = await browser.newContext({
    viewport: sizes[size],
    colorScheme,
    hasTouch: size === 'phone',
    permissions: ['camera', 'microphone'],
    ignoreHTTPSErrors: true, // a lab's own certificate
  });
  const page = await context.newPage();
  if (!quiet) {
    page.on('console', (message) => message.type() === 'error' && console.error(`page: ${message.text()}`));
    page.on('pageerror', (error) => console.error(`page: ${error.message}`));
  }
  await page.goto(url);
  return page;
}

/** The page's address with join parameters; `extra` overrides. */
export function joinUrl(base, room, name, extra = {}) {
  return `${new URL('/', base)}?${new URLSearchParams({ room, name, autojoin: '1', ...extra })}`;
}
