// Many at once: forty sites are ticked, told of before it begins, verified, and what failed is tried again.

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

for (const javaScriptEnabled of [true, false]) {
  test(`all sites that match are verified at once, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
    const { page, wrong } = await somebody(chrome, { javaScriptEnabled });
    if (javaScriptEnabled) await enter(page, panel.link);
    else {
      await page.goto(`${panel.origin}/sign-in?to=/sites`);
      await page.getByRole('textbox', { name: 'Account' }).fill('admin');
      await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
      await page.getByRole('button', { name: 'Sign in' }).click();
    }
    await page.goto(`${panel.origin}/sites?search=site&status=enabled`);
    if (javaScriptEnabled) {
      await page.getByLabel('Select all on this page').check();
      await page.getByText(/42 of 42 selected/).waitFor();
    } else {
      await page.getByText('All 42 that match').click();
    }
    await page.getByRole('button', { name: 'Verify', exact: true }).click();
    await page.getByRole('heading', { name: 'Verify 42 sites?' }).waitFor();
    const barriers = javaScriptEnabled ? await look(page, 'bulk-plan') : [];
    await page.getByRole('button', { name: /^Verify \d+ sites$/ }).click();
    await page.waitForURL(/\/bulk\/\d+$/);
    const run = page.url();
    // One of the sites is being verified for as long as the stage stands.
    let ended = 0;
    for (let round = 0; round < 200 && ended < 41; round += 1) {
      await page.waitForTimeout(300);
      await page.goto(run);
      ended = Number(/\d+/.exec(await page.getByText(/\d+ of 42 ended/).textContent())[0]);
    }
    assert.equal(ended, 41);
    // Three of them are told to go ill: two fail by the same cause in different ways, one is refused by another.
    for (const [cause, name] of [
      ['it was told to fail', 'site07.example.org'],
      ['it was told to say no', 'site11.example.org'],
    ]) {
      const card = page.locator('section.card', { has: page.getByRole('heading', { name: cause }) });
      assert.ok((await card.getByRole('link', { name }).count()) >= 1, `${name}: ${cause}`);
    }
    if (javaScriptEnabled) barriers.push(...(await look(page, 'bulk-run')));
    assert.deepEqual([barriers, wrong], [[], []]);
  });
}
