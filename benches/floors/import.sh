#!/usr/bin/env bash
# The floor of an import: a site made by hand comes into a database of its own, under a user of its own, with a vhost.
#
# No journal, no check, no undo: the tables by another name in another database, that database in settings.php, the
# settings that were kept beside, one reload, one page.
#
# Told by the environment, beside what serve.sh wants:
#   ROOT      the platform's document root     SITE         the site's name
#   DATABASE  its database and its user        TO_DATABASE  those that it gets
#   MY_CNF    how the mariadb client gets in
set -euo pipefail
umask 0007
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=benches/floors/serve.sh
source "$here/serve.sh"
dir=$ROOT/sites/$SITE

sql() {
  mariadb --defaults-file="$MY_CNF" "$@"
}

sql -e "CREATE DATABASE \`$TO_DATABASE\` CHARACTER SET utf8mb4;
  CREATE USER '$TO_DATABASE'@'localhost' IDENTIFIED BY 'floor';
  GRANT ALL ON \`$TO_DATABASE\`.* TO '$TO_DATABASE'@'localhost'"
chmod u+w "$dir" "$dir/settings.php"
cp -p "$dir/settings.php" "$dir/imported.settings.php"
sed -i "s/'$DATABASE'/'$TO_DATABASE'/g" "$dir/settings.php"
sql -N -e "SELECT GROUP_CONCAT('\`', TABLE_SCHEMA, '\`.\`', TABLE_NAME, '\` TO \`$TO_DATABASE\`.\`', TABLE_NAME, '\`')
  FROM information_schema.TABLES WHERE TABLE_SCHEMA = '$DATABASE'" --init-command='SET group_concat_max_len = 1000000' |
  { read -r tables; sql -e "RENAME TABLE $tables"; }

serve "$SITE" "$ROOT"
answers "$SITE"
