<?php

/**
 * @file
 * Rebuilds the container of a Drupal 8 or later site, and clears every cache.
 *
 * Like core/rebuild.php, which finds its site by the host name.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  $kernel = Aegir\Eight::kernel($question);
  // A container that names code which is gone would not even boot.
  $kernel->invalidateContainer();
  Aegir\Eight::ready($kernel);
  Aegir\Driver::progress('container');
  drupal_flush_all_caches();
  Aegir\Driver::progress('caches');
  return ['site_path' => \Drupal::getContainer()->getParameter('site.path')];
});
