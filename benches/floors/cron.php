<?php

/**
 * @file
 * Has a tree's own code run cron of the site that is asked for, bare, in php-fpm: FAMILY and the document root are told
 * by the web server.
 */

chdir($_SERVER['DOCUMENT_ROOT']);
$family = $_SERVER['FAMILY'];
$site = $_SERVER['HTTP_HOST'];
require __DIR__ . '/request.php';

if ($family === '7') {
  define('DRUPAL_ROOT', getcwd());
  require_once DRUPAL_ROOT . '/includes/bootstrap.inc';
  drupal_bootstrap(DRUPAL_BOOTSTRAP_FULL);
  $ran = drupal_cron_run();
}
else {
  $loader = require getcwd() . '/autoload.php';
  $kernel = new \Drupal\Core\DrupalKernel('prod', $loader);
  \Drupal\Core\DrupalKernel::bootEnvironment();
  $kernel->setSitePath("sites/$site");
  \Drupal\Core\Site\Settings::initialize($kernel->getAppRoot(), "sites/$site", $loader);
  $kernel->boot();
  $request = \Symfony\Component\HttpFoundation\Request::createFromGlobals();
  $kernel->getContainer()->get('request_stack')->push($request);
  $kernel->preHandle($request);
  $ran = \Drupal::service('cron')->run();
}
http_response_code($ran ? 200 : 500);
echo $ran ? 'ran' : 'did not run';
