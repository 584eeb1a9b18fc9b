<?php

/**
 * @file
 * Answers a link that logs an account of a Drupal 7 site in, once.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Seven::boot($question);
  $uid = isset($question['uid']) ? (int) $question['uid'] : 1;
  $account = user_load($uid);
  if (!$account || !$account->uid) {
    throw new Aegir\Fault('no-account', "the site has no account $uid");
  }
  if (!$account->status) {
    throw new Aegir\Fault('blocked-account', "the account `{$account->name}` is blocked");
  }
  return [
    'url' => Aegir\Driver::onOwnAddress(user_pass_reset_url($account)),
    'uid' => (int) $account->uid,
    'name' => $account->name,
    'valid_seconds' => (int) variable_get('user_password_reset_timeout', 86400),
  ];
});
