<?php

/**
 * @file
 * What Drupal 8 or later itself says of a site: `php eight.php SITE [harden] [enable] [ledger] [write] [forget]`, in the document root.
 *
 * With `harden` its status report is drawn up first, which takes the write bits off what it finds writable.
 * With `enable` the module `platforms_own` is enabled, with `ledger` the module of that name in the site's own folder; with `forget` the next visitor has the container built.
 * With `write` a page, an alias and a logo name the folder of the site, an article shows the picture that was uploaded last, and somebody
 * has an account; the contributed module `token` is enabled, if the site has it.
 */

use Drupal\Core\DrupalKernel;
use Symfony\Component\HttpFoundation\Request;

[, $site] = $argv;
$loader = require 'autoload.php';
$request = Request::create("http://$site/", 'GET', [], [], [], ['SCRIPT_NAME' => '/index.php', 'SCRIPT_FILENAME' => getcwd() . '/index.php']);
$kernel = DrupalKernel::createFromRequest($request, $loader, 'prod');
$kernel->boot();
$kernel->preHandle($request);
if (in_array('harden', $argv, TRUE)) {
  \Drupal::service('system.manager')->listRequirements();
}
if (in_array('enable', $argv, TRUE)) {
  \Drupal::service('module_installer')->install(['platforms_own']);
}
if (in_array('ledger', $argv, TRUE)) {
  \Drupal::service('extension.list.module')->reset();
  \Drupal::service('module_installer')->install(['ledger']);
}
if (in_array('write', $argv, TRUE)) {
  if (\Drupal::service('extension.list.module')->reset()->exists('token')) {
    \Drupal::service('module_installer')->install(['token']);
  }
  $body = ['value' => "<a href=\"/sites/$site/files/linked.txt\">a file</a>", 'format' => 'full_html'];
  $node = \Drupal\node\Entity\Node::create(['type' => 'page', 'title' => 'A page of ours', 'uid' => 1, 'status' => 1, 'body' => $body]);
  $node->save();
  \Drupal\path_alias\Entity\PathAlias::create(['path' => '/node/' . $node->id(), 'alias' => '/a-page-of-ours', 'langcode' => 'en'])->save();
  $uploads = \Drupal::entityTypeManager()->getStorage('file')->loadByProperties(['filemime' => 'image/png']);
  $picture = ['target_id' => end($uploads)->id(), 'alt' => 'a picture'];
  $node = \Drupal\node\Entity\Node::create(['type' => 'article', 'title' => 'A picture of ours', 'uid' => 1, 'status' => 1, 'promote' => 1, 'field_image' => $picture]);
  $node->save();
  \Drupal\path_alias\Entity\PathAlias::create(['path' => '/node/' . $node->id(), 'alias' => '/a-picture-of-ours', 'langcode' => 'en'])->save();
  \Drupal\user\Entity\User::create(['name' => 'Somebody Else', 'mail' => 'else@example.org', 'status' => 1])->save();
  $theme = \Drupal::config('system.theme')->get('default');
  \Drupal::configFactory()->getEditable("$theme.settings")->set('logo', ['use_default' => FALSE, 'path' => "sites/$site/files/logo.png"])->save();
  drupal_flush_all_caches();
}
$all = static function ($type, $of) {
  $found = array_map($of, array_values(\Drupal::entityTypeManager()->getStorage($type)->loadMultiple()));
  sort($found);
  return $found;
};
$account = \Drupal::entityTypeManager()->getStorage('user')->load(1);
$language = \Drupal::languageManager()->getDefaultLanguage()->getId();
print json_encode([
  'site' => \Drupal::getContainer()->getParameter('site.path'),
  'title' => \Drupal::config('system.site')->get('name'),
  'mail' => \Drupal::config('system.site')->get('mail'),
  'language' => $language,
  'time_zone' => \Drupal::config('system.date')->get('timezone.default'),
  'account' => $account->getAccountName(),
  'account_mail' => $account->getEmail(),
  'profile' => \Drupal::installProfile(),
  'writes' => get_class(\Drupal::service('plugin.manager.mail')) !== 'AegirNoMail',
  'cron_key' => \Drupal::state()->get('system.cron_key'),
  'uuid' => \Drupal::config('system.site')->get('uuid'),
  'holds' => [
    'package' => \Drupal::moduleHandler()->moduleExists('token')
      ? get_class(\Drupal::token()) . ' of ' . str_replace("sites/$site/", '', \Drupal::service('extension.list.module')->getPath('token'))
      : 'none',
    'accounts' => $all('user', fn($account) => $account->getAccountName() . ($account->isActive() ? '' : ' (blocked)')),
    'content' => \Drupal::moduleHandler()->moduleExists('node') ? $all('node', fn($node) => $node->bundle() . ' ' . $node->label()) : [],
    'aliases' => \Drupal::moduleHandler()->moduleExists('path_alias') ? $all('path_alias', fn($alias) => $alias->getPath() . ' ' . $alias->getAlias()) : [],
    'files' => \Drupal::moduleHandler()->moduleExists('file') ? $all('file', fn($file) => $file->getFileUri() . ' ' . $file->getSize()) : [],
  ],
  'log_in' => (string) \Drupal::translation()->translate('Log in', [], ['langcode' => $language]),
]);
if (in_array('forget', $argv, TRUE)) {
  \Drupal::service('kernel')->invalidateContainer();
  foreach (['bootstrap', 'default', 'discovery', 'page', 'dynamic_page_cache'] as $bin) {
    if (\Drupal::hasService("cache.$bin")) {
      \Drupal::cache($bin)->deleteAll();
    }
  }
}
