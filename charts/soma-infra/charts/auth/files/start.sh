# Keycloak takes secrets from its environment alone: each file of the Secret becomes a variable of this one process.
set -eu
for file in /run/secrets/auth/*; do
  export "$(basename "$file")=$(cat "$file")"
done
exec /opt/keycloak/bin/kc.sh start --import-realm
