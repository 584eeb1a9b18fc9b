<?php

/**
 * @file
 * Builds the front page of a Drupal 7 site as an anonymous visitor gets it.
 *
 * Nothing that comes after a page is run: no cron, no writing of page caches.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Seven::boot($question);
  $_GET['q'] = drupal_get_normal_path(variable_get('site_frontpage', 'node'));
  $result = menu_execute_active_handler($_GET['q'], FALSE);
  $statuses = [MENU_NOT_FOUND => 404, MENU_ACCESS_DENIED => 403, MENU_SITE_OFFLINE => 503];
  if (is_int($result)) {
    $status = isset($statuses[$result]) ? $statuses[$result] : 500;
    $bytes = 0;
  }
  else {
    $status = 200;
    $bytes = strlen((string) drupal_render_page($result));
  }
  return ['site_path' => conf_path(), 'status' => $status, 'bytes' => $bytes];
});
