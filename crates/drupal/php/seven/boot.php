<?php

/**
 * @file
 * Boots a site of Drupal 7 fully, and answers what it then says of itself.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Seven::boot($question);
  return [
    'core_version' => VERSION,
    'site_path' => conf_path(),
    'site_name' => (string) variable_get('site_name', ''),
    'site_mail' => (string) variable_get('site_mail', ''),
    'profile' => (string) drupal_get_profile(),
    'langcode' => language_default('language'),
    'install_time' => (int) variable_get('install_time', 0),
    'installed' => variable_get('install_task') === 'done',
    'database_driver' => Database::getConnection()->driver(),
    'maintenance' => (bool) variable_get('maintenance_mode', FALSE),
    'public_files' => variable_get('file_public_path', conf_path() . '/files'),
    'php_version' => PHP_VERSION,
  ];
});
