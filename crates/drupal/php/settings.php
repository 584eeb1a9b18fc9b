<?php

/**
 * @file
 * What the settings of a site say that somebody else installed.
 *
 * The file is theirs, and may do anything; it is read as Drupal would read it
 * and nothing is booted. No connection to a database is made.
 */

namespace Aegir;

final class Theirs {

  /**
   * The answer, of variables as the settings left them.
   *
   * @param array $question
   *   The question.
   * @param mixed $databases
   *   As the settings have it.
   * @param string $salt
   *   What Drupal would take for it.
   * @param array $paths
   *   public_files, private_files, config_sync, base_url.
   * @param array $own
   *   Names of settings that are the site's own.
   * @param string[] $before
   *   The files that PHP had read before.
   */
  public static function answer(array $question, $databases, $salt, array $paths, array $own, array $before) {
    $databases = is_array($databases) ? $databases : [];
    $others = [];
    foreach ($databases as $key => $targets) {
      foreach (is_array($targets) ? array_keys($targets) : [] as $target) {
        $others[] = "$key/$target";
      }
    }
    $own_file = $question['root'] . '/sites/' . $question['site'] . '/settings.php';
    $includes = array_diff(get_included_files(), $before, [$own_file, (string) realpath($own_file)]);
    $inside = array_filter($includes, static function ($file) use ($question) {
      $path = strpos($file, $question['root'] . '/') === 0 ? substr($file, strlen($question['root']) + 1) : '';
      // What its settings have Drupal's own code load is none of theirs.
      return $path === '' ? strpos($file, '/vendor/') === FALSE : strpos($path, 'sites/') === 0;
    });
    $text = static function ($value) {
      return is_scalar($value) ? (string) $value : '';
    };
    return [
      'database' => self::database($question, isset($databases['default']['default']) ? $databases['default']['default'] : NULL),
      'other_databases' => array_values(array_diff($others, ['default/default'])),
      'hash_salt' => $text($salt),
      'own' => array_values(array_map('strval', $own)),
      'includes' => array_values($inside),
    ] + array_map($text, $paths);
  }

  /**
   * One connection, or NULL if there is nothing to connect to.
   */
  private static function database(array $question, $found) {
    // The first of several that Drupal would choose from.
    if (is_array($found) && !isset($found['driver']) && isset($found[0]) && is_array($found[0])) {
      $found = $found[0];
    }
    if (!is_array($found) || empty($found['driver']) || empty($found['database'])) {
      return NULL;
    }
    $text = static function ($key) use ($found) {
      return isset($found[$key]) && is_scalar($found[$key]) ? (string) $found[$key] : '';
    };
    $prefix = isset($found['prefix']) ? $found['prefix'] : (isset($GLOBALS['db_prefix']) ? $GLOBALS['db_prefix'] : '');
    $prefixes = is_array($prefix) ? $prefix + ['default' => ''] : ['default' => $prefix];
    $shared = array_filter($prefixes, static function ($other, $table) use ($prefixes) {
      return $table !== 'default' && $other !== $prefixes['default'];
    }, ARRAY_FILTER_USE_BOTH);
    $name = $text('database');
    if ($found['driver'] === 'sqlite' && $name[0] !== '/' && $name !== ':memory:') {
      $name = $question['root'] . '/' . preg_replace('~^(\./)+~', '', $name);
    }
    return [
      'driver' => $text('driver'),
      'host' => $text('host'),
      'port' => $text('port'),
      'socket' => $text('unix_socket'),
      'name' => $name,
      'user' => $text('username'),
      'password' => $text('password'),
      'prefix' => is_scalar($prefixes['default']) ? (string) $prefixes['default'] : '',
      'shared_tables' => array_map('strval', array_keys($shared)),
    ];
  }

}
