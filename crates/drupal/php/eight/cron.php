<?php

/**
 * @file
 * Runs cron of a Drupal 8 or later site.
 */

require_once __DIR__ . '/site.php';
require_once dirname(__DIR__) . '/cron.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Eight::boot($question);
  return Aegir\Cron::run(static function () {
    return \Drupal::service('cron')->run();
  });
});
