<?php

/**
 * @file
 * Carries one question to Drupal and one answer back, whatever the site does.
 *
 * The question is a JSON object on standard input. Everything told goes to
 * descriptor 3, one JSON object per line (in php-fpm the question is what was
 * posted, and what is told are the last lines of the page):
 *
 *   {"progress": {"task", "ms"}}    any number of times
 *   {"update": {"name", "ms", "output"}}  for each update that ran
 *   {"answer": {...}}               then the exit status is 0
 *   {"fault": {"kind", "message", "at", "phase", "stray", "class"}}
 *
 * A site's code may print, warn, exit or die: none of it reaches descriptor 3.
 * What it printed is kept, shortened, as `stray`.
 *
 * Invariants:
 * - Exactly one answer or fault is told by a process that ends by itself.
 * - No secret of the question appears in what is told.
 * - What an operation answered stands, even if the site breaks afterwards.
 */

namespace Aegir;

/**
 * An end that an operation chose itself, with the kind that the caller reads.
 */
final class Fault extends \Exception {

  /** @var string */
  public $kind;

  public function __construct($kind, $message, $cause = NULL) {
    parent::__construct($message, 0, $cause);
    $this->kind = $kind;
  }

}

/**
 * The conversation. Static, because Drupal 7 clears and owns the globals.
 */
final class Driver {

  const CREDENTIALS = ['db_type', 'db_host', 'db_port', 'db_socket', 'db_user', 'db_passwd', 'db_name', 'hash_salt'];

  const STRAY_LIMIT = 2000;

  const MESSAGE_LIMIT = 4000;

  /** @var array The question. */
  private static $question = [];

  /** @var resource|null Descriptor 3. */
  private static $channel;

  /** @var string What is told at the end, where there is no descriptor 3. */
  private static $page = '';

  /** @var string What was going on, for the one who reads a fault. */
  private static $phase = 'input';

  /** @var array|null An answer that is known but not told yet. */
  private static $answer;

  /** @var callable|null What may be done once the answer is known. */
  private static $afterthought;

  private static $told = FALSE;

  /** @var string The end of what the site printed. */
  private static $stray = '';

  /** @var string[] Texts that must not be repeated. */
  private static $secrets = [];

  /** @var string|null Memory given back when the process dies for want of it. */
  private static $reserve;

  /** @var float */
  private static $since;

  /**
   * Reads the question, lets `$operation` answer it, and ends the process.
   *
   * @param callable $operation
   *   Takes the question and returns the answer, both arrays.
   * @param string[] $fields
   *   Fields of the question that this operation needs, as non-empty texts.
   */
  public static function run(callable $operation, array $fields = []) {
    self::$channel = self::isPage() ? NULL : @fopen('php://fd/3', 'w');
    if (!self::$channel && !self::isPage()) {
      fwrite(STDERR, "this script answers on descriptor 3, which is not open\n");
      exit(64);
    }
    self::$since = microtime(TRUE);
    self::$reserve = str_repeat(' ', 262144);
    // Registered before anything of Drupal's, therefore the first to be called.
    register_shutdown_function([self::class, 'end']);
    // Standard output is no channel: nothing of a site's may fill it.
    ob_start([self::class, 'swallow'], 8192);
    try {
      self::read($fields);
      self::prepare();
      self::$answer = $operation(self::$question);
      if (self::$afterthought) {
        (self::$afterthought)();
      }
      self::$phase = 'shutdown';
      if (function_exists('_drupal_shutdown_function')) {
        self::passOver('chdir(): open_basedir');
        _drupal_shutdown_function();
      }
    }
    catch (\Throwable $thrown) {
      if (self::$answer === NULL) {
        self::tell(['fault' => self::explain($thrown)]);
      }
    }
    exit(0);
  }

  /**
   * Whether it runs behind a web server's PHP, and not on the command line.
   */
  private static function isPage() {
    return PHP_SAPI !== 'cli';
  }

  /**
   * Says what the operation is at.
   */
  public static function phase($phase) {
    self::$phase = $phase;
  }

  /**
   * Has `$afterthought` called once the answer is known; it stands however that
   * ends, be it by an exception, an exit or for want of memory or time.
   */
  public static function afterwards(callable $afterthought) {
    self::$afterthought = $afterthought;
  }

  /**
   * Tells that `$task` is done.
   */
  public static function progress($task) {
    $now = microtime(TRUE);
    self::write(['progress' => ['task' => (string) $task, 'ms' => (int) round(($now - self::$since) * 1000)]]);
    self::$since = $now;
  }

  /**
   * Tells that the update `$name` came to an end, how long it took, and what it said.
   */
  public static function update($name, $ms, $output) {
    self::write(['update' => ['name' => (string) $name, 'ms' => $ms, 'output' => self::plain($output, 1000)]]);
    self::$since = microtime(TRUE);
  }

  /**
   * One line of plain text from what may be HTML, translated or rendered.
   */
  public static function plain($text, $limit = self::MESSAGE_LIMIT) {
    $text = is_scalar($text) || (is_object($text) && method_exists($text, '__toString')) ? (string) $text : '';
    foreach (self::$secrets as $secret) {
      $text = str_replace($secret, '(secret)', $text);
    }
    $text = preg_replace('~<(br|/p|/li|/h\d|/div|/td)\b[^>]*>~i', ' ', $text);
    $text = html_entity_decode(strip_tags($text), ENT_QUOTES, 'UTF-8');
    $text = trim(preg_replace('/\s+/', ' ', $text));
    return strlen($text) > $limit ? substr($text, 0, $limit) . '…' : $text;
  }

  /**
   * Has warnings that begin so reach no handler of the site's: Drupal changes
   * into the folder that it is in, and PHP may not.
   */
  private static function passOver($beginning) {
    $handler = set_error_handler(static function (...$error) use (&$handler, $beginning) {
      return strpos($error[1], $beginning) === 0 || ($handler ? $handler(...$error) : FALSE);
    });
  }

  /**
   * Output callback: keeps the end of it, and lets nothing through.
   */
  public static function swallow($printed) {
    self::$stray = substr(self::$stray . $printed, -2 * self::STRAY_LIMIT);
    return '';
  }

  /**
   * A connection to the database of the question, opened without Drupal.
   *
   * @throws \Aegir\Fault
   *   `database-unreachable`, or `requirements` if PHP lacks the extension.
   */
  public static function database() {
    $with = self::$question['credentials'] + array_fill_keys(self::CREDENTIALS, '');
    $type = $with['db_type'] === 'mariadb' ? 'mysql' : $with['db_type'];
    if (!in_array($type, \PDO::getAvailableDrivers(), TRUE)) {
      throw new Fault('requirements', "this PHP has no PDO driver for databases of the type `$type`");
    }
    if ($type === 'sqlite') {
      if (!is_dir(dirname($with['db_name']))) {
        throw new Fault('database-unreachable', 'the directory of the database file does not exist');
      }
      $source = 'sqlite:' . $with['db_name'];
    }
    else {
      $source = "$type:dbname=" . $with['db_name'];
      if ($with['db_socket'] && $type === 'mysql') {
        $source .= ';unix_socket=' . $with['db_socket'];
      }
      else {
        $source .= ';host=' . ($with['db_socket'] ?: $with['db_host']) . ($with['db_port'] ? ';port=' . $with['db_port'] : '');
      }
    }
    try {
      $connection = new \PDO($source, (string) $with['db_user'], (string) $with['db_passwd'], [
        \PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION,
        \PDO::ATTR_TIMEOUT => 30,
      ]);
      $connection->query('SELECT 1');
      return $connection;
    }
    catch (\PDOException $thrown) {
      throw new Fault('database-unreachable', $thrown->getMessage(), $thrown);
    }
  }

  /**
   * Refuses a database that holds a site, finished or not.
   *
   * A killed installer leaves tables and locks behind which make every version
   * of Drupal stumble in a way of its own, so that is refused as well.
   *
   * @param string[] $tables
   *   Names of tables that only a Drupal has.
   */
  public static function refuseInstalled(array $tables) {
    $table = self::firstTable($tables);
    if ($table) {
      throw new Fault('already-installed', "the database already holds a Drupal site: there is a table `$table`");
    }
  }

  /**
   * The first of these tables that the database has, or NULL.
   */
  private static function firstTable(array $tables) {
    $connection = self::database();
    foreach ($tables as $table) {
      try {
        $connection->query("SELECT 1 FROM $table LIMIT 1");
        return $table;
      }
      catch (\PDOException $absent) {
        continue;
      }
    }
    return NULL;
  }

  /**
   * The host name of the question's address, with its port unless it is usual.
   */
  public static function host() {
    $parts = parse_url(self::$question['uri']);
    $usual = self::isSecure() ? 443 : 80;
    $port = isset($parts['port']) ? $parts['port'] : $usual;
    return $parts['host'] . ($port === $usual ? '' : ":$port");
  }

  /**
   * Whether the question's address is one of https.
   */
  public static function isSecure() {
    return parse_url(self::$question['uri'], PHP_URL_SCHEME) === 'https';
  }

  /**
   * The same page on the question's address, whatever the site calls itself.
   */
  public static function onOwnAddress($url) {
    $parts = parse_url($url);
    return rtrim(self::$question['uri'], '/')
      . (isset($parts['path']) ? $parts['path'] : '/')
      . (isset($parts['query']) ? '?' . $parts['query'] : '');
  }

  /**
   * Shutdown function: tells what is still untold. Not to be called.
   */
  public static function end() {
    self::$reserve = NULL;
    if (!self::$told) {
      // The site's handlers have nothing to say any more.
      set_error_handler(static function () {
        return TRUE;
      });
      self::tell(self::$answer !== NULL ? ['answer' => self::$answer] : ['fault' => self::obituary()]);
    }
    if (self::isPage()) {
      // Whatever the site has printed stands on lines before it.
      while (ob_get_level() && @ob_end_clean());
      echo "\n", self::$page;
    }
    // Ends the process here: shutdown functions of the site are not called, so
    // that none of them changes the exit status.
    exit(self::$answer !== NULL ? 0 : 1);
  }

  /**
   * What to say of a process that dies without an answer.
   */
  private static function obituary() {
    $last = error_get_last();
    $deadly = E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR;
    if ($last && ($last['type'] & $deadly)) {
      return self::fault('php-error', $last['message'], self::place($last['file'], $last['line']));
    }
    return self::fault('exit', 'the code of the site ended the process', self::place(self::lastThatExits(), 0));
  }

  /**
   * The file read last that could end a process: the likeliest place.
   */
  private static function lastThatExits() {
    $files = array_reverse(get_included_files());
    $suspects = array_filter(array_slice($files, 0, 200), static function ($file) {
      return $file !== __FILE__ && preg_match('/\b(exit|die)\s*[(;]/', (string) @file_get_contents($file));
    });
    foreach ($suspects as $file) {
      if (strpos($file, '/sites/')) {
        return $file;
      }
    }
    return $suspects ? reset($suspects) : $files[0];
  }

  /**
   * The fault that a thrown object stands for.
   */
  private static function explain(\Throwable $thrown) {
    set_error_handler(static function () {
      return TRUE;
    });
    if ($thrown instanceof Fault) {
      $cause = $thrown->getPrevious();
      return self::fault($thrown->kind, $thrown->getMessage(), $cause ? self::place($cause->getFile(), $cause->getLine()) : '');
    }
    $at = self::place($thrown->getFile(), $thrown->getLine());
    $kind = $thrown instanceof \Error ? 'php-error' : 'exception';
    if (self::meansUnreachable($thrown)) {
      $kind = 'database-unreachable';
    }
    elseif (self::$phase === 'boot' && preg_match('/42S02|no such table/i', $thrown->getMessage()) && self::holdsNoSite()) {
      $kind = 'not-installed';
    }
    return self::fault($kind, $thrown->getMessage(), $at) + ['class' => get_class($thrown)];
  }

  /**
   * Whether a thrown object, or a cause of it, says that the database is away.
   */
  private static function meansUnreachable(\Throwable $thrown) {
    for (; $thrown; $thrown = $thrown->getPrevious()) {
      $class = substr(strrchr('\\' . get_class($thrown), '\\'), 1);
      if (in_array($class, ['DatabaseNotFoundException', 'DatabaseAccessDeniedException', 'DatabaseConnectionRefusedException'], TRUE)) {
        return TRUE;
      }
      // MySQL: too many connections, access denied, unknown database, no route,
      // gone away. SQLite: cannot open. PostgreSQL: SQLSTATE class 08.
      if ($thrown instanceof \PDOException && preg_match('/^SQLSTATE\[(08\w{3}|\w+)\] ?(\[(1040|1044|1045|1049|1203|20\d\d|14)\]|.*(server has gone away|Lost connection)|.{0,40}08)/', $thrown->getMessage())) {
        return TRUE;
      }
    }
    return FALSE;
  }

  /**
   * Whether the database answers, and has no table that every site has.
   */
  private static function holdsNoSite() {
    try {
      return self::firstTable(['variable', 'config']) === NULL;
    }
    catch (Fault $away) {
      return FALSE;
    }
  }

  private static function fault($kind, $message, $at) {
    return [
      'kind' => $kind,
      'message' => self::plain($message),
      'at' => $at,
      'phase' => self::$phase,
      'stray' => self::stray(),
    ];
  }

  /**
   * A file, as it is called within the platform, and a line.
   */
  private static function place($file, $line) {
    $root = isset(self::$question['root']) ? self::$question['root'] . '/' : '';
    if ($root && strpos((string) $file, $root) === 0) {
      $file = substr($file, strlen($root));
    }
    return $line ? "$file:$line" : (string) $file;
  }

  /**
   * The end of what the site printed.
   */
  private static function stray() {
    while (ob_get_level() && @ob_end_flush());
    $stray = self::plain(self::$stray, 2 * self::STRAY_LIMIT);
    return strlen($stray) > self::STRAY_LIMIT ? '…' . substr($stray, -self::STRAY_LIMIT) : $stray;
  }

  private static function tell(array $line) {
    if (!self::$told) {
      self::$told = TRUE;
      self::write($line);
    }
  }

  private static function write(array $line) {
    $options = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PARTIAL_OUTPUT_ON_ERROR;
    // PHP 7.2 and later.
    $options |= defined('JSON_INVALID_UTF8_SUBSTITUTE') ? JSON_INVALID_UTF8_SUBSTITUTE : 0;
    $text = json_encode($line, $options) . "\n";
    if (self::isPage()) {
      self::$page .= $text;
      return;
    }
    if (!is_resource(self::$channel)) {
      // The site closed it; the descriptor itself it cannot close.
      self::$channel = @fopen('php://fd/3', 'w');
    }
    while ($text !== '' && self::$channel && ($written = @fwrite(self::$channel, $text))) {
      $text = (string) substr($text, $written);
    }
  }

  private static function read(array $fields) {
    $question = json_decode(self::isPage() ? file_get_contents('php://input') : stream_get_contents(STDIN), TRUE);
    if (!is_array($question)) {
      throw new Fault('bad-input', 'the question is not a JSON object');
    }
    foreach (array_merge(['root', 'site', 'uri'], $fields) as $field) {
      if (!isset($question[$field]) || !is_string($question[$field]) || $question[$field] === '') {
        throw new Fault('bad-input', "the question lacks `$field`");
      }
    }
    if (isset($question['until']) && time() >= $question['until']) {
      throw new Fault('bad-input', 'the question waited until nobody expects an answer: too much is asked of this pool');
    }
    if (!isset($question['credentials']) || !is_array($question['credentials'])) {
      throw new Fault('bad-input', 'the question lacks `credentials`');
    }
    if (!preg_match('~^[a-z0-9.-]+$~', $question['site']) || $question['site'][0] === '.') {
      throw new Fault('bad-input', 'the site is no directory name');
    }
    if (!preg_match('~^https?://[a-z0-9.-]+(:\d+)?/?$~', $question['uri'])) {
      throw new Fault('bad-input', 'the address is no absolute address of a site');
    }
    if (!is_dir($question['root'] . '/sites/' . $question['site'])) {
      throw new Fault('bad-input', "there is no directory `sites/{$question['site']}` in the platform");
    }
    // By PHP itself it would be set sooner, and PHP would then remember no paths: each check walks up all folders.
    if (isset($question['open']) && ini_set('open_basedir', (string) $question['open']) === FALSE) {
      throw new Fault('bad-input', 'this PHP is held to other folders already, and cannot be held to those of the site: take `open_basedir` out of its php.ini');
    }
    foreach (['db_passwd', 'hash_salt'] as $secret) {
      self::$secrets[] = isset($question['credentials'][$secret]) ? (string) $question['credentials'][$secret] : '';
    }
    self::$secrets[] = isset($question['account_password']) ? (string) $question['account_password'] : '';
    // Short ones would make messages unreadable, and are nobody's secret.
    self::$secrets = array_filter(self::$secrets, static function ($secret) {
      return strlen($secret) > 3;
    });
    self::$question = $question;
  }

  /**
   * Makes the process look like a request of a visitor to the front page.
   */
  private static function prepare() {
    $root = self::$question['root'];
    umask(0007);
    // PHP counts the time that it works, and says where it was.
    set_time_limit(isset(self::$question['until']) ? max(1, self::$question['until'] - time()) : 0);
    ini_set('memory_limit', '1024M');
    ini_set('display_errors', '0');
    ini_set('log_errors', '1');
    ini_set('html_errors', '0');
    ini_set('zend.exception_ignore_args', '1');
    error_reporting(E_ALL & ~E_DEPRECATED & ~E_USER_DEPRECATED & ~E_NOTICE);
    foreach (self::CREDENTIALS as $key) {
      unset($_SERVER[$key]);
      if (isset(self::$question['credentials'][$key])) {
        $_SERVER[$key] = (string) self::$question['credentials'][$key];
      }
    }
    $host = self::host();
    $_SERVER['HTTP_HOST'] = $host;
    $_SERVER['SERVER_NAME'] = strtok($host, ':');
    $_SERVER['SERVER_PORT'] = (string) (strtok(':') ?: (self::isSecure() ? 443 : 80));
    if (self::isSecure()) {
      $_SERVER['HTTPS'] = 'on';
    }
    $_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
    $_SERVER['SERVER_SOFTWARE'] = NULL;
    $_SERVER['SERVER_ADDR'] = '127.0.0.1';
    $_SERVER['REMOTE_ADDR'] = '127.0.0.1';
    $_SERVER['REQUEST_METHOD'] = 'GET';
    $_SERVER['REQUEST_URI'] = '/';
    $_SERVER['QUERY_STRING'] = '';
    $_SERVER['SCRIPT_NAME'] = '/index.php';
    $_SERVER['PHP_SELF'] = '/index.php';
    $_SERVER['SCRIPT_FILENAME'] = "$root/index.php";
    $_SERVER['HTTP_USER_AGENT'] = 'Aegir';
    // Drupal 7 asks for it without looking whether it is there.
    $_SERVER += ['argc' => 1, 'argv' => ['index.php']];
    $_GET = $_POST = $_COOKIE = $_REQUEST = [];
    // PHP may be there already, and may not change into it: it may open parts of it alone.
    if (getcwd() !== $root && !chdir($root)) {
      throw new Fault('bad-input', 'the root of the platform cannot be entered');
    }
  }

}
