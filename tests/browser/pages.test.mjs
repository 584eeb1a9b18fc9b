// Every page, looked at: axe finds nothing, none is wider than its window, no script complains; and pictures for people.

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browser, enter, look, pictures, somebody, stage } from './browser.mjs';
import { MOVED, pages } from './routes.mjs';

let panel;
let chrome;
before(async () => {
  panel = await stage();
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await panel?.close();
});

/** Pages in another state than the one that they are in at first. */
const STATES = {
  'sites-filtered': '/sites?search=site1&status=enabled',
  'sites-none': '/sites?search=nothing-of-that',
  'site-that-failed': '/sites/site07.example.org',
  'site-that-drifted': '/sites/site05.example.org',
  'site-that-moved': `/sites/${MOVED}`,
  'move-to-what-does-not-fit': '/do/site-migrate/site02.example.org?platform=commons_7',
  'move-that-is-chosen': '/do/site-migrate/site02.example.org',
  'backups-of-a-site': `/backups?site=${MOVED}`,
  nowhere: '/nowhere',
};

/** What a picture of a page is called: by its address, as the program lists it. */
const named = (path) => path.slice(1).replace(/^do\//, '').replace(/\{(\w+)\}/g, '$1').replaceAll('/', '-') || 'overview';

test('every page can be read and used by everybody, wide and narrow, in the light and in the dark', async () => {
  const { page, wrong } = await somebody(chrome);
  await enter(page, panel.link);
  const found = [];
  const looked = new Set();
  const begun = Date.now();
  const all = [...(await pages(panel)).map(([path, address]) => [named(path), address]), ...Object.entries(STATES)];
  for (const [name, path] of all) {
    assert.ok(!looked.has(name), `two pages are called ${name}`);
    looked.add(name);
    const answer = await page.goto(panel.origin + path);
    assert.equal(answer.status(), name === 'nowhere' ? 404 : 200, path);
    found.push(...(await look(page, name)));
  }
  assert.deepEqual([found, wrong], [[], []]);
  assert.ok(looked.size >= 67, `${looked.size} pages: no fewer than there were when this was written`);
  const isNew = (file) => (statSync(join(pictures, file), { throwIfNoEntry: false })?.mtimeMs ?? 0) >= begun;
  const missing = [...looked].flatMap((name) => [1440, 390].flatMap((width) => ['light', 'dark'].map((kind) => `${name}-${width}-${kind}.png`))).filter((file) => !isNew(file));
  assert.deepEqual(missing, []);
});
