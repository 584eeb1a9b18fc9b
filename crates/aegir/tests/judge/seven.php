<?php

/**
 * @file
 * What Drupal 7 itself says of a site: `php seven.php SITE [harden] [enable] [ledger] [write] [forget]`, in the document root.
 *
 * With `harden` its status report is drawn up first, which takes the write bits off what it finds writable.
 * With `enable` the module `platforms_own` is enabled, with `ledger` the module of that name in the site's own folder; with `forget` the next visitor has all caches filled.
 * With `write` a page, an alias and a logo name the folder of the site, an article shows the picture that was uploaded last, and somebody
 * has an account; the module `sites_own` is enabled, and the contributed module `views`, with a view of all content, if the site has them.
 */

[, $site] = $argv;
$_SERVER = ['HTTP_HOST' => $site, 'SERVER_NAME' => $site, 'REMOTE_ADDR' => '127.0.0.1', 'REQUEST_METHOD' => 'GET',
  'SCRIPT_NAME' => '/index.php', 'PHP_SELF' => '/index.php', 'REQUEST_URI' => '/', 'SERVER_SOFTWARE' => '', 'SERVER_PROTOCOL' => 'HTTP/1.1'] + $_SERVER;
define('DRUPAL_ROOT', getcwd());
require_once DRUPAL_ROOT . '/includes/bootstrap.inc';
drupal_bootstrap(DRUPAL_BOOTSTRAP_FULL);
if (in_array('harden', $argv, TRUE)) {
  require_once DRUPAL_ROOT . '/includes/install.inc';
  drupal_load_updates();
  module_invoke_all('requirements', 'runtime');
}
if (in_array('enable', $argv, TRUE)) {
  module_enable(['platforms_own']);
  drupal_flush_all_caches();
}
if (in_array('ledger', $argv, TRUE)) {
  system_rebuild_module_data();
  module_enable(['ledger']);
  drupal_flush_all_caches();
}
if (in_array('write', $argv, TRUE)) {
  system_rebuild_module_data();
  if (drupal_get_path('module', 'sites_own')) {
    module_enable(['sites_own']);
    drupal_flush_all_caches();
  }
  if (drupal_get_path('module', 'views')) {
    module_enable(['views']);
    drupal_flush_all_caches();
    $view = views_new_view();
    $view->name = $view->human_name = 'ours';
    $view->base_table = 'node';
    $view->display['default']->display_options = ['style_plugin' => 'default', 'row_plugin' => 'node'];
    $view->new_display('page', 'Page')->set_option('path', 'a-view-of-ours');
    views_save_view($view);
  }
  $node = (object) ['type' => 'page', 'language' => LANGUAGE_NONE, 'title' => 'A page of ours', 'uid' => 1];
  node_object_prepare($node);
  $node->status = 1;
  $node->body[LANGUAGE_NONE][0] = ['value' => "<a href=\"/sites/$site/files/linked.txt\">a file</a>", 'summary' => '', 'format' => 'full_html'];
  $node->path = ['alias' => 'a-page-of-ours'];
  node_save($node);
  $node = (object) ['type' => 'article', 'language' => LANGUAGE_NONE, 'title' => 'A picture of ours', 'uid' => 1];
  node_object_prepare($node);
  $node->status = $node->promote = 1;
  $fid = db_query("SELECT MAX(fid) FROM {file_managed} WHERE filemime = 'image/png'")->fetchField();
  $node->field_image[LANGUAGE_NONE][0] = ['fid' => $fid, 'alt' => 'a picture', 'title' => ''];
  $node->path = ['alias' => 'a-picture-of-ours'];
  node_save($node);
  user_save(drupal_anonymous_user(), ['name' => 'Somebody Else', 'mail' => 'else@example.org', 'status' => 1, 'pass' => 'nobody knows']);
  $theme = variable_get('theme_default', 'bartik');
  variable_set("theme_{$theme}_settings", ['default_logo' => 0, 'logo_path' => "sites/$site/files/logo.png", 'toggle_logo' => 1]);
  drupal_flush_all_caches();
}
$letter = ['send' => TRUE];
drupal_alter('mail', $letter);
$account = user_load(1);
$language = language_default('language');
$all = static function ($query) {
  $found = db_query($query)->fetchCol();
  sort($found);
  return $found;
};
print json_encode([
  'site' => conf_path(),
  'title' => variable_get('site_name'),
  'mail' => variable_get('site_mail'),
  'language' => $language,
  'time_zone' => variable_get('date_default_timezone'),
  'account' => $account->name,
  'account_mail' => $account->mail,
  'profile' => drupal_get_profile(),
  'writes' => !empty($letter['send']),
  'cron_key' => variable_get('cron_key'),
  'holds' => [
    'package' => class_exists('SitesOwn') ? SitesOwn::WHAT . ' of ' . str_replace("sites/$site/", '', drupal_get_path('module', 'sites_own')) : 'none',
    'view' => module_exists('views') ? array_values(array_map(static function ($node) { return $node->title; }, node_load_multiple(array_column(views_get_view_result('ours'), 'nid')))) : [],
    'accounts' => $all('SELECT name FROM {users}'),
    'content' => module_exists('node') ? $all('SELECT title FROM {node}') : [],
    'aliases' => module_exists('path') ? array_map('implode', db_query('SELECT source, alias FROM {url_alias} ORDER BY pid')->fetchAll(PDO::FETCH_NUM)) : [],
    'files' => $all('SELECT uri FROM {file_managed}'),
  ],
  'log_in' => t('Log in', [], ['langcode' => $language]),
]);
if (in_array('forget', $argv, TRUE)) {
  foreach (['cache', 'cache_bootstrap', 'cache_menu', 'cache_page'] as $bin) {
    cache_clear_all('*', $bin, TRUE);
  }
}
