// What a browser makes of the pages, as lines of `make bench`: `node figures.mjs PART ORIGIN ABOUT`, with the secret of a
// session in AEGIR_BENCH_SESSION. A line begins with OK or MISS where there is a goal.

import { gzipSync } from 'node:zlib';
import { browser } from './browser.mjs';
import { toCauseAndRemedy } from './paths.mjs';

const [part, origin, about] = process.argv.slice(2);
const { site, task } = JSON.parse(about);
const RUNS = 5;
const SLOWER = 4;
const HEAVIEST = 150;

let chrome;
const line = (met, what, value, how) => console.log(`${met ? 'OK  ' : 'MISS'} ${what}: ${value} (${how})`);
const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;

/** Somebody who was never here: nothing is kept from before. */
async function newcomer() {
  const context = await chrome.newContext({ viewport: { width: 1440, height: 900 } });
  await context.addCookies([{ name: '__Host-aegir', value: process.env.AEGIR_BENCH_SESSION, url: origin.replace('http:', 'https:'), secure: true, httpOnly: true, sameSite: 'Lax' }]);
  return { context, page: await context.newPage() };
}

/** What a page and all that it fetches weighs, and how many requests it makes until it rests. */
async function weigh(name, path) {
  const { context, page } = await newcomer();
  let requests = 0;
  let packed = 0;
  let sent = 0;
  const reads = [];
  page.on('response', (answer) => {
    // A stream goes on: it is a request, and has no weight.
    requests += 1;
    if (/\/events$/.test(new URL(answer.url()).pathname)) return;
    reads.push(answer.body().then((body) => { packed += gzipSync(body).length; }, () => {}));
    reads.push(answer.request().sizes().then((sizes) => { sent += sizes.responseBodySize; }, () => {}));
  });
  const answer = await page.goto(origin + path, { waitUntil: 'load' });
  if (answer.status() !== 200 || new URL(page.url()).pathname !== path.split('?')[0]) throw new Error(`${path}: ${answer.status()} at ${page.url()}`);
  await page.waitForFunction(() => performance.now() > performance.timing.loadEventEnd - performance.timing.navigationStart + 500);
  await Promise.all(reads);
  await context.close();
  line(sent < HEAVIEST * 1024, `weight of ${name} with all it fetches`, kilobytes(sent), `as it is sent, goal ${HEAVIEST} KB; ${kilobytes(packed)} if all of it were compressed; ${requests} requests, streams among them`);
}

/** When a page can be used on a slow machine: its scripts have run, and nothing keeps it busy any more. */
async function interactive(name, path) {
  const times = [];
  for (let run = 0; run < RUNS; run += 1) {
    const { context, page } = await newcomer();
    const tools = await context.newCDPSession(page);
    await tools.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
    await page.addInitScript(() => {
      window.busyUntil = 0;
      new PerformanceObserver((list) => {
        for (const { startTime, duration } of list.getEntries()) window.busyUntil = Math.max(window.busyUntil, startTime + duration);
      }).observe({ type: 'longtask', buffered: true });
    });
    await page.goto(origin + path, { waitUntil: 'load' });
    // At rest: for a second there was no task of more than 50 ms.
    await page.waitForFunction(() => performance.now() - Math.max(window.busyUntil, performance.getEntriesByType('navigation')[0].loadEventEnd) > 1000);
    times.push(await page.evaluate(() => Math.max(window.busyUntil, performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd)));
    await context.close();
  }
  times.sort((a, b) => a - b);
  console.log(`     ${name} can be used after ${Math.round(times[RUNS >> 1])} ms (the CPU slowed ${SLOWER} times, nothing kept from before; ${Math.round(times[0])} to ${Math.round(times.at(-1))} ms in ${RUNS} runs)`);
}

chrome = await browser();
try {
  if (part === 'clicks') {
    const { page, context } = await newcomer();
    const told = await toCauseAndRemedy(page, origin, new RegExp(site.replaceAll('.', '\\.')));
    line(told.clicks <= 2 && told.title && told.remedy, 'from a failed task in the overview to its cause and remedy', `${told.clicks} click${told.clicks === 1 ? '' : 's'}`, `goal 2; «${told.title}»: «${told.remedy}»`);
    await context.close();
  } else {
    const pages = { 'the overview': '/', 'the list of sites': '/sites', 'the list of tasks': '/tasks', 'the page of a site': `/sites/${site}`, 'the page of a task': `/tasks/${task}`, 'the form of a new site': '/do/site-add' };
    for (const [name, path] of Object.entries(pages)) await weigh(name, path);
    for (const [name, path] of Object.entries(pages)) await interactive(name, path);
  }
} finally {
  await chrome.close();
}
