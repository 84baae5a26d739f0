# Makes the cluster when there is none, and gives each database its user and its password: at every start, so that a
# password that has changed in the Secret is the one that holds. A cluster is there whole or not at all: what a start that
# was cut short has left is made anew, and what is there is never touched.
#
# PGDATA, SOCKETS, SECRETS: folders. DATABASES: names, separated by spaces.
set -eu
for name in $DATABASES; do
  [ -s "$SECRETS/$name-password" ] || { echo "prepare: $SECRETS/$name-password is missing or empty" >&2; exit 1; }
done
if [ ! -e "$PGDATA" ]; then
  rm -rf "$PGDATA.new"
  initdb --pgdata="$PGDATA.new" --username=postgres --encoding=UTF8 --locale=C.UTF-8 --data-checksums
  printf 'local all postgres peer map=self\nhost all postgres all reject\nhost all all all scram-sha-256\n' > "$PGDATA.new/pg_hba.conf"
  printf 'self %s postgres\n' "$(id -un)" > "$PGDATA.new/pg_ident.conf"
  sync
  mv "$PGDATA.new" "$PGDATA"
fi
pg_ctl start --pgdata="$PGDATA" --wait --silent --options="-c listen_addresses= -c unix_socket_directories=$SOCKETS"
for name in $DATABASES; do
  FILE="$SECRETS/$name-password" psql --quiet --no-psqlrc --host="$SOCKETS" --username=postgres --set=ON_ERROR_STOP=1 \
    --set=name="$name" <<'SQL'
\set password `cat "$FILE"`
SELECT format('CREATE ROLE %I LOGIN', :'name') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
pg_ctl stop --pgdata="$PGDATA" --wait --silent --mode=fast
