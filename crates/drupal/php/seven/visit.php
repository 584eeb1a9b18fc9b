<?php

/**
 * @file
 * Asks a Drupal 7 site for a page, its front page unless told otherwise, as a visitor whom nobody knows, without a web server.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  if (isset($question['path']) && $question['path'] !== '') {
    $_GET['q'] = $question['path'];
  }
  Aegir\Seven::boot($question);
  Aegir\Driver::phase('visit');
  ob_start();
  menu_execute_active_handler();
  $page = (string) ob_get_clean();
  // Told to Drupal, or to PHP alone.
  $status = function_exists('drupal_get_http_header') ? (int) drupal_get_http_header('Status') : 0;
  return ['status' => $status ?: (http_response_code() ?: 200), 'said' => Aegir\Driver::plain($page, 200)];
});
