<?php

/**
 * @file
 * Answers which updates the code of a Drupal 7 site calls for, and runs none.
 */

require_once __DIR__ . '/for_updates.php';

Aegir\Driver::run(static function (array $question) {
  aegir_boot_for_updates($question);
  return ['core_version' => VERSION, 'updates' => Aegir\Updates::pending(update_get_update_list())];
});
