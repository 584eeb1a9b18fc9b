<?php

/**
 * @file
 * What the settings of a Drupal 7 site say that somebody else installed.
 */

require_once dirname(__DIR__) . '/prelude.php';
require_once dirname(__DIR__) . '/settings.php';

Aegir\Driver::run(static function (array $question) {
  // As Drupal 7 declares them before it reads the file.
  global $base_url, $databases, $db_prefix, $drupal_hash_salt, $conf, $cookie_domain, $installed_profile, $update_free_access, $db_url, $is_https, $base_secure_url, $base_insecure_url;
  define('DRUPAL_ROOT', getcwd());
  $conf = [];
  $_SERVER['HTTP_HOST'] = $question['site'];
  $before = get_included_files();
  Aegir\Driver::phase('settings');
  include DRUPAL_ROOT . '/sites/' . $question['site'] . '/settings.php';
  Aegir\Driver::phase('operation');
  $conf = is_array($conf) ? $conf : [];
  $conf += ['file_public_path' => '', 'file_private_path' => ''];
  // What Drupal takes where the settings give none.
  $salt = empty($drupal_hash_salt) ? hash('sha256', serialize($databases)) : $drupal_hash_salt;
  $usual = ['file_public_path', 'file_private_path', 'file_temporary_path', 'drupal_hash_salt'];
  $own = array_merge(
    array_map(static function ($name) {
      return "\$conf['$name']";
    }, array_diff(array_keys($conf), $usual)),
    empty($cookie_domain) ? [] : ['$cookie_domain'],
    empty($base_url) ? [] : ['$base_url']
  );
  return Aegir\Theirs::answer($question, $databases, $salt, [
    'public_files' => $conf['file_public_path'],
    'private_files' => $conf['file_private_path'],
    'config_sync' => '',
    'base_url' => $base_url,
  ], $own, $before);
});
