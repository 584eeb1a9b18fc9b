<?php

/**
 * @file
 * Runs cron of a Drupal 7 site.
 */

require_once __DIR__ . '/site.php';
require_once dirname(__DIR__) . '/cron.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Seven::boot($question);
  return Aegir\Cron::run('drupal_cron_run');
});
