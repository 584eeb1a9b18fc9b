// The bad night: an install fails; why, and what to do, is two clicks away at most; it is done; trying again succeeds.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, enter, look, shown, somebody, stage, until } from './browser.mjs';
import { toCauseAndRemedy } from './paths.mjs';

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

test('an install that fails says why and what to do; that done, it succeeds when it is tried again', async () => {
  // What is at work there else would hold up the change of the server.
  await panel.tell('release web1 @site13.example.org');
  await panel.tell('wants-password web1 since-tonight');
  const { task } = await panel.ask('POST', '/sites', { name: 'shop.example.org', platform: 'd10', db_server: 'web1' });
  await until('the install failed', async () => (await panel.ask('GET', `/tasks/${task}`)).state === 'rolled-back');

  const { page, wrong } = await somebody(chrome);
  await enter(page, panel.link);
  const told = await toCauseAndRemedy(page, panel.origin, /shop\.example\.org/);
  assert.ok(told.clicks <= 2, `${told.clicks} clicks from the overview to the cause and the remedy`);
  assert.match(`${told.title} ${told.causes}`, /the database server refuses the password of aegir/);
  assert.match(told.remedy, /aegir server edit web1 --db-password/);
  assert.match(told.undone, /Taken back: pretend/);
  assert.match(told.where, /pretend/);
  const failedPage = page.url();
  const barriers = await look(page, 'task-install-failed');

  // The page is open where it failed: the step says so without being unfolded.
  const step = page.locator('.steps li', { has: page.locator('details[open]') });
  assert.match(await step.innerText(), /pretend[^]*failed[^]*the database server refuses the password/);
  assert.equal(await page.getByRole('link', { name: 'pretend' }).getAttribute('href'), `#${await step.getAttribute('id')}`);

  // Trying again before anything was done about it fails the same way, as another attempt.
  await page.getByRole('button', { name: 'Try again' }).click();
  await until('it failed again', async () => (await panel.ask('GET', `/tasks/${task}`)).attempts.length === 2
    && (await panel.ask('GET', `/tasks/${task}`)).state === 'rolled-back');

  // What to do, done in the panel.
  await page.goto(`${panel.origin}/servers/web1`);
  await page.locator('main').getByRole('link', { name: /^Edit/ }).first().click();
  await page.getByRole('heading', { level: 1 }).waitFor();
  const password = await shown(page.locator('input[name=db_password]'));
  const service = page.getByRole('group', { name: 'Database service' });
  for (const [typed, seen] of [['since-yesterday', 'It does not let us in'], ['since-tonight', 'It lets us in']]) {
    await password.fill(typed);
    await service.getByRole('button', { name: 'Test the connection' }).click();
    await service.locator('.seen').getByText(seen, { exact: true }).waitFor();
    assert.equal(await password.inputValue(), typed, 'what was typed stays');
  }
  barriers.push(...(await look(page, 'server-tested')));
  await page.locator('form.form button.primary').click();
  await page.waitForURL(/\/tasks\/\d+/);
  const edit = /\/tasks\/(\d+)/.exec(page.url())[1];
  await until('the server is verified', async () => (await panel.ask('GET', `/tasks/${edit}`)).state === 'succeeded');

  await page.goto(failedPage);
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.waitForURL(/\/tasks\/\d+/);
  await page.locator('#task-state').getByText('succeeded').waitFor({ timeout: 60_000 });
  assert.equal((await panel.ask('GET', `/tasks/${task}`)).attempts.length, 3, 'both failures are kept');
  await page.goto(`${panel.origin}/`);
  await page.getByRole('heading', { name: 'Failing now' }).waitFor();
  assert.equal(await page.locator('main').getByText('shop.example.org').count(), 0, 'nothing of it fails any more');
  await page.goto(`${panel.origin}/sites/shop.example.org`);
  await page.getByRole('heading', { name: 'shop.example.org' }).waitFor();
  assert.deepEqual([barriers, wrong], [[], []]);
});
