<?php

/**
 * @file
 * What Drupal 8 or later itself says of a site: `php eight.php SITE [harden] [enable] [forget]`, in the document root.
 *
 * With `harden` its status report is drawn up first, which takes the write bits off what it finds writable.
 * With `enable` the module `platforms_own` is enabled; with `forget` the next visitor has the container built.
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
