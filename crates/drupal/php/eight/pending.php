<?php

/**
 * @file
 * Answers which updates the code of a Drupal 8 or later site calls for, and runs none.
 */

require_once __DIR__ . '/site.php';
require_once dirname(__DIR__) . '/updates.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Eight::readyForUpdates($question);
  $updates = Aegir\Updates::pending(update_get_update_list());
  foreach (\Drupal::service('update.post_update_registry')->getPendingUpdateFunctions() as $function) {
    $text = function_exists($function) ? (string) (new \ReflectionFunction($function))->getDocComment() : '';
    $updates[] = ['name' => $function, 'description' => Aegir\Driver::plain(trim(preg_replace('~[\s*/]+~', ' ', $text)), 300)];
  }
  return ['core_version' => \Drupal::VERSION, 'updates' => $updates];
});
