<?php

/**
 * @file
 * Calls a tree's own installer, bare: install.php FAMILY SITE PROFILE, in the document root.
 */

[, $family, $site, $profile] = $argv;
require __DIR__ . '/request.php';

$form = [
  'site_name' => 'Floor',
  'site_mail' => 'floor@example.com',
  'account' => [
    'name' => 'admin',
    'mail' => 'floor@example.com',
    'pass' => ['pass1' => 'floor', 'pass2' => 'floor'],
  ],
  'site_default_country' => '',
  'date_default_timezone' => 'UTC',
];

if ($family === '7') {
  define('DRUPAL_ROOT', getcwd());
  define('MAINTENANCE_MODE', 'install');
  require_once DRUPAL_ROOT . '/includes/install.core.inc';
  install_drupal([
    'interactive' => FALSE,
    'parameters' => ['profile' => $profile, 'locale' => 'en'],
    'forms' => [
      'install_configure_form' => $form + ['clean_url' => TRUE, 'update_status_module' => [1 => NULL, 2 => NULL]],
    ],
  ]);
  exit(variable_get('install_task') === 'done' ? 0 : 1);
}

$loader = require getcwd() . '/autoload.php';
require_once getcwd() . '/core/includes/install.core.inc';
install_drupal($loader, [
  'interactive' => FALSE,
  'site_path' => "sites/$site",
  'parameters' => ['profile' => $profile, 'langcode' => 'en'],
  'forms' => [
    'install_configure_form' => $form + ['enable_update_status_module' => NULL, 'enable_update_status_emails' => NULL],
  ],
], static function (array $state) {
  // The final cron is left out, here as there.
  if (!empty($state['base_system_verified']) && \Drupal::hasService('cron')) {
    \Drupal::getContainer()->set('cron', new class implements \Drupal\Core\CronInterface {

      public function run() {
        return FALSE;
      }

    });
  }
});
exit(\Drupal::state()->get('install_task') === 'done' ? 0 : 1);
