<?php

/**
 * @file
 * Answers which pages of a Drupal 7 site show best whether it is well.
 *
 * They are the front page, the one to log in, and the newest of each kind of content.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Seven::boot($question);
  $newest = static function ($table, $id, $kind, $where, $path) {
    if (!db_table_exists($table)) {
      return [];
    }
    $ids = db_query_range("SELECT MAX($id) AS newest FROM {{$table}} $where GROUP BY $kind ORDER BY newest DESC", 0, 6)->fetchCol();
    return array_map(static function ($id) use ($path) {
      return "$path/$id";
    }, $ids);
  };
  return [
    'paths' => array_merge(
      ['', 'user'],
      $newest('node', 'nid', 'type', 'WHERE status = 1', 'node'),
      $newest('taxonomy_term_data', 'tid', 'vid', '', 'taxonomy/term')
    ),
  ];
});
