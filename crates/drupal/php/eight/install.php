<?php

/**
 * @file
 * Installs a site of Drupal 8 or later into an empty database.
 *
 * The installer ends with a full run of cron, which fetches from the network and
 * indexes for up to half a minute. It is left to the first scheduled run.
 *
 * Once the site is installed its front page is built here, where PHP caches paths
 * and compiled code: the first visitor, whose PHP is held to folders, would wait
 * three times as long for it. What is kept is what the page is made of (discoveries,
 * registries, compiled templates); the page itself is not, so whoever then asks
 * whether the site answers has it made by the site's own PHP.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Driver::phase('install');
  Aegir\Driver::refuseInstalled(['config', 'key_value']);
  $loader = Aegir\Eight::load();
  Aegir\Driver::phase('install');
  require_once 'core/includes/install.core.inc';
  $state = [
    'interactive' => FALSE,
    'site_path' => 'sites/' . $question['site'],
    'server' => [],
    'server_pattern' => $question['translation_server'],
    'parameters' => ['profile' => $question['profile'], 'langcode' => $question['langcode']],
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
        // FALSE would be «an illegal choice».
        'enable_update_status_module' => NULL,
        'enable_update_status_emails' => NULL,
      ],
    ],
  ];
  $after = static function (array $state) {
    $task = isset($state['active_task']) ? $state['active_task'] : '';
    Aegir\Driver::phase("install: after $task");
    Aegir\Driver::progress($task);
    // Again after each task, because each may have rebuilt the container.
    if (!empty($state['base_system_verified'])) {
      Aegir\Eight::withoutCron(\Drupal::getContainer());
    }
  };
  try {
    install_drupal($loader, $state, $after);
  }
  catch (Throwable $thrown) {
    $task = isset($GLOBALS['install_state']['active_task']) ? $GLOBALS['install_state']['active_task'] : '';
    Aegir\Driver::phase($task ? "install: $task" : 'install');
    $class = (new ReflectionClass($thrown))->getShortName();
    if ($class === 'AlreadyInstalledException') {
      throw new Aegir\Fault('already-installed', $thrown->getMessage(), $thrown);
    }
    if (in_array($class, ['UnknownExtensionException', 'NoProfilesException'], TRUE) && strpos($thrown->getMessage(), $question['profile']) !== FALSE
      && !in_array($task, ['install_profile_modules', 'install_install_profile'], TRUE)) {
      throw new Aegir\Fault('unknown-profile', "the platform has no profile `{$question['profile']}`", $thrown);
    }
    if (in_array($task, ['install_verify_requirements', 'install_download_translation'], TRUE) && $thrown instanceof Exception) {
      throw new Aegir\Fault('requirements', $thrown->getMessage(), $thrown);
    }
    if ($task === 'install_settings_form') {
      throw new Aegir\Fault('bad-input', 'the settings.php of the site lacks a usable database, a hash salt or an existing config sync directory', $thrown);
    }
    throw $thrown;
  }
  Aegir\Driver::afterwards(static function () use ($question) {
    Aegir\Driver::phase('install: front page');
    // An end that PHP sees to: what was answered is told then.
    set_time_limit(60);
    Aegir\Eight::buildFrontPage($question);
  });
  return [
    'core_version' => \Drupal::VERSION,
    'site_path' => \Drupal::getContainer()->getParameter('site.path'),
    'site_name' => (string) \Drupal::config('system.site')->get('name'),
    'site_uuid' => (string) \Drupal::config('system.site')->get('uuid'),
    'profile' => (string) \Drupal::installProfile(),
    'langcode' => \Drupal::languageManager()->getDefaultLanguage()->getId(),
    'install_time' => (int) \Drupal::state()->get('install_time', 0),
  ];
}, ['profile', 'langcode', 'title', 'mail', 'account_name', 'account_mail', 'account_password', 'timezone', 'translation_server']);
