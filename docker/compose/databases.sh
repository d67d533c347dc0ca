# Sourced by the image's entrypoint when the volume is new: a database for each who keeps something there, and its only user.
for name in airflow celery mlflow predictions; do
  password="$(printenv "$(printf '%s' "$name" | tr '[:lower:]' '[:upper:]')_DATABASE_PASSWORD")"
  psql --set=ON_ERROR_STOP=1 --set=name="$name" --set=password="$password" --username "$POSTGRES_USER" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
done
