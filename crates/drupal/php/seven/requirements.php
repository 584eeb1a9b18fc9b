<?php

/**
 * @file
 * Answers what the status report of a Drupal 7 site warns about.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Seven::boot($question);
  require_once DRUPAL_ROOT . '/includes/install.inc';
  drupal_load_updates();
  $findings = [];
  foreach (module_invoke_all('requirements', 'runtime') as $id => $requirement) {
    $severity = isset($requirement['severity']) ? $requirement['severity'] : REQUIREMENT_OK;
    if ($severity !== REQUIREMENT_WARNING && $severity !== REQUIREMENT_ERROR) {
      continue;
    }
    $findings[] = [
      'id' => (string) $id,
      'severity' => $severity === REQUIREMENT_ERROR ? 'error' : 'warning',
      'title' => Aegir\Driver::plain(isset($requirement['title']) ? $requirement['title'] : $id),
      'value' => Aegir\Driver::plain(isset($requirement['value']) ? $requirement['value'] : ''),
      'description' => Aegir\Driver::plain(isset($requirement['description']) ? $requirement['description'] : '', 1000),
    ];
  }
  return ['findings' => $findings];
});
