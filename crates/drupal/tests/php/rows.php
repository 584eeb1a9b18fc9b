<?php

/**
 * @file
 * Runs queries in an SQLite file, and prints each row's columns in hexadecimal.
 */

$asked = json_decode(stream_get_contents(STDIN), TRUE);
$database = new PDO('sqlite:' . $asked['file']);
// Drupal 8 and later define it for their columns.
$database->sqliteCreateCollation('NOCASE_UTF8', 'strcasecmp');
$answers = [];
foreach ($asked['queries'] as $query) {
  $rows = [];
  foreach ($database->query($query, PDO::FETCH_NUM) as $row) {
    $rows[] = array_map(static function ($column) {
      return $column === NULL ? NULL : bin2hex((string) $column);
    }, $row);
  }
  $answers[] = $rows;
}
echo json_encode($answers);
