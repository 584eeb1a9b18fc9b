<?php

/**
 * @file
 * Answers what the status report of a Drupal 8 or later site warns about.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Eight::boot($question);
  require_once 'core/includes/install.inc';
  drupal_load_updates();
  $findings = [];
  foreach (\Drupal::service('system.manager')->listRequirements() as $id => $requirement) {
    $severity = isset($requirement['severity']) ? $requirement['severity'] : 0;
    // An enumeration since 11.2.
    $severity = is_object($severity) ? $severity->value : (int) $severity;
    // REQUIREMENT_WARNING and REQUIREMENT_ERROR, named otherwise from 11.2 on.
    if ($severity < 1) {
      continue;
    }
    $findings[] = [
      'id' => (string) $id,
      'severity' => $severity > 1 ? 'error' : 'warning',
      'title' => Aegir\Eight::text(isset($requirement['title']) ? $requirement['title'] : $id),
      'value' => Aegir\Eight::text(isset($requirement['value']) ? $requirement['value'] : ''),
      'description' => Aegir\Eight::text(isset($requirement['description']) ? $requirement['description'] : ''),
    ];
  }
  return ['findings' => $findings];
});
