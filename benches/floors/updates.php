<?php

/**
 * @file
 * Runs a tree's own updates on a site, bare: updates.php FAMILY SITE, in the document root.
 */

[, $family, $site] = $argv;
require __DIR__ . '/request.php';

/**
 * Runs one part of an update until that says it is at its end.
 */
function to_its_end(callable $round) {
  $context = ['sandbox' => [], 'results' => [], 'message' => ''];
  do {
    $context['finished'] = 1;
    $round($context);
    if (!empty($context['results']['#abort'])) {
      exit(1);
    }
  } while ($context['finished'] < 1);
}

if ($family === '7') {
  /**
   * What Drupal's page of updates has, and what it includes calls.
   */
  function update_extra_requirements($requirements = NULL) {
    static $extra = [];
    $extra += isset($requirements) ? $requirements : [];
    return $extra;
  }

  define('DRUPAL_ROOT', getcwd());
  define('MAINTENANCE_MODE', 'update');
  foreach (['bootstrap', 'update', 'common', 'file', 'entity', 'unicode'] as $part) {
    require_once DRUPAL_ROOT . "/includes/$part.inc";
  }
  drupal_page_is_cacheable(FALSE);
  update_prepare_d7_bootstrap();
  drupal_bootstrap(DRUPAL_BOOTSTRAP_SESSION);
  require_once DRUPAL_ROOT . '/includes/install.inc';
  require_once DRUPAL_ROOT . '/modules/system/system.install';
  drupal_bootstrap(DRUPAL_BOOTSTRAP_LANGUAGE);
  update_fix_d7_requirements();
  drupal_bootstrap(DRUPAL_BOOTSTRAP_FULL);
  drupal_maintenance_theme();
  require_once DRUPAL_ROOT . '/includes/batch.inc';
}
else {
  $loader = require getcwd() . '/autoload.php';
  $kernel = new \Drupal\Core\Update\UpdateKernel('prod', $loader, FALSE);
  \Drupal\Core\DrupalKernel::bootEnvironment();
  $kernel->setSitePath("sites/$site");
  \Drupal\Core\Site\Settings::initialize($kernel->getAppRoot(), "sites/$site", $loader);
  $kernel->boot();
  $request = \Symfony\Component\HttpFoundation\Request::createFromGlobals();
  $kernel->getContainer()->get('request_stack')->push($request);
  $kernel->preHandle($request);
  require_once 'core/includes/install.inc';
  require_once 'core/includes/update.inc';
}

drupal_load_updates();
$start = [];
foreach (update_get_update_list() as $module => $update) {
  if (isset($update['start'])) {
    $start[$module] = $update['start'];
  }
}
$registry = $family !== '7' && \Drupal::hasService('update.update_hook_registry') ? \Drupal::service('update.update_hook_registry') : NULL;
foreach (update_resolve_dependencies($start) as $update) {
  $module = $update['module'];
  if (isset($start[$module])) {
    $registry ? $registry->setInstalledVersion($module, $update['number'] - 1) : drupal_set_installed_schema_version($module, $update['number'] - 1);
    unset($start[$module]);
  }
  $depend = !empty($update['reverse_paths']) ? array_keys($update['reverse_paths']) : [];
  to_its_end(static function (array &$context) use ($update, $depend) {
    update_do_one($update['module'], $update['number'], $depend, $context);
  });
}
drupal_flush_all_caches();
if ($family !== '7' && ($pending = \Drupal::service('update.post_update_registry')->getPendingUpdateFunctions())) {
  foreach ($pending as $function) {
    to_its_end(static function (array &$context) use ($function) {
      update_invoke_post_update($function, $context);
    });
  }
  drupal_flush_all_caches();
}
