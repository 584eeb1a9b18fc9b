#!/usr/bin/env bash
# Has the floor's web server run cron of a site when /cron is asked for: cron.php in php-fpm, and nothing else.
#
# Told by the environment, beside what serve.sh wants:
#   ROOT    the platform's document root     SITE  the site's name
#   FAMILY  7 or 8
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=benches/floors/serve.sh
source "$here/serve.sh"

cat >"$WEB/vhosts/$SITE.conf" <<END
server {
  listen 127.0.0.1:$PORT;
  server_name $SITE;
  root $ROOT;
  location = /cron {
    include /etc/nginx/fastcgi_params;
    fastcgi_param HTTP_HOST \$host;
    fastcgi_param FAMILY $FAMILY;
    fastcgi_param SCRIPT_FILENAME $here/cron.php;
    fastcgi_pass unix:$POOL;
  }
}
END
reload
