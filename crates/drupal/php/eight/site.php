<?php

/**
 * @file
 * Brings up a site of Drupal 8.8 or later.
 *
 * The directory of the site is given to the kernel, so that neither the host
 * name nor sites/sites.php can lead to another one.
 */

namespace Aegir;

use Drupal\Core\CronInterface;
use Drupal\Core\DrupalKernel;
use Drupal\Core\Site\Settings;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\Routing\Route;

require_once dirname(__DIR__) . '/prelude.php';

final class Eight {

  /**
   * Loads the code of the platform, and none of the site's.
   *
   * @return object
   *   The class loader.
   */
  public static function load() {
    Driver::phase('load');
    if (!is_file('autoload.php') || !is_file('core/lib/Drupal.php')) {
      throw new Fault('bad-input', 'the platform is no Drupal 8 or later: it lacks autoload.php or core/lib/Drupal.php');
    }
    return require getcwd() . '/autoload.php';
  }

  /**
   * Boots the site fully, as for a request of its front page.
   */
  public static function boot(array $question) {
    self::ready(self::kernel($question));
  }

  /**
   * A kernel that knows the site's settings, not booted yet.
   */
  public static function kernel(array $question, $class = 'Drupal\Core\DrupalKernel', $may_keep_its_container = TRUE) {
    $loader = self::load();
    Driver::phase('boot');
    $site_path = 'sites/' . $question['site'];
    $kernel = new $class('prod', $loader, $may_keep_its_container);
    DrupalKernel::bootEnvironment();
    $kernel->setSitePath($site_path);
    Settings::initialize($kernel->getAppRoot(), $site_path, $loader);
    return $kernel;
  }

  /**
   * Boots a kernel to where a page would be built.
   */
  public static function ready(DrupalKernel $kernel) {
    $request = Request::createFromGlobals();
    // A route of its own, so that code that asks for the current one is served.
    $names = interface_exists('Drupal\Core\Routing\RouteObjectInterface')
      ? 'Drupal\Core\Routing\RouteObjectInterface'
      : 'Symfony\Cmf\Component\Routing\RouteObjectInterface';
    $request->attributes->set(constant("$names::ROUTE_OBJECT"), new Route('<none>'));
    $request->attributes->set(constant("$names::ROUTE_NAME"), '<none>');
    $kernel->boot();
    if (!\Drupal::config('system.site')->get('uuid')) {
      throw new Fault('not-installed', 'the database holds no Drupal site');
    }
    $kernel->getContainer()->get('request_stack')->push($request);
    $kernel->preHandle($request);
    Driver::phase('operation');
  }

  /**
   * Boots a site whose code may be newer than its data, and loads its updates.
   */
  public static function readyForUpdates(array $question) {
    // This kernel makes its container anew: that of other code would not even boot.
    self::ready(self::kernel($question, 'Drupal\Core\Update\UpdateKernel', FALSE));
    require_once 'core/includes/install.inc';
    require_once 'core/includes/update.inc';
    drupal_load_updates();
  }

  /**
   * Builds what the front page of a visitor is made of; keeps no page.
   *
   * @return object
   *   The page.
   */
  public static function buildFrontPage(array $question) {
    $kernel = self::kernel($question);
    $kernel->boot();
    $container = $kernel->getContainer();
    self::withoutCron($container);
    if ($container->has('page_cache_kill_switch')) {
      $container->get('page_cache_kill_switch')->trigger();
    }
    $request = Request::createFromGlobals();
    $response = $kernel->handle($request);
    // Registries and discoveries are written down here.
    $kernel->terminate($request, $response);
    return $response;
  }

  /**
   * Has nothing run cron in this process.
   */
  public static function withoutCron($container) {
    if ($container->has('cron')) {
      $container->set('cron', new class implements CronInterface {

        public function run() {
          return FALSE;
        }

      });
    }
  }

  /**
   * Plain text of what may be a render array.
   */
  public static function text($value, $limit = 1000) {
    if (is_array($value)) {
      $renderer = \Drupal::service('renderer');
      try {
        $value = method_exists($renderer, 'renderInIsolation') ? $renderer->renderInIsolation($value) : $renderer->renderPlain($value);
      }
      catch (\Throwable $unrenderable) {
        $value = '';
      }
    }
    return Driver::plain($value, $limit);
  }

}
