// What people, and others, type where it does not belong: nothing of it runs, breaks a page, or is lost.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PASSWORD, browser, enter, go, shown, somebody, stage, until } from './browser.mjs';
import { addresses } from './routes.mjs';

let panel;
let chrome;
let storageState;
before(async () => {
  panel = await stage();
  chrome = await browser();
  const { page, context } = await somebody(chrome);
  await enter(page, panel.link);
  storageState = await context.storageState();
});
after(async () => {
  await chrome?.close();
  await panel?.close();
});

const MARKUP = '"><script>window.ran=1;alert(1)</script><img src=x onerror="window.ran=1;alert(2)">\'{{7*7}}&lt;b&gt;';
const BAD = {
  markup: MARKUP,
  'marks that turn text around': '\u202Egro.elpmaxe\u202C \u2067x\u2069 \u200F\u061C',
  emoji: '👩‍👩‍👧‍👦 🏳️‍🌈 Z̷̛͕a̶l̴g̸o̵ ﷽',
  '64 KiB': `<b>${'ä🙂x'.repeat(9400)}</b>`.slice(0, 65_536),
};

/** A page that tells what it must never do. */
async function watched(options = {}) {
  const { page, context, wrong } = await somebody(chrome, { storageState, ...options });
  page.on('dialog', async (dialog) => {
    if (dialog.type() !== 'beforeunload') wrong.push(`${page.url()}: a script of somebody's ran: ${dialog.message()}`);
    await dialog.accept();
  });
  const answers = [];
  page.on('response', (answer) => {
    if (answer.status() >= 500) wrong.push(`${answer.status()} of ${answer.request().method()} ${answer.url().slice(0, 200)}`);
    if (answer.request().isNavigationRequest()) answers.push(answer.status());
  });
  /** Whether anything of what was typed became a part of the page. */
  const grew = async () => {
    const found = await page.evaluate(() => [
      ...('ran' in window ? ['a script ran'] : []),
      ...[...document.querySelectorAll('body script, img[onerror], main b b')].map((element) => element.outerHTML.slice(0, 80)),
    ]);
    wrong.push(...found.map((what) => `${page.url().slice(0, 200)}: ${what}`));
  };
  return { page, context, wrong, answers, grew };
}

/** The forms of a page that somebody can type into, by where they are sent. */
const forms = (page) => page.locator('form').evaluateAll((all) => all
  .map((form, at) => ({ at, method: form.getAttribute('method'), action: form.getAttribute('action') }))
  .filter(({ at }) => [...all[at].elements].some((field) => field.matches('input:not([type=hidden], [type=checkbox], [type=radio]), textarea, select') && field.name)));

/** Sends a form with this in each of its fields, as a browser that minds no `type`, no `maxlength` and no list of choices;
 * gives what is answered: a status, and of the form that is shown again what stands in its fields. */
const send = (page, at, text) => page.locator('form').nth(at).evaluate(async (form, given) => {
  const typed = (field) => field.name && !field.matches('[type=hidden], [type=checkbox], [type=radio], button, fieldset');
  const body = new URLSearchParams(new FormData(form));
  for (const field of form.elements) if (typed(field)) body.set(field.name, given);
  // Not `form.action`: a field may be called so.
  const action = form.getAttribute('action') ?? location.href;
  const answer = form.getAttribute('method') === 'post' ? await fetch(action, { method: 'POST', body }) : await fetch(`${action}?${body}`);
  const shown = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const again = shown.querySelector('main form.form');
  return {
    status: answer.status,
    complains: Boolean(shown.querySelector('[aria-invalid=true], .problem')),
    grew: [...shown.querySelectorAll('body script, img[onerror], main b b')].map((element) => element.outerHTML.slice(0, 80)),
    // A number or a date is no text; a field of one line has no room for more.
    lost: [...(again?.elements ?? [])].filter((field) => typed(field) && field.matches('input, textarea') && !field.matches('[type=number], [type=date]'))
      .filter((field) => (field.type === 'password' ? field.value !== '' : field.value !== given)).map(({ name, type, value }) => `${type} ${name}: ${value.slice(0, 40)}`),
  };
}, text);

test('whatever is typed into whichever field of whichever form, no page breaks and no script runs', async () => {
  const { page, wrong, grew } = await watched();
  const tried = new Set();
  const all = await addresses(panel);
  for (const path of all) {
    await page.goto(panel.origin + path);
    for (const { at, method, action } of await forms(page)) {
      // A form that stands on every page is tried once; so is one of many alike.
      const which = `${method} ${action ?? path}`;
      if (tried.has(which)) continue;
      tried.add(which);
      for (const [what, text] of Object.entries(BAD)) {
        const { status, ...answer } = await send(page, at, text);
        assert.ok(status < 500, `${which}, ${what}: ${status}`);
        assert.deepEqual(answer.grew, [], `${which}, ${what}: text is text`);
        if (method !== 'post' || status !== 422 || !/\/do\//.test(action ?? path)) continue;
        // What was refused can be mended: it stands in its field still. Secrets never do.
        assert.deepEqual(answer.lost, [], `${which}, ${what}: what was typed is kept`);
        assert.ok(answer.complains, `${which}, ${what}: it is said what is wrong`);
      }
      // And once as a page, which would run what runs.
      const reads = page.waitForEvent('load');
      await page.locator('form').nth(at).evaluate((form, given) => {
        for (const field of [...form.elements]) {
          if (!field.name || field.matches('[type=hidden], [type=checkbox], [type=radio], button, fieldset')) continue;
          const box = document.createElement('textarea');
          box.name = field.name;
          box.value = given;
          field.replaceWith(box);
        }
        HTMLFormElement.prototype.submit.call(form);
      }, MARKUP);
      await reads;
      await grew();
      await page.goto(panel.origin + path);
    }
  }
  assert.ok(tried.size >= 25, `only ${tried.size} forms were found`);
  // What was taken stands in lists and on pages now.
  for (const path of all.filter((path) => !path.startsWith('/do/'))) {
    await page.goto(panel.origin + path);
    await grew();
  }
  assert.deepEqual(wrong, []);
});

test('text of other origin is text wherever it is shown', async () => {
  const { page, wrong, grew } = await watched();
  await panel.ask('POST', '/fields', { name: 'odd', kind: 'site', title: `Odd ${MARKUP}`.slice(0, 60) });
  await panel.ask('POST', '/sites', { name: 'odd.example.org', platform: 'd10', title: MARKUP, field: [`odd=${MARKUP} ${BAD.emoji}`] });
  await until('it is made', async () => (await panel.ask('GET', '/sites/odd.example.org')).status === 'enabled');
  await page.goto(`${panel.origin}/sites/odd.example.org`);
  assert.ok((await page.locator('main').innerText()).includes(MARKUP), 'it is read as it was typed');
  assert.ok((await page.locator('main').innerText()).includes(BAD.emoji));
  await grew();
  for (const path of ['/', '/sites?search=odd', '/fields', '/audit', '/do/site-edit/odd.example.org', '/tasks', '/find?q=odd', `/sites?search=${encodeURIComponent(MARKUP)}`]) {
    await page.goto(panel.origin + path);
    await grew();
  }
  // By the palette too, which is written by a script.
  await page.keyboard.press('Control+k');
  await page.keyboard.type('odd.example');
  await page.locator('#palette [role=option]', { hasText: 'odd.example.org' }).first().waitFor();
  await grew();
  assert.deepEqual(wrong, []);
});

test('a form that is sent twice is done once', async () => {
  const { page, wrong } = await watched();
  await page.goto(`${panel.origin}/do/site-add`);
  await page.locator('input[name=name]').fill('twice.example.org');
  const asked = [];
  page.on('dialog', (dialog) => asked.push(dialog.type()));
  let sent = 0;
  page.on('request', (request) => { if (request.method() === 'POST') sent += 1; });
  await Promise.all([page.waitForURL(/\/tasks\/\d+/), page.locator('form.form button.primary').dblclick()]);
  assert.equal(sent, 1, 'a double click is one sending');
  assert.deepEqual(asked, [], 'nobody is asked whether to leave what was just sent');
  const task = page.url();
  // The same form once more, as a proxy or an impatient browser sends it.
  await page.goto(`${panel.origin}/do/site-add`);
  await page.locator('input[name=name]').fill('thrice.example.org');
  const places = await page.locator('form.form').evaluate(async (form) => {
    const body = new URLSearchParams(new FormData(form));
    const send = () => fetch(form.getAttribute('action'), { method: 'POST', body }).then((answer) => answer.url);
    return Promise.all([send(), send(), send()]);
  });
  assert.equal(new Set(places).size, 1, 'all three lead to one task');
  assert.match(places[0], /\/tasks\/\d+$/);
  assert.notEqual(places[0], task);
  for (const name of ['twice', 'thrice']) {
    const { items } = await panel.ask('GET', `/tasks?object=@${name}.example.org`);
    assert.equal(items.length, 1, name);
  }
  assert.deepEqual(wrong, []);
});

test('going back does nothing a second time', async () => {
  const { page, wrong } = await watched();
  await page.goto(`${panel.origin}/do/site-add`);
  await page.locator('input[name=name]').fill('back.example.org');
  await go(page, page.locator('form.form button.primary'));
  const task = page.url();
  await page.goBack();
  assert.match(page.url(), /\/do\/site-add$/);
  await page.locator('input[name=name]').fill('back.example.org');
  await go(page, page.locator('form.form button.primary'));
  if (page.url() !== task) {
    assert.match(await page.locator('main').innerText(), /back\.example\.org/);
    assert.equal(await page.locator('input[name=name]').inputValue(), 'back.example.org');
    assert.ok((await page.locator('[aria-invalid=true], .problem').count()) > 0);
  }
  assert.equal((await panel.ask('GET', '/tasks?object=@back.example.org')).items.length, 1);
  // The page of what was done can be loaded anew.
  await page.goto(task);
  await page.reload();
  assert.equal((await panel.ask('GET', '/tasks?object=@back.example.org')).items.length, 1);
  assert.deepEqual(wrong, []);
});

test('an edit from a form that is out of date says what changed, and keeps what was typed', async () => {
  const { page, wrong } = await watched();
  const path = '/sites/site20.example.org';
  await page.goto(`${panel.origin}/do/site-edit/site20.example.org`);
  await (await shown(page.locator('[name=alias]'))).fill('mine.example.org');
  const { task } = await panel.ask('PATCH', path, { alias: ['theirs.example.org'] });
  await until('the other edit is done', async () => (await panel.ask('GET', `/tasks/${task}`)).state === 'succeeded');
  await go(page, page.locator('form.form button.primary'));
  assert.match(await page.locator('main').innerText(), /theirs\.example\.org/);
  assert.equal((await page.locator('[name=alias]').inputValue()).trim(), 'mine.example.org');
  assert.doesNotMatch(JSON.stringify(await panel.ask('GET', path)), /mine\.example\.org/, 'nothing was done');
  assert.deepEqual(wrong, []);
});

test('a form of another session, or about another object than it was made for, does nothing', async () => {
  const there = ['site21', 'site22'].map((name) => `/sites/${name}.example.org`);
  // Only what is disabled has a form to delete it.
  for (const site of there) await panel.ask('POST', `${site}/disable`, { no_backup: true });
  for (const site of there) await until(`${site} is disabled`, async () => (await panel.ask('GET', site)).status === 'disabled');
  const { link } = await panel.ask('POST', '/accounts', { name: 'mallory' });
  const other = await somebody(chrome);
  await enter(other.page, link);
  await other.page.goto(`${panel.origin}/do/site-delete/site21.example.org`);
  const token = await other.page.locator('form.form input[name=form_token]').inputValue();

  const { page, wrong, answers } = await watched();
  const send = async (path, change) => {
    await page.goto(`${panel.origin}${path}`);
    answers.length = 0;
    await Promise.all([page.waitForEvent('load'), page.locator('main form.form').first().evaluate((form, { to, fields }) => {
      for (const [name, value] of Object.entries(fields)) form.elements[name].value = value;
      if (to) form.setAttribute('action', to);
      HTMLFormElement.prototype.submit.call(form);
    }, change)]);
    return answers.at(-1);
  };
  const site21 = '/do/site-delete/site21.example.org';
  assert.equal(await send(site21, { fields: { form_token: token, confirm: 'site21.example.org' } }), 403, 'another session');
  assert.equal(await send(site21, { fields: { confirm: 'site21.example.org' }, to: '/do/site-delete/site22.example.org' }), 422, 'the name of another');
  assert.equal(await send(site21, { fields: { confirm: 'nobody.example.org' }, to: '/do/site-delete/nobody.example.org' }), 404, 'of nobody');
  for (const site of there) assert.equal((await panel.ask('GET', site)).status, 'disabled', site);
  for (const path of ['/tasks/999999', '/tasks/-1', '/tasks/1.5', '/sites/..%2f..%2fetc', '/sites/%00', `/sites/${'x'.repeat(5000)}`, '/bulk/0', '/servers/%F0%9F%99%82', '/do/task-retry/x', '/packages/%22%3E%3Cscript%3E']) {
    const answer = await page.goto(panel.origin + path);
    assert.ok(answer.status() >= 400 && answer.status() < 500, `${path.slice(0, 60)}: ${answer.status()}`);
  }
  assert.deepEqual(wrong, []);
});

for (const javaScriptEnabled of [true, false]) {
  test(`a session that ends while one types loses nothing that was typed, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
    const { page, context } = await somebody(chrome, { javaScriptEnabled });
    const signIn = async () => {
      await page.getByRole('textbox', { name: 'Account' }).fill('admin');
      await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
      await go(page, page.getByRole('button', { name: 'Sign in' }));
    };
    const before = new Set((await panel.ask('GET', '/sessions')).items.map(({ id }) => id));
    await page.goto(`${panel.origin}/sign-in?to=/do/site-add`);
    await signIn();
    const name = `late-${javaScriptEnabled}.example.org`;
    const aliases = `one.${name}\ntwo.${name}`;
    await page.locator('input[name=name]').fill(name);
    await (await shown(page.locator('input[name=title]'))).fill(MARKUP);
    await (await shown(page.locator('[name=alias]'))).fill(aliases);
    const [own] = (await panel.ask('GET', '/sessions')).items.filter(({ id }) => !before.has(id));
    await panel.ask('POST', `/sessions/${own.id}/end`);

    await go(page, page.locator('form.form button.primary'));
    assert.match(await page.locator('main').innerText(), /your session has ended, and nothing was done yet/);
    await signIn();
    await go(page, page.getByRole('button', { name: 'Back to the form' }));
    assert.equal(await page.locator('input[name=name]').inputValue(), name);
    assert.equal(await page.locator('input[name=title]').inputValue(), MARKUP);
    assert.equal((await page.locator('[name=alias]').inputValue()).replaceAll('\r', ''), aliases);
    await assert.rejects(panel.ask('GET', `/sites/${name}`), 'nothing was done yet');
    await go(page, page.locator('form.form button.primary'));
    assert.match(page.url(), /\/tasks\/\d+$/);
    const site = await until('it is made', async () => {
      const found = await panel.ask('GET', `/sites/${name}`);
      return found.status === 'enabled' && found;
    });
    assert.equal(site.title, MARKUP);
    await context.close();
  });
}
