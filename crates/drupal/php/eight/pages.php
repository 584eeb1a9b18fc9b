<?php

/**
 * @file
 * Answers which pages of a Drupal 8 or later site show best whether it is well.
 *
 * They are the front page, the one to log in, and the newest of each kind of content.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Eight::boot($question);
  $database = \Drupal::database();
  $newest = static function ($table, $id, $kind, $where, $path) use ($database) {
    if (!$database->schema()->tableExists($table)) {
      return [];
    }
    $ids = $database->queryRange("SELECT MAX($id) AS newest FROM {{$table}} $where GROUP BY $kind ORDER BY newest DESC", 0, 6)->fetchCol();
    return array_map(static function ($id) use ($path) {
      return "$path/$id";
    }, $ids);
  };
  return [
    'paths' => array_merge(
      ['', 'user/login'],
      $newest('node_field_data', 'nid', 'type', 'WHERE status = 1', 'node'),
      $newest('taxonomy_term_field_data', 'tid', 'vid', '', 'taxonomy/term')
    ),
  ];
});
