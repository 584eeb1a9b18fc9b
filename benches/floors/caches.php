<?php

/**
 * @file
 * Has a tree's own code find a site's parts anew and clear its caches, bare: caches.php FAMILY SITE, in the document root.
 */

[, $family, $site] = $argv;
require __DIR__ . '/request.php';

if ($family === '7') {
  define('DRUPAL_ROOT', getcwd());
  require_once DRUPAL_ROOT . '/includes/bootstrap.inc';
  drupal_page_is_cacheable(FALSE);
  drupal_bootstrap(DRUPAL_BOOTSTRAP_VARIABLES);
  cache_clear_all('*', 'cache_bootstrap', TRUE);
  drupal_static_reset();
  drupal_bootstrap(DRUPAL_BOOTSTRAP_FULL);
  registry_rebuild();
  system_rebuild_module_data();
}
else {
  $loader = require getcwd() . '/autoload.php';
  $kernel = new \Drupal\Core\DrupalKernel('prod', $loader);
  \Drupal\Core\DrupalKernel::bootEnvironment();
  $kernel->setSitePath("sites/$site");
  \Drupal\Core\Site\Settings::initialize($kernel->getAppRoot(), "sites/$site", $loader);
  $kernel->invalidateContainer();
  $kernel->boot();
  $request = \Symfony\Component\HttpFoundation\Request::createFromGlobals();
  $kernel->getContainer()->get('request_stack')->push($request);
  $kernel->preHandle($request);
}
drupal_flush_all_caches();
