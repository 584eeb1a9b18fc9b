#!/usr/bin/env bash
# The floor of an install: a site made by hand with the fastest commands known.
#
# No journal, no check, no undo: a database with its user, a folder, a settings.php with the
# credentials in it, Drupal's own installer in one process of PHP, a vhost, one reload, one page.
# Drupal's final cron is left out, as Ægir leaves it to the first scheduled run.
#
# Told by the environment:
#   ROOT       the platform's document root       SITE      the site's name
#   PROFILE    what to install                    FAMILY    7 or 8
#   DATABASE   the name of the database           MY_CNF    how the mariadb client gets in
#   DB_SOCKET  MariaDB's socket                   PHP       the program
#   OPCACHE    a folder for compiled code         POOL      php-fpm's socket
#   WEB        the folder of an nginx that runs   PORT      where that one answers
set -euo pipefail
umask 0007
here=$(cd "$(dirname "$0")" && pwd)
dir=$ROOT/sites/$SITE
# shellcheck source=benches/floors/serve.sh
source "$here/serve.sh"

mariadb --defaults-file="$MY_CNF" -e "CREATE DATABASE \`$DATABASE\` CHARACTER SET utf8mb4;
  CREATE USER '$DATABASE'@'localhost' IDENTIFIED BY 'floor';
  GRANT ALL ON \`$DATABASE\`.* TO '$DATABASE'@'localhost'"

mkdir -p "$dir/files" "$dir/private/files" "$dir/private/temp" "$dir/private/config/sync"
cat >"$dir/settings.php" <<END
<?php
\$databases['default']['default'] = array(
  'driver' => 'mysql', 'database' => '$DATABASE', 'username' => '$DATABASE', 'password' => 'floor',
  'host' => 'localhost', 'port' => '', 'unix_socket' => '$DB_SOCKET', 'prefix' => '',
  'charset' => 'utf8mb4', 'collation' => 'utf8mb4_general_ci',
  'init_commands' => array('isolation_level' => 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED'),
);
END
case $FAMILY in
  7) cat >>"$dir/settings.php" <<END
\$drupal_hash_salt = 'floor';
\$conf['file_public_path'] = 'sites/$SITE/files';
\$conf['file_temporary_path'] = 'sites/$SITE/private/temp';
END
    ;;
  *) cat >>"$dir/settings.php" <<END
if (is_dir(\$app_root . '/core/modules/mysql/src/Driver/Database/mysql')) {
  \$databases['default']['default']['namespace'] = 'Drupal\\\\mysql\\\\Driver\\\\Database\\\\mysql';
  \$databases['default']['default']['autoload'] = 'core/modules/mysql/src/Driver/Database/mysql/';
}
\$settings['hash_salt'] = 'floor';
\$settings['config_sync_directory'] = 'sites/$SITE/private/config/sync';
\$settings['file_public_path'] = 'sites/$SITE/files';
\$settings['file_temp_path'] = 'sites/$SITE/private/temp';
\$settings['container_yamls'][] = \$app_root . '/sites/$SITE/services.yml';
END
    ;;
esac

(cd "$ROOT" && "$PHP" -d memory_limit=1G -d sendmail_path=/bin/true \
  -d opcache.enable_cli=1 -d opcache.file_cache="$OPCACHE" -d opcache.file_cache_only=1 \
  "$here/install.php" "$FAMILY" "$SITE" "$PROFILE")

serve "$SITE" "$ROOT"
answers "$SITE"
