<?php

/**
 * @file
 * Answers a link that logs an account of a Drupal 8 or later site in, once.
 */

require_once __DIR__ . '/site.php';

Aegir\Driver::run(static function (array $question) {
  Aegir\Eight::boot($question);
  $uid = isset($question['uid']) ? (int) $question['uid'] : 1;
  $account = $uid ? \Drupal\user\Entity\User::load($uid) : NULL;
  if (!$account) {
    throw new Aegir\Fault('no-account', "the site has no account $uid");
  }
  if (!$account->isActive()) {
    throw new Aegir\Fault('blocked-account', "the account `{$account->getAccountName()}` is blocked");
  }
  return [
    'url' => Aegir\Driver::onOwnAddress(user_pass_reset_url($account)),
    'uid' => (int) $account->id(),
    'name' => $account->getAccountName(),
    'valid_seconds' => (int) \Drupal::config('user.settings')->get('password_reset_timeout'),
  ];
});
