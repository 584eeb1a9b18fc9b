<?php

/**
 * @file
 * What Drupal 7 itself says of its packages: the judge of what we read.
 */

require_once dirname(__DIR__) . '/seven/site.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Seven::boot($question);
  require_once DRUPAL_ROOT . '/includes/install.inc';
  $found = [];
  foreach (system_rebuild_module_data() as $name => $module) {
    $found[] = ['module', $name, isset($module->info['version']) ? $module->info['version'] : NULL, dirname($module->filename), $module->status ? (int) $module->schema_version : NULL];
  }
  foreach (system_rebuild_theme_data() as $name => $theme) {
    $found[] = ['theme', $name, isset($theme->info['version']) ? $theme->info['version'] : NULL, dirname($theme->filename), $theme->status ? -1 : NULL];
  }
  $infos = [];
  foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator(DRUPAL_ROOT, FilesystemIterator::SKIP_DOTS)) as $file) {
    // A code base that only imitates Drupal is no judge of the format.
    if ($file->getExtension() === 'info' && function_exists('file_scan_directory')) {
      $infos[substr($file->getPathname(), strlen(DRUPAL_ROOT) + 1)] = drupal_parse_info_file($file->getPathname());
    }
  }
  return ['found' => $found, 'infos' => $infos];
});
