<?php

/**
 * @file
 * What running cron has in common, whatever the version of Drupal.
 *
 * A module whose part of cron throws does not end it: Drupal notes that in its
 * log and goes on. Where the site keeps its log in its database (module dblog,
 * which every profile of core has), what was noted meanwhile is told.
 */

namespace Aegir;

final class Cron {

  /** More complaints of one run are not told. */
  const MOST = 10;

  /**
   * Runs `$cron`, and answers what came of it.
   *
   * @param callable $cron
   *   Answers whether cron ran; if not, somebody else runs it just now.
   */
  public static function run(callable $cron) {
    $log = self::log();
    $before = $log ? self::last($log) : 0;
    $began = microtime(TRUE);
    $ran = (bool) $cron();
    $ms = (int) round((microtime(TRUE) - $began) * 1000);
    return ['ran' => $ran, 'ms' => $ms, 'complaints' => $ran && $log ? self::complaints($log, $before) : []];
  }

  /**
   * A connection to the database, if the site's log is there.
   */
  private static function log() {
    try {
      $log = Driver::database();
      $log->query('SELECT 1 FROM watchdog LIMIT 1');
      return $log;
    }
    catch (\Exception $none) {
      return NULL;
    }
  }

  private static function last(\PDO $log) {
    return (int) $log->query('SELECT MAX(wid) FROM watchdog')->fetchColumn();
  }

  /**
   * Errors and worse that cron noted behind the entry `$before`.
   */
  private static function complaints(\PDO $log, $before) {
    try {
      // Texts are compared here: of SQLite, Drupal alone has the collation of those columns.
      $rows = $log->query("SELECT message, variables, type FROM watchdog WHERE wid > $before AND severity <= 3 ORDER BY wid LIMIT 1000");
      $told = [];
      foreach ($rows as $row) {
        if ($row[2] !== 'cron' || count($told) === self::MOST) {
          continue;
        }
        $variables = @unserialize((string) $row[1], ['allowed_classes' => FALSE]);
        $scalars = is_array($variables) ? array_filter($variables, 'is_scalar') : [];
        $told[] = Driver::plain(strtr((string) $row[0], $scalars), 300);
      }
      return $told;
    }
    catch (\PDOException $unreadable) {
      // Cron ran, whatever became of its log.
      return [];
    }
  }

}
