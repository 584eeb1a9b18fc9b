<?php

/**
 * @file
 * Runs all updates of a Drupal 8 or later site that the code calls for: of the schema, then those after it.
 *
 * Nothing is done about what goes wrong: whoever asks works on a copy.
 */

require_once __DIR__ . '/site.php';
require_once dirname(__DIR__) . '/updates.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Eight::readyForUpdates($question);

  Aegir\Driver::phase('requirements');
  $requirements = function_exists('update_check_requirements')
    ? update_check_requirements()
    : \Drupal::moduleHandler()->invokeAll('requirements', ['update']);
  $findings = Aegir\Updates::requirements($requirements, ['Aegir\Eight', 'text']);
  $start = Aegir\Updates::start(update_get_update_list());
  $registry = \Drupal::hasService('update.update_hook_registry') ? \Drupal::service('update.update_hook_registry') : NULL;
  $results = [];
  foreach (update_resolve_dependencies($start) as $function => $update) {
    $module = $update['module'];
    Aegir\Updates::mayRun($function, $update);
    if (isset($start[$module])) {
      // The registry came with 9.3.
      $registry ? $registry->setInstalledVersion($module, $update['number'] - 1) : drupal_set_installed_schema_version($module, $update['number'] - 1);
      unset($start[$module]);
    }
    $depend = !empty($update['reverse_paths']) ? array_keys($update['reverse_paths']) : [];
    Aegir\Updates::run($function, $results, static function (array &$context) use ($update, $depend) {
      update_do_one($update['module'], $update['number'], $depend, $context);
    }, static function (array $results) use ($update) {
      return isset($results[$update['module']][$update['number']]) ? $results[$update['module']][$update['number']] : [];
    });
  }
  $pending = static function () {
    return \Drupal::service('update.post_update_registry')->getPendingUpdateFunctions();
  };
  if ($pending()) {
    Aegir\Driver::phase('caches');
    drupal_flush_all_caches();
    Aegir\Driver::progress('caches');
    // Asked again: code that the updates enabled may have more.
    foreach ($pending() as $function) {
      Aegir\Updates::run($function, $results, static function (array &$context) use ($function) {
        update_invoke_post_update($function, $context);
      }, static function (array $results) use ($function) {
        // `module_post_update_name` is kept under both parts.
        list($module, $name) = explode('_post_update_', $function, 2);
        return isset($results[$module][$name]) ? $results[$module][$name] : [];
      });
    }
  }
  Aegir\Driver::phase('caches');
  drupal_flush_all_caches();
  Aegir\Driver::progress('caches');
  Aegir\Updates::noneLeft(update_get_update_list(), $pending());
  $changes = [];
  if (\Drupal::hasService('entity.definition_update_manager')) {
    foreach (\Drupal::service('entity.definition_update_manager')->getChangeSummary() as $type => $texts) {
      foreach ($texts as $text) {
        $changes[] = $type . ': ' . Aegir\Driver::plain($text, 300);
      }
    }
  }
  return ['core_version' => \Drupal::VERSION, 'findings' => $findings, 'entity_changes' => $changes];
});
