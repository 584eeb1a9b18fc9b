<?php

/**
 * @file
 * What Drupal 8 or later itself says of a site: `php eight.php SITE [harden]`, in the document root.
 *
 * With `harden` its status report is drawn up first, which takes the write bits off what it finds writable.
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
