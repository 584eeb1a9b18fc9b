<?php

/**
 * @file
 * Installs Drupal 7 into sites/default, whose settings are there, as its own
 * installer does, and has it hold a picture and a page that leads to it. The
 * working directory is the document root.
 */

define('DRUPAL_ROOT', getcwd());
define('MAINTENANCE_MODE', 'install');
$server = [
  'HTTP_HOST' => 'localhost',
  'SCRIPT_NAME' => '/index.php',
  'REMOTE_ADDR' => '127.0.0.1',
  'REQUEST_METHOD' => 'GET',
  'SERVER_SOFTWARE' => NULL,
];
$_SERVER = $server + $_SERVER;
require_once DRUPAL_ROOT . '/includes/install.core.inc';
install_drupal([
  'interactive' => FALSE,
  'server' => $server,
  'parameters' => ['profile' => 'standard', 'locale' => 'en'],
  'forms' => [
    'install_configure_form' => [
      'site_name' => 'Made in default',
      'site_mail' => 'them@example.org',
      'account' => ['name' => 'them', 'mail' => 'them@example.org', 'pass' => ['pass1' => 'theirs', 'pass2' => 'theirs']],
      'site_default_country' => '',
      'date_default_timezone' => 'Europe/Vienna',
      'clean_url' => TRUE,
      'update_status_module' => [1 => NULL, 2 => NULL],
    ],
  ],
]);

variable_set('file_public_path', 'sites/default/files');
variable_set('theirs_kept', ['logo' => 'sites/default/files/picture.png']);
module_enable(['theirs_own']);
ob_start();
imagepng(imagecreatetruecolor(20, 10));
file_save_data(ob_get_clean(), 'public://picture.png', FILE_EXISTS_REPLACE);
$node = (object) ['type' => 'page', 'title' => 'With a picture', 'language' => LANGUAGE_NONE, 'uid' => 1];
node_object_prepare($node);
$node->body[LANGUAGE_NONE][0] = [
  'value' => '<a href="/sites/default/files/picture.png">The picture</a>',
  'format' => 'full_html',
];
node_save($node);
print "It has the page $node->nid.\n";
