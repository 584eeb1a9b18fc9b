<?php

/**
 * @file
 * Reads a settings.php as Drupal does, twice, and prints what it then knows.
 */

[, $file, $app_root, $given] = $argv;
$site_path = 'sites/' . basename(dirname($file));
foreach (json_decode($given, TRUE) as $name => $value) {
  $_SERVER[$name] = $_ENV[$name] = $value;
}
$read = static function () use ($file, $app_root, $site_path) {
  $databases = $settings = $conf = [];
  $drupal_hash_salt = NULL;
  require $file;
  $database = $databases['default']['default'];
  return [
    'database' => $database,
    'salt' => $drupal_hash_salt ?: $settings['hash_salt'],
    'own' => isset($settings['own']) ? $settings['own'] : (isset($conf['own']) ? $conf['own'] : NULL),
  ];
};
try {
  $first = $read();
  echo json_encode([
    'read' => $first,
    'again' => $read() == $first,
    'left' => array_filter(array_keys($_SERVER + $_ENV), static function ($name) {
      return preg_match('/db_|hash_salt/', $name);
    }),
  ]);
}
catch (RuntimeException $none) {
  echo json_encode(['fault' => $none->getMessage()]);
}
