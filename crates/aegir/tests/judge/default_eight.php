<?php

/**
 * @file
 * Installs Drupal 8 and later into sites/default, whose settings are there,
 * as its own installer does, and has it hold a picture and a page that leads
 * to it. The working directory is the document root.
 */

use Drupal\node\Entity\Node;

$_SERVER = [
  'HTTP_HOST' => 'localhost',
  'SCRIPT_NAME' => '/index.php',
  'REMOTE_ADDR' => '127.0.0.1',
  'REQUEST_METHOD' => 'GET',
  'SERVER_SOFTWARE' => NULL,
] + $_SERVER;
$loader = require 'autoload.php';
require_once 'core/includes/install.core.inc';
install_drupal($loader, [
  'interactive' => FALSE,
  'site_path' => 'sites/default',
  'parameters' => ['profile' => 'standard', 'langcode' => 'en'],
  'forms' => [
    'install_configure_form' => [
      'site_name' => 'Made in default',
      'site_mail' => 'them@example.org',
      'account' => ['name' => 'them', 'mail' => 'them@example.org', 'pass' => ['pass1' => 'theirs', 'pass2' => 'theirs']],
      'site_default_country' => '',
      'date_default_timezone' => 'Europe/Vienna',
      'enable_update_status_module' => NULL,
      'enable_update_status_emails' => NULL,
    ],
  ],
]);

\Drupal::state()->set('theirs.kept', ['logo' => 'sites/default/files/picture.png']);
\Drupal::service('module_installer')->install(['theirs_own']);
ob_start();
imagepng(imagecreatetruecolor(20, 10));
\Drupal::service('file.repository')->writeData(ob_get_clean(), 'public://picture.png');
$node = Node::create([
  'type' => 'page',
  'title' => 'With a picture',
  'uid' => 1,
  'status' => 1,
  'body' => ['value' => '<a href="/sites/default/files/picture.png">The picture</a>', 'format' => 'full_html'],
]);
$node->save();
print "It has the page {$node->id()}.\n";
