<?php

/**
 * @file
 * Builds the front page of a Drupal 7 site as an anonymous visitor gets it.
 *
 * Cron, which Drupal 7 runs behind a page, is not run.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Seven::boot($question);
  $GLOBALS['conf']['cron_safe_threshold'] = 0;
  http_response_code(200);
  ob_start();
  menu_execute_active_handler();
  $page = (string) ob_get_clean();
  $status = (int) http_response_code();
  // The answer about it is a page that was found.
  http_response_code(200);
  return ['site_path' => conf_path(), 'status' => $status ? $status : 200, 'bytes' => strlen($page)];
});
