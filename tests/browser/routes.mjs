// Every page of the panel, as the program lists its addresses: one that is added there is looked at here.

import { until } from './browser.mjs';

/** What stands for the parts of addresses: things that the stage has. */
const THINGS = {
  '/bulk/{number}': async (panel) => `/bulk/${(await bulk(panel)).id}`,
  '/tasks/{id}': async (panel) => `/tasks/${(await failed(panel)).id}`,
  '/servers/{name}/host-key': () => '/servers/web3/host-key',
  '/sites/{name}/compare': () => '/sites/site02.example.org/compare?to=d10',
  '/sites/{name}/log': () => '/sites/site02.example.org/log',
  '/do/site-migrate/{name}': () => '/do/site-migrate/site02.example.org?platform=d10',
  // What lies in the trash of any machine of the stage.
  '/do/trash-restore/{name}': () => '/do/trash-restore/d9-20261118.110641-0123456789ac?server=web1',
  '/do/trash-empty': () => '/do/trash-empty?server=web1',
  '/backups/{name}': async (panel) => `/backups/${(await backup(panel)).name}`,
  '/nodes/{name}': async (panel) => `/nodes/${(await panel.ask('GET', '/sites/site02.example.org')).id}`,
  '/enter/{secret}': async (panel) => new URL(await link(panel)).pathname,
  '/find': () => '/find?q=site0',
};

/** What pages of a kind of object are about, and pages below them. */
const OF_A_KIND = { sites: 'site02.example.org', platforms: 'd10', servers: 'web1', packages: 'views' };

/** What each operation is asked of, by the first word of its name, or by all of it. */
const ABOUT = {
  account: async (panel) => (await link(panel), 'spare'),
  backup: async (panel) => (await backup(panel)).name,
  bulk: async (panel) => (await bulk(panel)).id,
  drift: () => 'site05.example.org',
  field: () => 'contract',
  platform: () => 'd10',
  'platform-forget': async (panel) => (await empty(panel), 'unused'),
  'platform-delete': async (panel) => (await empty(panel), 'unused'),
  'platform-unlock': async (panel) => (await locked(panel), 'drupal_10'),
  server: () => 'web1',
  'server-forget': async (panel) => (await spare(panel), 'unused'),
  'server-trust': () => 'web3',
  session: async (panel) => (await panel.ask('GET', '/sessions')).items[0].id,
  settings: async (panel) => (await panel.ask('GET', '/settings')).items[0].name,
  site: () => 'site02.example.org',
  'site-delete': async (panel) => (await disabled(panel), DISABLED),
  'site-enable': async (panel) => (await disabled(panel), DISABLED),
  'site-drop-former': async (panel) => (await moved(panel), MOVED),
  'site-go-back': async (panel) => (await moved(panel), MOVED),
  'site-refresh': async (panel) => (await copied(panel), COPIED),
  'site-switch': async (panel) => (await copied(panel), COPIED),
  'task-cancel': async (panel) => (await panel.ask('GET', '/tasks?state=running')).items[0].id,
  task: async (panel) => (await failed(panel)).id,
  token: () => 'stage',
};

/** What no eye sees as a page: parts of pages, streams, files. */
export const NO_PAGE = /^\/(fragments|assets)\/|\/events$|\/archive$|\.txt$|\.csv$|\.json$/;

const kept = new WeakMap();
/** Made once for a stage. */
function once(panel, what, make) {
  const all = kept.get(panel) ?? kept.set(panel, {}).get(panel);
  return (all[what] ??= make());
}
const failed = (panel) => once(panel, 'failed', async () => (await panel.ask('GET', '/tasks?state=rolled-back')).items[0]);
const bulk = (panel) => once(panel, 'bulk', () => panel.ask('POST', '/bulk/start', { operation: 'site verify', object: ['site30.example.org', 'site07.example.org'] }));
const backup = (panel) => once(panel, 'backup', async () => {
  await panel.ask('POST', '/sites/site02.example.org/backup', {});
  const there = async () => (await panel.ask('GET', '/backups?site=site02.example.org&kind=backup')).items[0];
  await until('the backup is there', async () => Boolean(await there()));
  return there();
});
/** A site that was moved and went back, and has a former self. */
export const MOVED = 'site16.example.org';
const moved = (panel) => once(panel, 'moved', async () => {
  await panel.ask('POST', `/sites/${MOVED}/migrate`, { platform: 'commons_7' });
  const is = (platform) => async () => (await panel.ask('GET', `/sites/${MOVED}`)).platform === platform;
  await until('the site is moved', is('commons_7'));
  await panel.ask('POST', `/sites/${MOVED}/go-back`, {});
  await until('the site is back', is('d10'));
});
/** A copy of a site that somebody else looks after. */
const COPIED = 'copied.example.org';
const copied = (panel) => once(panel, 'copied', async () => {
  await panel.ask('POST', '/sites/copy', { name: COPIED, folder: '/var/www/html/sites/default', platform: 'd10' });
  await until('the copy is there', async () => (await panel.ask('GET', `/sites/${COPIED}`)).status === 'enabled');
});
const locked = (panel) => once(panel, 'locked', () => panel.ask('POST', '/platforms/drupal_10/lock', {}));
/** A site that is out of service. */
const DISABLED = 'site28.example.org';
const disabled = (panel) => once(panel, 'disabled', async () => {
  await panel.ask('POST', `/sites/${DISABLED}/disable`, { no_backup: true });
  await until('the site is disabled', async () => (await panel.ask('GET', `/sites/${DISABLED}`)).status === 'disabled');
});
const spare = (panel) => once(panel, 'server', async () => {
  await panel.ask('POST', '/servers', { name: 'unused', db: 'sqlite' });
  await until('the server is there', async () => (await panel.ask('GET', '/servers/unused')).status === 'enabled');
});
/** A platform on which nobody lives or has lived. */
const empty = (panel) => once(panel, 'platform', async () => {
  await panel.ask('POST', '/platforms', { name: 'unused', root: '/srv/unused', server: 'web1' });
  await until('the platform is there', async () => (await panel.ask('GET', '/platforms/unused')).status === 'enabled');
});
const link = (panel) => once(panel, 'link', async () => (await panel.ask('POST', '/accounts', { name: 'spare' })).link);

/** Every page: the address as the program lists it, and one that can be opened. */
export async function pages(panel) {
  const routes = JSON.parse(await panel.tell('routes'));
  const listed = [...new Set(routes.filter(([method]) => method === 'GET').map(([, path]) => path))].filter((path) => !NO_PAGE.test(path));
  const found = [];
  for (const path of listed) {
    if (path in THINGS) {
      found.push([path, await THINGS[path](panel)]);
    } else if (path.includes('{')) {
      const slug = /^\/do\/([a-z-]+)\/\{name\}$/.exec(path)?.[1];
      const kind = /^\/([a-z]+)\/\{name\}/.exec(path)?.[1];
      const about = kind && Object.hasOwn(OF_A_KIND, kind) ? () => OF_A_KIND[kind] : slug && (ABOUT[slug] ?? ABOUT[slug.split('-')[0]]);
      if (!about) throw new Error(`the stories know nothing that ${path} could be about: say it in routes.mjs`);
      found.push([path, path.replace('{name}', encodeURIComponent(await about(panel)))]);
    } else {
      found.push([path, path]);
    }
  }
  return found;
}

/** An address of each page. */
export async function addresses(panel) {
  return (await pages(panel)).map(([, path]) => path);
}
