<?php

/**
 * @file
 * Asks a Drupal 8 or later site for a page, its front page unless told otherwise, as a visitor whom nobody knows, without a web server.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  $response = Aegir\Eight::buildFrontPage($question);
  return [
    'status' => (int) $response->getStatusCode(),
    'said' => Aegir\Driver::plain((string) $response->getContent(), 200),
  ];
});
