<?php

/**
 * @file
 * What Drupal 7 itself says of a site: `php seven.php SITE [harden] [enable] [forget]`, in the document root.
 *
 * With `harden` its status report is drawn up first, which takes the write bits off what it finds writable.
 * With `enable` the module `platforms_own` is enabled; with `forget` the next visitor has all caches filled.
 */

[, $site] = $argv;
$_SERVER = ['HTTP_HOST' => $site, 'SERVER_NAME' => $site, 'REMOTE_ADDR' => '127.0.0.1', 'REQUEST_METHOD' => 'GET',
  'SCRIPT_NAME' => '/index.php', 'PHP_SELF' => '/index.php', 'REQUEST_URI' => '/', 'SERVER_SOFTWARE' => '', 'SERVER_PROTOCOL' => 'HTTP/1.1'] + $_SERVER;
define('DRUPAL_ROOT', getcwd());
require_once DRUPAL_ROOT . '/includes/bootstrap.inc';
drupal_bootstrap(DRUPAL_BOOTSTRAP_FULL);
if (in_array('harden', $argv, TRUE)) {
  require_once DRUPAL_ROOT . '/includes/install.inc';
  drupal_load_updates();
  module_invoke_all('requirements', 'runtime');
}
if (in_array('enable', $argv, TRUE)) {
  module_enable(['platforms_own']);
  drupal_flush_all_caches();
}
$account = user_load(1);
$language = language_default('language');
print json_encode([
  'site' => conf_path(),
  'title' => variable_get('site_name'),
  'mail' => variable_get('site_mail'),
  'language' => $language,
  'time_zone' => variable_get('date_default_timezone'),
  'account' => $account->name,
  'account_mail' => $account->mail,
  'profile' => drupal_get_profile(),
  'log_in' => t('Log in', [], ['langcode' => $language]),
]);
if (in_array('forget', $argv, TRUE)) {
  foreach (['cache', 'cache_bootstrap', 'cache_menu', 'cache_page'] as $bin) {
    cache_clear_all('*', $bin, TRUE);
  }
}
