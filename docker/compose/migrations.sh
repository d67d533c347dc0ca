# Bring the tables up to date: Airflow's, and those of the predictions' copy.
set -eu
airflow db migrate
for contract in /app/contracts/*.yaml; do
  mlops predictions migrate --model "$(basename "$contract" .yaml)"
done
