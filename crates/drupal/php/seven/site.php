<?php

/**
 * @file
 * Brings up a site of Drupal 7.
 *
 * Drupal 7 finds the directory of a site by the host name alone, so the name of
 * the directory stands in for it; the real address is given as `$base_url`.
 */

namespace Aegir;

require_once dirname(__DIR__) . '/prelude.php';

final class Seven {

  /**
   * Points Drupal at the site, before any of its code runs.
   */
  public static function aim(array $question) {
    define('DRUPAL_ROOT', getcwd());
    if (!is_file(DRUPAL_ROOT . '/includes/bootstrap.inc')) {
      throw new Fault('bad-input', 'the platform is no Drupal 7: it lacks includes/bootstrap.inc');
    }
    $_SERVER['HTTP_HOST'] = $question['site'];
    $GLOBALS['base_url'] = rtrim($question['uri'], '/');
  }

  /**
   * Boots the site fully.
   */
  public static function boot(array $question) {
    self::bootTo($question, 'DRUPAL_BOOTSTRAP_VARIABLES');
    self::bootFully();
  }

  /**
   * Boots the site to a phase, given by the name of its constant.
   */
  public static function bootTo(array $question, $phase) {
    Driver::phase('boot');
    self::aim($question);
    require_once DRUPAL_ROOT . '/includes/bootstrap.inc';
    // A cached front page would be sent instead of booting any further.
    drupal_page_is_cacheable(FALSE);
    drupal_bootstrap(DRUPAL_BOOTSTRAP_CONFIGURATION);
    self::refuseOtherSite($question);
    // Any later phase asks tables that may not be there.
    require_once DRUPAL_ROOT . '/includes/database/database.inc';
    if (!db_table_exists('variable')) {
      throw new Fault('not-installed', 'the database holds no Drupal site');
    }
    drupal_bootstrap(constant($phase));
  }

  /**
   * Boots a site the rest of the way.
   */
  public static function bootFully() {
    drupal_bootstrap(DRUPAL_BOOTSTRAP_FULL);
    $_SERVER['HTTP_HOST'] = Driver::host();
    Driver::phase('operation');
  }

  /**
   * Refuses to go on with a site that is not the one asked about.
   */
  public static function refuseOtherSite(array $question) {
    if (conf_path() !== 'sites/' . $question['site']) {
      throw new Fault('wrong-site', 'Drupal chose the directory `' . conf_path() . '`: see sites/sites.php');
    }
  }

}
