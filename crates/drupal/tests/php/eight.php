<?php

/**
 * @file
 * What Drupal 8 or later itself says of its packages: the judge of what we read.
 */

require_once dirname(__DIR__) . '/eight/site.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Eight::boot($question);
  require_once 'core/includes/install.inc';
  $schemas = \Drupal::service('update.update_hook_registry')->getAllInstalledVersions();
  $enabled = \Drupal::config('core.extension');
  $found = [];
  foreach (['module', 'theme'] as $kind) {
    foreach (\Drupal::service("extension.list.$kind")->getList() as $name => $extension) {
      $is_enabled = $enabled->get("$kind.$name") !== NULL;
      $found[] = [$kind, $name, isset($extension->info['version']) ? (string) $extension->info['version'] : NULL, $extension->getPath(), $is_enabled ? (isset($schemas[$name]) ? (int) $schemas[$name] : -1) : NULL];
    }
  }
  return ['found' => $found, 'infos' => []];
});
