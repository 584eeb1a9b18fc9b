// Everything by keyboard: the mouse is not touched, and where one is can always be seen.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PASSWORD, browser, somebody, stage } from './browser.mjs';

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

/** Where the focus is, and whether somebody sees it there. */
async function focus(page) {
  return page.evaluate(() => {
    const at = document.activeElement;
    const box = at.getBoundingClientRect();
    const style = getComputedStyle(at);
    const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    const within = box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
    // What lies over it: a bar that stays at the top, a menu that is open.
    const [x, y] = [Math.min(innerWidth - 1, Math.max(0, box.left + box.width / 2)), Math.min(innerHeight - 1, Math.max(0, box.top + box.height / 2))];
    const top = document.elementFromPoint(x, y);
    const covered = within && top && top !== at && !at.contains(top) && !top.contains(at) && !top.closest('label')?.contains(at);
    const stops = [...document.querySelectorAll('a, button, input, select, textarea, summary, [tabindex]')];
    const name = `${at.localName}${at.id ? `#${at.id}` : ''} “${(at.ariaLabel || at.innerText || at.name || at.value || '').trim().slice(0, 40)}”`;
    return { name, place: stops.indexOf(at), seen: at !== document.body && within && ring && !covered, within, ring, covered: covered && top.outerHTML.slice(0, 80) };
  });
}

async function isSeen(page) {
  const at = await focus(page);
  assert.ok(at.seen, `${page.url()}: the focus cannot be seen: ${JSON.stringify(at)}`);
  return at;
}

/** Goes on with Tab until this has the focus. */
async function tabTo(page, place) {
  for (let stops = 0; stops < 200; stops += 1) {
    if (await place.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`${page.url()}: Tab does not lead to ${place}`);
}

/** Presses Enter, and waits for the page it leads to. */
async function enterTo(page, address) {
  await isSeen(page);
  await Promise.all([page.waitForURL(address), page.keyboard.press('Enter')]);
  await page.waitForLoadState('load');
}

/** By the palette: what is typed, and what of the offers is taken with Enter. */
async function take(page, typed, text, address) {
  await page.keyboard.press('Control+k');
  await page.locator('#palette').waitFor();
  await page.keyboard.type(typed);
  const chosen = page.locator('#palette [role=option][aria-selected=true]');
  const option = page.locator('#palette [role=option]', { hasText: text });
  await page.locator('#palette [role=listbox]:not([aria-busy=true])').waitFor();
  await option.first().waitFor();
  for (let steps = 0; steps < 50 && !text.test((await chosen.allInnerTexts()).join()); steps += 1) await page.keyboard.press('ArrowDown');
  assert.match((await chosen.allInnerTexts()).join(), text);
  // Whoever listens is told by the field which one is chosen.
  const told = await page.locator('#palette input').getAttribute('aria-activedescendant');
  assert.equal(told, await chosen.getAttribute('id'));
  await Promise.all([page.waitForURL(address), page.keyboard.press('Enter')]);
  await page.waitForLoadState('load');
}

const account = { name: undefined };

test('from the link to a verified site without a mouse', async () => {
  const { page, wrong } = await somebody(chrome);
  await page.goto(panel.link);
  await tabTo(page, page.getByLabel('Password', { exact: false }).first());
  await page.keyboard.type(PASSWORD);
  await tabTo(page, page.getByLabel('The same again'));
  await page.keyboard.type(PASSWORD);
  await tabTo(page, page.getByRole('button', { name: 'Set the password and enter' }));
  await enterTo(page, (url) => url.pathname === '/');

  // The first stop leads past what is on every page.
  await page.keyboard.press('Tab');
  assert.match((await isSeen(page)).name, /Skip to the page/);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.ok(await page.evaluate(() => document.querySelector('main').contains(document.activeElement)), 'past the top of the page');

  await page.keyboard.press('?');
  await page.locator('#keys').waitFor();
  await isSeen(page);
  await page.keyboard.press('Escape');
  await page.locator('#keys').waitFor({ state: 'hidden' });

  await page.keyboard.press('g');
  await Promise.all([page.waitForURL(/\/sites$/), page.keyboard.press('s')]);
  await page.waitForLoadState('load');
  await page.keyboard.press('/');
  assert.match((await isSeen(page)).name, /input#search/);
  await page.keyboard.type('site0');
  await Promise.all([page.waitForURL(/search=site0/), page.keyboard.press('Enter')]);
  await page.locator('#count').getByText(/9 /).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('j');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  const name = await page.evaluate(() => document.activeElement.textContent);
  assert.equal(name, await page.locator('tbody [data-open]').nth(1).textContent(), 'down, down and up again');
  await enterTo(page, (url) => url.pathname === `/sites/${name}`);

  // A thing that can be done here, and a thing of another name.
  await take(page, 'go to sites', /Go to Sites/, /\/sites$/);
  await take(page, 'add', /Add a site/, /\/do\/site-add/);
  await tabTo(page, page.locator('input[name=name]'));
  await isSeen(page);
  await page.keyboard.type('by-keys.example.org');
  await tabTo(page, page.locator('form.form button.primary'));
  await enterTo(page, /\/tasks\/\d+/);
  await page.locator('#task-state').getByText('succeeded').waitFor({ timeout: 60_000 });

  await take(page, 'by-keys', /by-keys\.example\.org/, (url) => url.pathname === '/sites/by-keys.example.org');
  await take(page, 'verify', /^Verify/, /\/do\/site-verify\/|\/tasks\/\d+/);
  if (!/\/tasks\//.test(page.url())) {
    await tabTo(page, page.locator('form.form button.primary'));
    await enterTo(page, /\/tasks\/\d+/);
  }
  await page.getByRole('heading', { level: 1, name: /verify/i }).waitFor();
  await page.locator('#task-state').getByText('succeeded').waitFor({ timeout: 60_000 });
  assert.deepEqual(wrong, []);
  account.state = await page.context().storageState();
});

test('Tab stops at all that can be used, in the order in which it is read, and each stop is seen', async () => {
  const { page } = await somebody(chrome, { storageState: account.state });
  for (const path of ['/', '/sites?search=site0', '/sites/site02.example.org', '/do/site-add', '/do/server-add', '/do/site-disable/site02.example.org', '/do/token-revoke/stage', '/queue', '/settings', '/account', '/keyboard']) {
    await page.goto(panel.origin + path);
    // From the top, wherever a page puts the focus at first.
    await page.evaluate(() => { document.activeElement.blur(); document.querySelector('.skip').focus(); });
    const stops = [await isSeen(page)];
    for (let more = true; more && stops.length < 400;) {
      await page.keyboard.press('Tab');
      const outside = await page.evaluate(() => document.activeElement === document.body || document.activeElement.matches('.skip'));
      more = !outside;
      if (more) stops.push(await isSeen(page));
    }
    assert.ok(stops.length < 400, `${path}: Tab comes to the end`);
    const places = stops.map(({ place }) => place);
    assert.deepEqual(places, places.toSorted((a, b) => a - b), `${path}: in the order of the page`);
    const missing = await page.evaluate((visited) => [...document.querySelectorAll('a, button, input, select, textarea, summary, [tabindex]')]
      .filter((element, at) => !visited.includes(at) && element.checkVisibility({ visibilityProperty: true }) && element.getBoundingClientRect().width > 0
        && !element.disabled && element.tabIndex >= 0 && element.type !== 'hidden'
        // Of a set of radio buttons Tab stops at one; arrows lead to the others.
        && !(element.type === 'radio'))
      .map((element) => element.outerHTML.slice(0, 120)), places);
    assert.deepEqual(missing, [], `${path}: all that can be used is reached`);
  }
});

test('single keys can be switched off, and Ctrl K goes on', async () => {
  const { page } = await somebody(chrome, { storageState: account.state });
  await page.goto(`${panel.origin}/`);
  await take(page, 'your account', /Your account/, /\/account$/);
  await tabTo(page, page.locator('input[name=shortcuts]:checked'));
  await page.keyboard.press('ArrowDown');
  assert.ok(await page.locator('input[name=shortcuts][value=off]').isChecked());
  await tabTo(page, page.getByRole('button', { name: 'Keep' }));
  await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
  assert.ok(await page.locator('input[name=shortcuts][value=off]').isChecked());
  for (const key of ['?', '/', 'g', 's', 'j']) await page.keyboard.press(key);
  assert.equal(await page.locator('dialog[open]').count(), 0);
  assert.match(page.url(), /\/account$/);
  assert.equal(await page.evaluate(() => document.activeElement.matches('[data-search], [data-open]')), false);
  await take(page, 'go to sites', /Go to Sites/, /\/sites$/);
  // The arrows within a list are no single keys: they go on too.
  await tabTo(page, page.locator('tbody [data-open]').first());
  await page.keyboard.press('ArrowDown');
  assert.ok(await page.locator('tbody [data-open]').nth(1).evaluate((element) => element === document.activeElement));
});
