// What the stories of the browser stand on: the panel over machines that pretend, and Debian's Chromium.

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import AxeBuilder from '@axe-core/playwright';
import { chromium } from 'playwright-core';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Where pictures of pages are put: for people to look at. */
export const pictures = join(root, 'target', 'screenshots');

/** The password that the stories choose for the first account. */
export const PASSWORD = 'the sea is cold and wide';

/** A panel of its own, which ends with `close`: on a port and over a home of its own, or on these, where it goes on; there a
 * token that was given before still lets in. */
export async function stage(port = 0, home = undefined, known = undefined) {
  const program = process.env.AEGIR_TEST_PANEL ?? join(root, 'target', 'debug', 'examples', 'panel');
  const words = home === undefined ? [String(port)] : [String(port), home];
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((told) => child.once('exit', (code) => told(code)));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const said = async () => {
    const { value } = await Promise.race([
      lines.next(),
      new Promise((_, fail) => child.once('error', fail)),
      ended.then((code) => Promise.reject(new Error(`the stage ended with ${code}`))),
    ]);
    return value;
  };
  const [link, token = known] = (await said()).split(' ');
  return {
    link,
    token,
    origin: new URL(link).origin,
    /** Has something happen on its machines, and gives what is said to that. */
    tell: async (line) => {
      child.stdin.write(`${line}\n`);
      return said();
    },
    /** Asks its API, as a program would. */
    ask: async (method, path, body) => {
      const answer = await fetch(`${new URL(link).origin}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
      return answer.json();
    },
    /** Ends it as a power cut would; its machines go on. */
    die: () => {
      child.stdin.write('dies\n');
      return ended;
    },
    /** Ends it as a service is ended. */
    terminate: () => {
      child.kill('SIGTERM');
      return ended;
    },
    close: () => {
      child.stdin.end();
      return ended;
    },
  };
}

/** Asks again until it is so: a story waits for what happens, never for time to pass. */
export async function until(what, is, within = 120_000) {
  const begun = Date.now();
  for (;;) {
    const answer = await is();
    if (answer) return answer;
    if (Date.now() - begun > within) throw new Error(`it is not so after ${within / 1000} s: ${what}`);
    await new Promise((later) => setTimeout(later, 100));
  }
}

/** Chromium, which looks for nothing outside of this machine. */
export async function browser() {
  return chromium.launch({
    executablePath: process.env.AEGIR_TEST_BROWSER ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A window of somebody new; whatever a page says went wrong fails the story. */
export async function somebody(chrome, options = {}) {
  const context = await chrome.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(`an error of a script: ${error.message}`));
  page.on('console', (said) => {
    // That an answer has a status of 4xx is said there too, and is for the story to judge.
    if (said.type() === 'error' && !/Failed to load resource/.test(said.text())) wrong.push(`the console: ${said.text()}`);
  });
  return { context, page, wrong };
}

/** Comes in by the one-time link. */
export async function enter(page, link) {
  await page.goto(link);
  await page.getByLabel('Password', { exact: false }).first().fill(PASSWORD);
  await page.getByLabel('The same again').fill(PASSWORD);
  await page.getByRole('button', { name: 'Set the password and enter' }).click();
  await page.waitForURL((url) => url.pathname === '/');
}

/** A field, unfolded if it is one of those that are folded away at first. */
export async function shown(field) {
  if (!(await field.isVisible())) await field.locator('xpath=ancestor::details[1]/summary').click();
  return field;
}

/** Clicks what leads to another page, or to this one again, and waits for it. */
export async function go(page, place) {
  await Promise.all([page.waitForEvent('load'), place.click()]);
}

/** What axe finds against WCAG 2.2 AA, in words. */
export async function barriers(page) {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  return violations.map((found) => `${found.id}: ${found.help} (${found.nodes.map((node) => node.target).join(', ')})`);
}

/** Whether a page is wider than its window: then people must push it about to read it. */
export async function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** Four pictures of a page: wide and narrow, light and dark. What is wrong with it is given back: axe is asked where the two
 * differ most. */
export async function look(page, name) {
  mkdirSync(pictures, { recursive: true });
  const found = [];
  for (const [width, colorScheme] of [[1440, 'light'], [1440, 'dark'], [390, 'light'], [390, 'dark']]) {
    await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.screenshot({ path: join(pictures, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    if ((width === 1440) === (colorScheme === 'light')) {
      found.push(...(await barriers(page)).map((barrier) => `${name} at ${width}, ${colorScheme}: ${barrier}`));
      const wider = await overflow(page);
      if (wider > 0) found.push(`${name} at ${width}: it is ${wider} px wider than the window`);
    }
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize({ width: 1440, height: 900 });
  return found;
}
