<?php

/**
 * @file
 * What running updates has in common, whatever the version of Drupal.
 */

namespace Aegir;

// Code that was changed this very moment is what counts, and not what PHP compiled of it a second ago.
ini_set('opcache.revalidate_freq', '0');

final class Updates {

  /** So many rounds are no update any more. */
  const ROUNDS = 1000000;

  /**
   * What the code warns of before updates; refuses where it says that they cannot run.
   *
   * @param array $requirements
   *   As the hook of that name returns them.
   * @param callable $text
   *   Makes plain text of what Drupal renders.
   */
  public static function requirements(array $requirements, callable $text) {
    $findings = [];
    $errors = [];
    foreach ($requirements as $id => $requirement) {
      $severity = isset($requirement['severity']) ? $requirement['severity'] : 0;
      // An enumeration since 11.2.
      $severity = is_object($severity) ? $severity->value : (int) $severity;
      if ($severity < 1) {
        continue;
      }
      $part = static function ($name, $default) use ($requirement, $text) {
        return $text(isset($requirement[$name]) ? $requirement[$name] : $default, 1000);
      };
      $finding = [
        'id' => (string) $id,
        'severity' => $severity > 1 ? 'error' : 'warning',
        'title' => $part('title', $id),
        'value' => $part('value', ''),
        'description' => $part('description', ''),
      ];
      $findings[] = $finding;
      if ($severity > 1) {
        $errors[] = implode(': ', array_filter([$finding['title'], $finding['value'], $finding['description']]));
      }
    }
    if ($errors) {
      throw new Fault('update-refused', implode('; ', $errors));
    }
    return $findings;
  }

  /**
   * From which update on each module is to be brought up to date.
   */
  public static function start(array $list) {
    $start = [];
    foreach ($list as $module => $update) {
      if (isset($update['warning'])) {
        throw new Fault('update-refused', $module . ': ' . Driver::plain($update['warning'], 1000));
      }
      if (isset($update['start'])) {
        $start[$module] = $update['start'];
      }
    }
    return $start;
  }

  /**
   * Which updates would run, in their order, with what the code says of each; refuses where one of them could not.
   *
   * @param array $list
   *   As `update_get_update_list()` returns it.
   */
  public static function pending(array $list) {
    $updates = [];
    foreach (update_resolve_dependencies(self::start($list)) as $function => $update) {
      self::mayRun($function, $update);
      list($module, $number) = [$update['module'], $update['number']];
      $text = isset($list[$module]['pending'][$number]) ? $list[$module]['pending'][$number] : '';
      // It begins with the number.
      $text = preg_replace('/^\s*\d+\s*-\s*/', '', $text);
      $updates[] = ['name' => $function, 'description' => Driver::plain($text, 300)];
    }
    return $updates;
  }

  /**
   * Refuses an update that depends on one that is not there: Drupal itself would pass over it.
   */
  public static function mayRun($function, array $update) {
    if (empty($update['allowed'])) {
      $missing = isset($update['missing_dependencies']) ? implode(', ', (array) $update['missing_dependencies']) : '';
      throw new Fault('update-refused', "$function cannot run: it depends on what is missing" . ($missing ? " ($missing)" : ''));
    }
  }

  /**
   * Runs one update to its end, in as many rounds as it takes, and tells of it.
   */
  public static function run($function, array &$results, callable $round, callable $result) {
    Driver::phase($function);
    $began = microtime(TRUE);
    $context = ['sandbox' => [], 'results' => &$results, 'message' => '', 'finished' => 1];
    $rounds = 0;
    do {
      $context['finished'] = 1;
      $round($context);
    } while ($context['finished'] < 1 && ++$rounds < self::ROUNDS && empty($results['#abort']));
    $told = $result($results);
    list($said, $failed) = self::read($told);
    Driver::update($function, (int) round((microtime(TRUE) - $began) * 1000), $said);
    if ($failed || $context['finished'] < 1 || !empty($results['#abort'])) {
      throw new Fault('update-failed', "$function failed" . ($said === '' ? '' : ": $said"));
    }
    Driver::phase('updates');
  }

  /**
   * What an update said, and whether any of it says that it failed.
   */
  private static function read(array $told) {
    $said = [];
    $failed = FALSE;
    $entries = isset($told['#abort']) ? ['#abort' => $told['#abort']] : [];
    if (isset($told['results'])) {
      $entries += is_array($told['results']) && !isset($told['results']['query']) ? $told['results'] : [$told['results']];
    }
    foreach ($entries as $entry) {
      $text = is_array($entry) ? (isset($entry['query']) ? $entry['query'] : '') : $entry;
      $failed = $failed || is_array($entry) && isset($entry['success']) && $entry['success'] === FALSE;
      $said[] = Driver::plain($text, 1000);
    }
    return [implode(' ', array_filter($said)), $failed || isset($told['#abort'])];
  }

  /**
   * Refuses to call that done which is not.
   */
  public static function noneLeft(array $list, array $post) {
    $left = $post;
    foreach ($list as $module => $update) {
      foreach (isset($update['pending']) ? array_keys($update['pending']) : [] as $number) {
        $left[] = "{$module}_update_$number";
      }
    }
    if ($left) {
      throw new Fault('update-failed', 'not done: ' . implode(', ', $left));
    }
  }

}
