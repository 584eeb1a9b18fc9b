<?php

/**
 * @file
 * Builds the front page of a Drupal 8 or later site as an anonymous visitor gets it.
 *
 * Nothing that comes after a page is run: no cron, no writing of page caches.
 */

use Symfony\Component\HttpFoundation\Request;

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  $kernel = Aegir\Eight::kernel($question);
  $kernel->boot();
  $container = $kernel->getContainer();
  Aegir\Eight::withoutCron($container);
  if ($container->has('page_cache_kill_switch')) {
    $container->get('page_cache_kill_switch')->trigger();
  }
  Aegir\Driver::phase('operation');
  $response = $kernel->handle(Request::create(rtrim($question['uri'], '/') . '/'));
  return [
    'site_path' => \Drupal::getContainer()->getParameter('site.path'),
    'status' => (int) $response->getStatusCode(),
    'bytes' => strlen((string) $response->getContent()),
  ];
});
