// The way in: the one-time link, name and password, and what is behind them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PASSWORD, browser, enter, look, somebody, stage } from './browser.mjs';

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

test('the one-time link asks for a password, lets in, and out again', async () => {
  const { page, wrong } = await somebody(chrome);
  await page.goto(`${panel.origin}/sites`);
  assert.match(page.url(), /\/sign-in\?to=/, 'who is not signed in is led to where they can be');
  await page.goto(panel.link);
  const barriers = await look(page, 'enter');
  await enter(page, panel.link);
  await page.goto(`${panel.origin}/account`);
  barriers.push(...(await look(page, 'account')));
  await page.getByText('admin', { exact: true }).first().click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(/\/sign-in$/);
  barriers.push(...(await look(page, 'sign-in')));
  assert.deepEqual([barriers, wrong], [[], []]);
});

test('a wrong password is said to be one, and the right one leads to what was asked for', async () => {
  const { page } = await somebody(chrome);
  await page.goto(`${panel.origin}/account`);
  await page.getByRole('textbox', { name: 'Account' }).fill('admin');
  await page.getByRole('textbox', { name: 'Password' }).fill('something else');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').getByText('no account with this name and this password').waitFor();
  assert.equal(await page.getByRole('textbox', { name: 'Account' }).inputValue(), 'admin', 'what was typed is there still');
  await page.getByRole('textbox', { name: 'Password' }).fill(process.env.AEGIR_TEST_PASSWORD ?? PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/\/account$/);
});

test('from the one-time link to a second site', async () => {
  const { link } = await panel.ask('POST', '/accounts', { name: 'bea' });
  const { page, wrong } = await somebody(chrome);
  await enter(page, link);
  // As somebody does who was told no address: from what the pages offer.
  const sites = page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Sites' });
  for (const name of ['first-of-bea.example.org', 'second-of-bea.example.org']) {
    await sites.click();
    await page.getByRole('link', { name: 'Add a site' }).first().click();
    // The name is enough.
    await page.locator('input[name=name]').fill(name);
    await page.locator('form.form button.primary').click();
    await page.waitForURL(/\/tasks\/\d+$/);
    await page.locator('#task-state').getByText('succeeded').waitFor({ timeout: 60_000 });
  }
  await sites.click();
  await page.getByRole('searchbox').fill('of-bea');
  await page.keyboard.press('Enter');
  await page.locator('#count').getByText(/^2 /).waitFor();
  assert.deepEqual(await page.locator('tbody [data-open]').allInnerTexts(), ['first-of-bea.example.org', 'second-of-bea.example.org']);
  for (const name of ['first-of-bea.example.org', 'second-of-bea.example.org']) {
    assert.equal((await panel.ask('GET', `/sites/${name}`)).status, 'enabled');
  }
  assert.deepEqual(wrong, []);
});
