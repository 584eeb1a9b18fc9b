<?php

/**
 * @file
 * Runs all updates of a Drupal 7 site that the code calls for, and rebuilds its caches.
 *
 * Nothing is done about what goes wrong: whoever asks works on a copy.
 */

require_once __DIR__ . '/for_updates.php';

Aegir\Driver::run(static function (array $question) {
  aegir_boot_for_updates($question);

  Aegir\Driver::phase('requirements');
  $findings = Aegir\Updates::requirements(module_invoke_all('requirements', 'update'), ['Aegir\Driver', 'plain']);
  $start = Aegir\Updates::start(update_get_update_list());
  $results = [];
  foreach (update_resolve_dependencies($start) as $function => $update) {
    $module = $update['module'];
    Aegir\Updates::mayRun($function, $update);
    if (isset($start[$module])) {
      drupal_set_installed_schema_version($module, $update['number'] - 1);
      unset($start[$module]);
    }
    $depend = !empty($update['reverse_paths']) ? array_keys($update['reverse_paths']) : [];
    Aegir\Updates::run($function, $results, static function (array &$context) use ($update, $depend) {
      update_do_one($update['module'], $update['number'], $depend, $context);
    }, static function (array $results) use ($update) {
      return isset($results[$update['module']][$update['number']]) ? $results[$update['module']][$update['number']] : [];
    });
  }
  Aegir\Driver::phase('caches');
  drupal_flush_all_caches();
  Aegir\Driver::progress('caches');
  Aegir\Updates::noneLeft(update_get_update_list(), []);
  return ['core_version' => VERSION, 'findings' => $findings, 'entity_changes' => []];
});
