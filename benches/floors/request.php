<?php

/**
 * @file
 * Has $site look asked for, as Drupal wants it before it boots.
 */

$_SERVER = [
  'HTTP_HOST' => $site,
  'SERVER_NAME' => $site,
  'SERVER_PORT' => '80',
  'SERVER_PROTOCOL' => 'HTTP/1.1',
  'SERVER_SOFTWARE' => 'floor',
  'REMOTE_ADDR' => '127.0.0.1',
  'REQUEST_METHOD' => 'GET',
  'REQUEST_URI' => '/',
  'SCRIPT_NAME' => '/index.php',
  'SCRIPT_FILENAME' => getcwd() . '/index.php',
  'PHP_SELF' => '/index.php',
  'HTTP_USER_AGENT' => 'floor',
] + $_SERVER;
