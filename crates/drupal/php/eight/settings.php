<?php

/**
 * @file
 * What the settings of a site of Drupal 8 or later say that somebody else
 * installed.
 */

require_once __DIR__ . '/site.php';
require_once dirname(__DIR__) . '/settings.php';

Aegir\Driver::run(static function (array $question) {
  // The names that Drupal has when it reads the file.
  global $config;
  $class_loader = Aegir\Eight::load();
  $app_root = getcwd();
  $site_path = 'sites/' . $question['site'];
  $settings = $config = $databases = $config_directories = [];
  $_SERVER['HTTP_HOST'] = $question['site'];
  $before = get_included_files();
  Aegir\Driver::phase('settings');
  require $app_root . '/' . $site_path . '/settings.php';
  Aegir\Driver::phase('operation');
  $settings = is_array($settings) ? $settings : [];
  $sync = isset($config_directories['sync']) ? $config_directories['sync'] : '';
  $settings += ['hash_salt' => '', 'file_public_path' => '', 'file_private_path' => '', 'config_sync_directory' => $sync];
  $usual = [
    'hash_salt', 'file_public_path', 'file_private_path', 'file_temp_path', 'config_sync_directory', 'container_yamls',
    'trusted_host_patterns', 'update_free_access', 'file_scan_ignore_directories', 'entity_update_batch_size',
    'entity_update_backup', 'migrate_node_migrate_type_classic',
  ];
  $own = array_merge(
    array_map(static function ($name) {
      return "\$settings['$name']";
    }, array_diff(array_keys($settings), $usual)),
    array_map(static function ($name) {
      return "\$config['$name']";
    }, array_keys(is_array($config) ? $config : []))
  );
  return Aegir\Theirs::answer($question, $databases, $settings['hash_salt'], [
    'public_files' => $settings['file_public_path'],
    'private_files' => $settings['file_private_path'],
    'config_sync' => $settings['config_sync_directory'],
    'base_url' => '',
  ], $own, $before);
});
