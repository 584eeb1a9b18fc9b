#!/usr/bin/env bash
# The floors of moving sites: move.sh backup | restore | clone | migrate | rename, and `undo` of each but the first.
#
# What an administrator types who knows the fastest plain tools and whom nothing interrupts: no journal, no check, no
# undo, nothing synced. What must not lose a write is copied behind a fence, what may not stop the site is dumped as it is at one
# moment. What the site was is kept, as Ægir keeps it. Rows of caches stay behind.
#
# Told by the environment, beside what serve.sh wants:
#   ROOT         the platform's document root     TO_ROOT      that of the platform it moves to
#   SITE         the site's name                  TO_SITE      that of the copy, or the new one
#   DATABASE     its database and its user        TO_DATABASE  those of what is made
#   FAMILY       7 or 8                           UPDATES      `yes` if the code it moves to has some
#   MY_CNF       how the mariadb client gets in   LANES        how many connections copy tables
#   PHP          the program                      OPCACHE      a folder for compiled code
#   WORK         an empty folder of its own       ARCHIVE      the backup's file
set -euo pipefail
umask 0007
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=benches/floors/serve.sh
source "$here/serve.sh"
dir=$ROOT/sites/$SITE

sql() {
  mariadb --defaults-file="$MY_CNF" "$@"
}

new_database() {
  sql -e "CREATE DATABASE \`$TO_DATABASE\` CHARACTER SET utf8mb4;
    CREATE USER '$TO_DATABASE'@'localhost' IDENTIFIED BY 'floor';
    GRANT ALL ON \`$TO_DATABASE\`.* TO '$TO_DATABASE'@'localhost'"
}

# The tables of the site, the large ones first; $1 is made of each, and $2 behind it of those that are no caches.
each_table() {
  sql -N "$DATABASE" -e "SELECT CONCAT($1, IF(TABLE_NAME = 'cache' OR LEFT(TABLE_NAME, 6) = 'cache_', '', $2))
    FROM information_schema.TABLES WHERE TABLE_SCHEMA = '$DATABASE' ORDER BY DATA_LENGTH + INDEX_LENGTH DESC"
}

dump() {
  local caches
  mapfile -t caches < <(sql -N -e "SELECT CONCAT('--ignore-table-data=', TABLE_SCHEMA, '.', TABLE_NAME)
    FROM information_schema.TABLES WHERE TABLE_SCHEMA = '$DATABASE' AND (TABLE_NAME = 'cache' OR LEFT(TABLE_NAME, 6) = 'cache_')")
  mariadb-dump --defaults-file="$MY_CNF" --single-transaction --quick "$@" "${caches[@]}" "$DATABASE"
}

copy_tables() {
  local began=${EPOCHREALTIME/./} lane lanes=()
  each_table "'CREATE TABLE \`$TO_DATABASE\`.\`', TABLE_NAME, '\` LIKE \`', TABLE_NAME, '\`; '" \
    "CONCAT('INSERT INTO \`$TO_DATABASE\`.\`', TABLE_NAME, '\` SELECT * FROM \`', TABLE_NAME, '\`;')" |
    awk -v lanes="$LANES" -v to="$WORK/lane" '{ print > (to NR % lanes) }'
  for lane in "$WORK"/lane*; do
    sql --init-command="SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 0" \
      "$DATABASE" <"$lane" &
    lanes+=($!)
  done
  for lane in "${lanes[@]}"; do wait "$lane"; done
  echo $((${EPOCHREALTIME/./} - began)) >"$WORK/copied"
}

# Copies the site's folder to $1, which names the database and the folder that are its own.
copy_folder() {
  cp -a --reflink=auto "$dir" "$1"
  name_its_own "$1"
}

name_its_own() {
  chmod u+w "$1" "$1/settings.php"
  sed -i "s/$DATABASE/$TO_DATABASE/g; s#sites/$SITE/#sites/${1##*/}/#g" "$1/settings.php"
}

bare() {
  (cd "$1" && "$PHP" -d memory_limit=1G -d sendmail_path=/bin/true -d opcache.enable_cli=1 \
    -d opcache.file_cache="$OPCACHE" -d opcache.file_cache_only=1 "$here/$2.php" "$FAMILY" "$3")
}

# Runs the updates of $2, which lives on $1: by the tree's own Drush, if it has one.
updates() {
  local drush
  for drush in "$1/vendor/bin/drush" "$1/../vendor/bin/drush"; do
    if [ -x "$drush" ]; then
      (cd "$1" && HOME=$WORK "$drush" --root="$1" --uri="http://$2" --no-interaction --quiet updatedb)
      return
    fi
  done
  bare "$1" updates "$2"
}

fence() {
  touch "$WEB/fence/$SITE"
}

case $1 in
  backup)
    dump >"$WORK/database.sql"
    tar -C "$WORK" -cf - database.sql -C "$ROOT/sites" "$SITE" | zstd -q -f -3 -T0 -o "$ARCHIVE"
    ;;
  restore)
    zstd -dcq "$ARCHIVE" | tar -C "$WORK" -xpf -
    name_its_own "$WORK/$SITE"
    new_database
    sql "$TO_DATABASE" <"$WORK/database.sql"
    fence
    mv "$dir" "$dir.former"
    mv "$WORK/$SITE" "$dir"
    rm "$WEB/fence/$SITE"
    answers "$SITE"
    ;;
  clone)
    new_database
    copy_folder "$ROOT/sites/$TO_SITE"
    dump | sql "$TO_DATABASE"
    bare "$ROOT" caches "$TO_SITE"
    serve "$TO_SITE" "$ROOT"
    answers "$TO_SITE"
    ;;
  migrate)
    to=$TO_ROOT/sites/$SITE
    new_database
    copy_folder "$to"
    fence
    copy_tables
    cp -au "$dir/files" "$dir/private" "$to/"
    [ "$UPDATES" != yes ] || updates "$TO_ROOT" "$SITE"
    serve "$SITE" "$TO_ROOT"
    rm "$WEB/fence/$SITE"
    answers "$SITE"
    ;;
  rename)
    to=$ROOT/sites/$TO_SITE
    new_database
    copy_folder "$to"
    fence
    copy_tables
    cp -au "$dir/files" "$dir/private" "$to/"
    bare "$ROOT" caches "$TO_SITE"
    serve "$TO_SITE" "$ROOT"
    answers "$TO_SITE"
    ;;
  undo)
    case $2 in
      restore) rm -rf "$dir" && mv "$dir.former" "$dir" ;;
      migrate) rm -rf "${TO_ROOT:?}/sites/$SITE" && serve "$SITE" "$ROOT" ;;
      *) rm -rf "${ROOT:?}/sites/$TO_SITE" "$WEB/vhosts/$TO_SITE.conf" "$WEB/fence/$SITE" && reload ;;
    esac
    sql -e "DROP DATABASE \`$TO_DATABASE\`; DROP USER '$TO_DATABASE'@'localhost'"
    ;;
esac
rm -rf "${WORK:?}"/lane* "$WORK/database.sql"
