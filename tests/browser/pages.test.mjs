// Every page, looked at: axe finds nothing, none is wider than its window, no script complains; and pictures for people.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, enter, look, somebody, stage } from './browser.mjs';

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

const PAGES = {
  overview: '/',
  sites: '/sites',
  'sites-filtered': '/sites?search=site1&status=enabled',
  'sites-none': '/sites?search=nothing-of-that',
  platforms: '/platforms',
  servers: '/servers',
  tasks: '/tasks',
  packages: '/packages',
  'found-sites': '/found-sites',
  drift: '/drift',
  audit: '/audit',
  queue: '/queue',
  bulk: '/bulk',
  settings: '/settings',
  features: '/features',
  fields: '/fields',
  tokens: '/tokens',
  accounts: '/accounts',
  sessions: '/sessions',
  site: '/sites/site02.example.org',
  'site-that-failed': '/sites/site07.example.org',
  'site-that-drifted': '/sites/site05.example.org',
  platform: '/platforms/d10',
  server: '/servers/web1',
  'site-add': '/do/site-add',
  'site-edit': '/do/site-edit/site02.example.org',
  'site-delete': '/do/site-delete/site02.example.org',
  'site-login': '/do/site-login/site02.example.org',
  'server-add': '/do/server-add',
  'platform-add': '/do/platform-add',
  'bulk-start': '/do/bulk-start',
  keyboard: '/keyboard',
  find: '/find?q=site0',
  nowhere: '/nowhere',
};

test('every page can be read and used by everybody, wide and narrow, in the light and in the dark', async () => {
  const { page, wrong } = await somebody(chrome);
  await enter(page, panel.link);
  const found = [];
  for (const [name, path] of Object.entries(PAGES)) {
    const answer = await page.goto(panel.origin + path);
    assert.equal(answer.status(), name === 'nowhere' ? 404 : 200, path);
    found.push(...(await look(page, name)));
  }
  await page.goto(`${panel.origin}/tasks?state=rolled-back`);
  await page.locator('tbody a[href^="/tasks/"]').first().click();
  await page.waitForURL(/\/tasks\/\d+/);
  found.push(...(await look(page, 'task-that-failed')));
  assert.deepEqual([found, wrong], [[], []]);
});
