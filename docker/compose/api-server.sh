# The one user's password is a file for Airflow's simple login; it has the letters, digits, - and _ that compose-env draws.
set -eu
umask 077
printf '{"admin": "%s"}\n' "$AIRFLOW_ADMIN_PASSWORD" > "$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
exec airflow api-server
