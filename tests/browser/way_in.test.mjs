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
