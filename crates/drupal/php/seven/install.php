<?php

/**
 * @file
 * Installs a site of Drupal 7 into an empty database.
 *
 * The installer is walked task by task instead of calling install_drupal(),
 * which tells nobody how far it is.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  global $install_state;

  Aegir\Driver::phase('install');
  Aegir\Driver::refuseInstalled(['variable', 'system']);
  define('MAINTENANCE_MODE', 'install');
  Aegir\Seven::aim($question);
  $profile = $question['profile'];
  if (!preg_match('/^\w+$/', $profile) || !is_file(DRUPAL_ROOT . "/profiles/$profile/$profile.profile")) {
    throw new Aegir\Fault('unknown-profile', "the platform has no profile `$profile`");
  }
  require_once DRUPAL_ROOT . '/includes/install.core.inc';
  $install_state = [
    'interactive' => FALSE,
    'server' => [],
    'parameters' => ['profile' => $profile, 'locale' => $question['langcode']],
    'forms' => [
      'install_configure_form' => [
        'site_name' => $question['title'],
        'site_mail' => $question['mail'],
        'account' => [
          'name' => $question['account_name'],
          'mail' => $question['account_mail'],
          'pass' => ['pass1' => $question['account_password'], 'pass2' => $question['account_password']],
        ],
        'site_default_country' => isset($question['country']) ? (string) $question['country'] : '',
        'date_default_timezone' => $question['timezone'],
        'clean_url' => TRUE,
        // FALSE would be «an illegal choice».
        'update_status_module' => [1 => NULL, 2 => NULL],
      ],
    ],
  ] + install_state_defaults();
  install_begin_request($install_state);
  Aegir\Seven::refuseOtherSite($question);
  if (!$install_state['settings_verified']) {
    throw new Aegir\Fault('bad-input', 'the settings.php of the site holds no usable database');
  }
  Aegir\Driver::progress('begin');

  do {
    $tasks = install_tasks_to_perform($install_state);
    if (!$tasks) {
      break;
    }
    $name = key($tasks);
    $task = array_shift($tasks);
    $install_state['active_task'] = $name;
    Aegir\Driver::phase("install: $name");
    try {
      install_run_task($task, $install_state);
    }
    catch (Exception $thrown) {
      if ($name === 'install_verify_requirements') {
        throw new Aegir\Fault('requirements', $thrown->getMessage(), $thrown);
      }
      throw $thrown;
    }
    if (!$install_state['task_not_complete']) {
      $install_state['tasks_performed'][] = $name;
      $install_state['installation_finished'] = empty($tasks);
      if ($install_state['database_tables_exist'] && ($task['run'] == INSTALL_TASK_RUN_IF_NOT_COMPLETED || !$tasks)) {
        variable_set('install_task', $tasks ? $name : 'done');
      }
    }
    Aegir\Driver::progress($name);
  } while ($tasks);

  if (variable_get('install_task') !== 'done') {
    throw new Aegir\Fault('exception', 'the installer ended before its last task');
  }
  return [
    'core_version' => VERSION,
    'site_path' => conf_path(),
    'site_name' => variable_get('site_name'),
    'profile' => drupal_get_profile(),
    'langcode' => language_default('language'),
    'install_time' => (int) variable_get('install_time', 0),
  ];
}, ['profile', 'langcode', 'title', 'mail', 'account_name', 'account_mail', 'account_password', 'timezone']);
