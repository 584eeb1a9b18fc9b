<?php

/**
 * @file
 * Boots a site of Drupal 8 or later fully, and answers what it then says of itself.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Eight::boot($question);
  $site = \Drupal::config('system.site');
  return [
    'core_version' => \Drupal::VERSION,
    'site_path' => \Drupal::getContainer()->getParameter('site.path'),
    'site_name' => (string) $site->get('name'),
    'site_mail' => (string) $site->get('mail'),
    'site_uuid' => (string) $site->get('uuid'),
    'profile' => (string) \Drupal::installProfile(),
    'langcode' => \Drupal::languageManager()->getDefaultLanguage()->getId(),
    'install_time' => (int) \Drupal::state()->get('install_time', 0),
    'installed' => \Drupal::state()->get('install_task') === 'done',
    'database_driver' => \Drupal::database()->driver(),
    'maintenance' => (bool) \Drupal::state()->get('system.maintenance_mode', FALSE),
    'public_files' => \Drupal\Core\StreamWrapper\PublicStream::basePath(),
    'php_version' => PHP_VERSION,
  ];
});
