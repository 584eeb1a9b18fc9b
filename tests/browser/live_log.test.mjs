// A log that is followed while the front end is ended and started anew: no line is missing, none comes twice.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browser, enter, somebody, stage, until } from './browser.mjs';

const LINES = 300;
let home;
let panel;
let chrome;
before(async () => {
  home = mkdtempSync(join(tmpdir(), 'aegir-panel-'));
  panel = await stage(0, home);
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await panel?.close();
  rmSync(home, { recursive: true, force: true });
});

test('a log goes on through a restart of the front end, and has each line once', async () => {
  await panel.tell('talks site16.example.org');
  const { task } = await panel.ask('POST', '/sites/site16.example.org/verify');
  const { page } = await somebody(chrome);
  await enter(page, panel.link);
  await page.goto(`${panel.origin}/tasks/${task}`);
  // Nothing but what the page does by itself brings it on from here.
  let loads = 0;
  page.on('framenavigated', () => { loads += 1; });
  const said = () => page.locator('[data-lines] .line .text').allInnerTexts();
  const heard = async () => (await said()).map((text) => /copied folder (\d+) of/.exec(text)).filter(Boolean).map((n) => Number(n[1]));
  await until('the log is on its way', async () => (await heard()).length >= 40);

  const { origin } = panel;
  assert.equal(await panel.terminate(), 0, 'the front end ends in order');
  const before = (await heard()).length;
  assert.ok(before < LINES, 'the task goes on while the front end is away');
  const state = page.locator('[data-log-state]');
  await state.getByText(/asking again/).waitFor();
  assert.match(await state.innerText(), /^(The front end ends|The connection is lost); asking again\. The task goes on\.$/);
  assert.equal(await state.getAttribute('role'), 'status', 'whoever listens is told too');
  await assert.rejects(fetch(`${origin}/sign-in`), 'nobody answers there');

  panel = await stage(new URL(origin).port, home);
  assert.equal(panel.origin, origin);
  await state.getByText('Following.').waitFor({ timeout: 60_000 });
  await state.getByText('It has ended').waitFor({ timeout: 120_000 });

  assert.deepEqual(await heard(), Array.from({ length: LINES }, (_, n) => n + 1));
  const ids = await page.locator('[data-lines] .line').evaluateAll((lines) => lines.map((line) => line.id));
  assert.equal(new Set(ids).size, ids.length, 'no line is there twice');
  const numbers = ids.map((id) => id.split('-').map(Number)).filter(([, attempt]) => attempt === 1).map(([, , n]) => n);
  assert.deepEqual(numbers, numbers.map((_, at) => at + numbers[0]), 'and none is missing between the first and the last');
  assert.equal(loads, 0, 'the page was not loaded anew');
  await page.locator('#task-state').getByText('succeeded').waitFor();
  // What was followed is what lies there.
  const followed = await said();
  await page.reload();
  assert.deepEqual(await said(), followed);
});
