<?php

/**
 * @file
 * Asks a Drupal 7 site for its front page, as a visitor whom nobody knows, without a web server.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Seven::boot($question);
  Aegir\Driver::phase('visit');
  ob_start();
  menu_execute_active_handler();
  $page = (string) ob_get_clean();
  $status = (int) drupal_get_http_header('Status');
  return ['status' => $status ?: 200, 'said' => Aegir\Driver::plain($page, 200)];
});
