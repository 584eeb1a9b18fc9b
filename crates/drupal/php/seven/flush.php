<?php

/**
 * @file
 * Clears every cache of a Drupal 7 site, and finds code that moved.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Seven::bootTo($question, 'DRUPAL_BOOTSTRAP_VARIABLES');
  // Paths of modules that moved are remembered there, and would be used while
  // booting any further.
  cache_clear_all('*', 'cache_bootstrap', TRUE);
  drupal_static_reset();
  Aegir\Seven::bootFully();
  registry_rebuild();
  Aegir\Driver::progress('registry');
  system_rebuild_module_data();
  drupal_flush_all_caches();
  Aegir\Driver::progress('caches');
  return ['site_path' => conf_path()];
});
