<?php

/**
 * @file
 * Brings up a site of Drupal 7 for its updates, as Drupal's own page of updates does.
 */

require_once __DIR__ . '/site.php';
require_once dirname(__DIR__) . '/updates.php';

/**
 * Drupal's page of updates has it, and what it includes calls it.
 */
function update_extra_requirements($requirements = NULL) {
  static $extra = [];
  $extra += isset($requirements) ? $requirements : [];
  return $extra;
}

/**
 * Boots a site whose code may be newer than its data, and loads its updates.
 */
function aegir_boot_for_updates(array $question) {
  define('MAINTENANCE_MODE', 'update');
  Aegir\Driver::phase('boot');
  Aegir\Seven::aim($question);
  foreach (['bootstrap', 'update', 'common', 'file', 'entity', 'unicode'] as $part) {
    require_once DRUPAL_ROOT . "/includes/$part.inc";
  }
  drupal_page_is_cacheable(FALSE);
  update_prepare_d7_bootstrap();
  Aegir\Seven::refuseOtherSite($question);
  drupal_bootstrap(DRUPAL_BOOTSTRAP_SESSION);
  require_once DRUPAL_ROOT . '/includes/install.inc';
  require_once DRUPAL_ROOT . '/modules/system/system.install';
  drupal_bootstrap(DRUPAL_BOOTSTRAP_LANGUAGE);
  update_fix_d7_requirements();
  drupal_bootstrap(DRUPAL_BOOTSTRAP_FULL);
  drupal_maintenance_theme();
  require_once DRUPAL_ROOT . '/includes/batch.inc';
  drupal_load_updates();
}
