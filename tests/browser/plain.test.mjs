// Everything once with JavaScript off: links and forms are enough.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PASSWORD, browser, enter, go, shown, somebody, stage, until } from './browser.mjs';

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

const SITE = 'plain.example.org';

test('with JavaScript off, all that the panel does can be done', async (story) => {
  const { page } = await somebody(chrome, { javaScriptEnabled: false });
  // What is asked of the page is asked of its text: no script answers.
  const text = (place = 'main') => page.locator(place).innerText();
  const open = (path) => page.goto(panel.origin + path);
  const press = (name, within = page.locator('main')) => go(page, within.getByRole('button', { name, exact: true }));
  const unfold = (name) => page.locator('summary').filter({ hasText: new RegExp(`^\\s*${name}\\s*$`) }).click();
  const rows = () => page.locator('tbody [data-open]').allInnerTexts();
  /** Loads the page of a task anew, as somebody does whose page does not, until it says this. */
  const taskSays = (word) => until(`the task is ${word}`, async () => {
    await page.reload();
    return (await text('#task-state')).includes(word);
  });

  await story.test('one comes in by the link, and again by name and password', async () => {
    await enter(page, panel.link);
    await unfold('admin');
    await press('Sign out', page.locator('header'));
    assert.match(page.url(), /\/sign-in$/);
    await open('/queue');
    await page.getByRole('textbox', { name: 'Account' }).fill('admin');
    await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
    await press('Sign in');
    assert.match(page.url(), /\/queue$/, 'to where one wanted to go');
  });

  await story.test('the services of a server are tested in another tab, and the form stays as it was typed', async () => {
    await open('/do/server-add');
    await page.locator('select[name=db]').selectOption('mariadb');
    await page.locator('input[name=db_host]').fill('db.example.org');
    await page.locator('input[name=db_account]').fill('aegir');
    const group = page.getByRole('group', { name: 'Database service' });
    const [tab] = await Promise.all([page.context().waitForEvent('page'), group.getByRole('button', { name: 'Test the connection' }).click()]);
    await tab.getByRole('heading', { name: 'Database service: mariadb' }).waitFor();
    await tab.close();
    assert.equal(await page.locator('input[name=db_host]').inputValue(), 'db.example.org');
    await assert.rejects(panel.ask('GET', '/servers/unnamed'), /404/, 'nothing was added');
  });

  await story.test('a list is filtered, sorted, paged, and has other columns', async () => {
    await open('/sites');
    await page.getByRole('searchbox').fill('site');
    await unfold('View');
    await page.getByLabel('Rows').selectOption({ index: 0 });
    await press('Filter');
    assert.match(page.url(), /search=site/);
    const first = await rows();
    assert.ok(first.length > 0 && first.length < 42, `a page of ${first.length}`);
    await go(page, page.locator('thead a', { hasText: /^(Name|Site)/ }));
    const backwards = await rows();
    assert.deepEqual(backwards, backwards.toSorted().toReversed(), 'the last come first');
    assert.notDeepEqual(backwards, first);
    await go(page, page.locator('.pager a[rel=next]').first());
    const second = await rows();
    assert.equal(second.some((name) => backwards.includes(name)), false, 'the next page has others');
    assert.deepEqual(second, second.toSorted().toReversed(), 'in the same order');
    const heads = await page.locator('thead th').count();
    await unfold('View');
    await page.locator('input[name=columns]:checked').last().uncheck();
    await press('Filter');
    assert.equal(await page.locator('thead th').count(), heads - 1);
    assert.match(page.url(), /search=site/, 'what was asked for before is asked for still');
  });

  await story.test('pages of objects are read', async () => {
    for (const path of ['/sites/site02.example.org', '/platforms/d10', '/servers/web1', '/packages/views']) {
      await open(path);
      assert.ok((await text()).length > 200, path);
      assert.equal(await page.locator('[hx-trigger="load"]').count(), 0, `${path}: nothing comes only by a script`);
    }
  });

  await story.test('a site is added, and a mistake keeps what was typed', async () => {
    await open('/do/site-add');
    await page.locator('input[name=name]').fill('no site');
    await (await shown(page.locator('input[name=title]'))).fill('Plain, with a title');
    await go(page, page.locator('form.form button.primary'));
    assert.match(await text(), /no site/);
    assert.equal(await page.locator('[aria-invalid=true]').first().getAttribute('name'), 'name');
    assert.equal(await page.locator('input[name=title]').inputValue(), 'Plain, with a title');
    await page.locator('input[name=name]').fill(SITE);
    // Choices narrow each other on the server.
    await go(page, page.getByRole('button', { name: 'Show what fits' }));
    assert.equal(await page.locator('input[name=name]').inputValue(), SITE);
    await go(page, page.locator('form.form button.primary'));
    assert.match(page.url(), /\/tasks\/\d+$/);
    await taskSays('succeeded');
    assert.match(await text('#log'), /pretend: done/);
    assert.match(await page.locator('.steps').innerText(), /pretend/);
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download as text' }).click()]);
    assert.match(file.suggestedFilename(), /\.txt$/);
  });

  await story.test('it is edited, verified and found', async () => {
    await open(`/do/site-edit/${SITE}`);
    await (await shown(page.locator('[name=alias]'))).fill('www.plain.example.org');
    await go(page, page.locator('form.form button.primary'));
    await taskSays('succeeded');
    await open(`/sites/${SITE}`);
    assert.match(await text(), /www\.plain\.example\.org/);
    const verify = page.locator('main').getByRole('link', { name: 'Verify', exact: true }).first();
    if (!(await verify.isVisible())) await unfold('More');
    await go(page, verify);
    if (!/\/tasks\//.test(page.url())) await go(page, page.locator('form.form button.primary'));
    await taskSays('succeeded');
    await go(page, page.locator('header a.find'));
    await page.locator('main input[name=q]').fill('plain');
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
    await go(page, page.locator('main').getByRole('link', { name: SITE }).first());
    assert.match(page.url(), new RegExp(`/sites/${SITE}`));
  });

  await story.test('the queue is paused, and goes on', async () => {
    await open('/queue');
    await go(page, page.locator('main').getByRole('button', { name: /^Pause/ }).first());
    if (!/\/queue/.test(page.url())) await go(page, page.locator('form.form button').first());
    await open('/queue');
    assert.match(await text(), /The queue is paused/);
    await go(page, page.locator('main').getByRole('button', { name: /^(Resume|Go on)/ }).first());
    await open('/queue');
    assert.doesNotMatch(await text(), /The queue is paused/);
  });

  await story.test('a setting is changed, and who did is told', async () => {
    await open('/settings');
    const number = page.locator('form.setting input[type=number]').first();
    const id = await number.getAttribute('id');
    await number.fill('7');
    await go(page, page.locator('form.setting', { has: page.locator(`[id="${id}"]`) }).getByRole('button'));
    await open('/settings');
    assert.equal(await page.locator(`[id="${id}"]`).inputValue(), '7');
    assert.match(await text('#history'), /admin/);
  });

  await story.test('it is deleted when its name is typed, and not before', async () => {
    await open(`/do/site-disable/${SITE}`);
    await go(page, page.locator('form.form button.primary'));
    await taskSays('succeeded');
    await open(`/do/site-delete/${SITE}`);
    await page.locator('input[name=confirm]').fill('another');
    await go(page, page.locator('button.danger'));
    assert.match(await text(), new RegExp(`type ${SITE}`));
    assert.equal((await panel.ask('GET', `/sites/${SITE}`)).status, 'disabled');
    await page.locator('input[name=confirm]').fill(SITE);
    await go(page, page.locator('button.danger'));
    await taskSays('succeeded');
    await open('/sites?search=plain');
    assert.equal((await rows()).includes(SITE), false);
  });

  await story.test('one goes out', async () => {
    await unfold('admin');
    await press('Sign out', page.locator('header'));
    await open('/');
    assert.match(page.url(), /\/sign-in/);
  });
});
