# What every floor ends with, for `source`: a vhost, one reload, one page.
#
# Told by the environment:
#   WEB   the folder of an nginx that runs      POOL  php-fpm's socket
#   PORT  where that one answers

# Serves the site $1 from the document root $2. While $WEB/fence/$1 is there, visitors are told to come back.
serve() {
  cat >"$WEB/vhosts/$1.conf" <<END
server {
  listen 127.0.0.1:$PORT;
  server_name $1;
  root $2;
  if (-f $WEB/fence/$1) { return 503; }
  location / { try_files \$uri /index.php?\$args; }
  location = /index.php {
    include /etc/nginx/fastcgi_params;
    fastcgi_param HTTP_HOST \$http_host;
    fastcgi_param SCRIPT_FILENAME \$document_root/index.php;
    fastcgi_pass unix:$POOL;
  }
}
END
  reload
}

reload() {
  nginx -e "$WEB/error.log" -p "$WEB" -c "$WEB/nginx.conf" -t -q
  nginx -e "$WEB/error.log" -p "$WEB" -c "$WEB/nginx.conf" -s reload
}

# Waits for the front page of $1: old workers, which do not know the site, may answer for a moment.
answers() {
  local status='' page=''
  for _ in $(seq 200); do
    exec 3<>"/dev/tcp/127.0.0.1/$PORT"
    printf 'GET / HTTP/1.0\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$1" "$PORT" >&3
    read -r _ status _ <&3
    page=$(cat <&3)
    exec 3>&-
    case $status in
      200) return 0 ;;
      404) sleep 0.01 ;;
      *) printf '%s: the front page of %s answers %s:\n%s\n' "$0" "$1" "$status" "$page" >&2; return 1 ;;
    esac
  done
  echo "$0: nginx does not know the site $1" >&2
  return 1
}
