// A batch of forty sites, of which five fail for reasons of their own, while the front end dies twice: it is looked at, begun,
// followed, read, tried again and led back, all in the panel.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browser, enter, go, look, shown, somebody, stage, until } from './browser.mjs';

const SITES = Array.from({ length: 40 }, (_, n) => `move${String(n + 1).padStart(2, '0')}.example.org`);
/** Who fails, and of what. */
const FAIL = {
  'move06.example.org': 'the update 7003 of the module `registration` failed',
  'move14.example.org': 'cannot be read: Input/output error',
  'move22.example.org': 'there is no room left where databases lie',
  'move27.example.org': 'frozen until the end of the campaign',
  'move38.example.org': 'is disabled',
};
let home;
let panel;
let chrome;
before(async () => {
  home = mkdtempSync(join(tmpdir(), 'aegir-batch-'));
  panel = await stage(0, home);
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await panel?.close();
  rmSync(home, { recursive: true, force: true });
});

const nothingWaits = async (ask) => until('nothing waits', async () => {
  const { waiting, running } = await ask('GET', '/queue');
  return waiting === 0 && running <= 1;
});

test('forty sites move, five fail, the front end dies twice, and the panel leads through all of it', async () => {
  // One task of the stage runs for as long as that stands.
  for (const name of ['release_1', 'release_2']) {
    await panel.ask('POST', '/platforms', { name, root: `/srv/${name}`, server: 'web2' });
  }
  await nothingWaits(panel.ask);
  for (const name of SITES) await panel.ask('POST', '/sites', { name, platform: 'release_1' });
  await nothingWaits(panel.ask);
  const { token } = panel;
  const ask = (...words) => panel.ask(...words);

  const { page, wrong } = await somebody(chrome);
  await enter(page, panel.link);
  const barriers = [];

  // All sites of a platform are ticked in their list.
  await page.goto(`${panel.origin}/sites?platform=release_1`);
  await page.getByLabel('Select all on this page').check();
  await page.getByText(/40 of 40 selected/).waitFor();
  await go(page, page.getByRole('button', { name: 'Move to another platform…' }));
  await page.locator('[name=to]').selectOption('release_2');
  await go(page, page.getByRole('button', { name: 'See who can go' }));
  await page.getByText('0 of 40 sites can go to release_2').waitFor();
  barriers.push(...(await look(page, 'batch-nobody-can')));
  await (await shown(page.locator('[name=allow_missing]'))).fill('left_out');
  await (await shown(page.locator('[name=at_once]'))).fill('3');
  await go(page, page.getByRole('button', { name: /See who can go|Look again/ }).first());
  await page.getByText('40 of 40 sites can go to release_2').waitFor();
  barriers.push(...(await look(page, 'batch-ahead')));
  await page.getByRole('button', { name: 'Move 40 sites' }).click();
  await page.waitForURL(/\/bulk\/\d+$/);
  const run = Number(/\d+$/.exec(page.url())[0]);
  const stands = () => ask('GET', `/bulk/${run}`);

  // Somebody disables one of them before its turn comes.
  await ask('POST', '/sites/move38.example.org/disable', {});
  const { origin } = panel;
  for (const moved of [4, 15]) {
    await until(`${moved} have moved`, async () => (await stands()).succeeded >= moved);
    assert.equal(await panel.die(), 137);
    panel = await stage(new URL(origin).port, home, token);
    if (moved === 4) {
      await page.goto(`${origin}/bulk/${run}`);
      barriers.push(...(await look(page, 'batch-goes-on')));
    }
  }
  await until('it ends or pauses', async () => (await stands()).state !== 'going');
  await page.goto(`${origin}/bulk/${run}`);
  if ((await stands()).state === 'paused') {
    barriers.push(...(await look(page, 'batch-paused')));
    await go(page, page.getByRole('button', { name: 'Go on' }));
    await until('it ends', async () => (await stands()).ended);
    await page.goto(`${origin}/bulk/${run}`);
  }
  assert.deepEqual((({ succeeded, failed }) => ({ succeeded, failed }))(await stands()), { succeeded: 35, failed: 5 });
  const { items } = await ask('GET', `/bulk/${run}/objects?limit=100`);
  assert.deepEqual(items.map((item) => item.name), SITES, 'each is there once');
  for (const [name, cause] of Object.entries(FAIL)) {
    const card = page.locator('section.card', { has: page.getByRole('heading', { name: cause }) });
    assert.equal(await card.getByRole('link', { name }).count(), 1, `${name}: ${cause}`);
  }
  barriers.push(...(await look(page, 'batch-result')));
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'JSON' }).click()]);
  assert.equal(file.suggestedFilename(), `bulk-${run}.json`);

  // What was wrong is put right; those that failed are tried again.
  await panel.tell('batch-is-mended');
  await ask('POST', '/sites/move38.example.org/enable', {});
  await nothingWaits(ask);
  await go(page, page.getByRole('link', { name: 'Retry the 5 that failed' }));
  barriers.push(...(await look(page, 'batch-retry')));
  await page.locator('main form button.primary').last().click();
  await page.waitForURL(/\/bulk\/\d+$/);
  const retried = Number(/\d+$/.exec(page.url())[0]);
  assert.notEqual(retried, run);
  await until('those move too', async () => (await ask('GET', `/bulk/${retried}`)).succeeded === 5);

  // One of them goes back, then all that the first run moved.
  for (const [number, site, count] of [[retried, 'move06.example.org', 1], [run, '', 35]]) {
    await page.goto(`${origin}/bulk/${number}`);
    await go(page, page.getByRole('link', { name: 'Go back…' }));
    if (site !== '') await page.locator('[name=site]').fill(site);
    else barriers.push(...(await look(page, 'batch-go-back')));
    await page.locator('main form button.primary').last().click();
    await page.waitForURL(/\/bulk\/\d+$/);
    const back = /\d+$/.exec(page.url())[0];
    await until(`${count} went back`, async () => (await ask('GET', `/bulk/${back}`)).succeeded === count);
  }
  const home1 = await ask('GET', '/sites?platform=release_1&limit=100');
  assert.equal(home1.items.length, 36);
  assert.deepEqual([barriers, wrong], [[], []]);
});
