# MLflow, after its tables were made or brought up to date: the server refuses older ones.
set -eu
mlflow db upgrade "$MLFLOW_BACKEND_STORE_URI"
exec mlflow server --host=0.0.0.0 --port=5000 --workers=2 --artifacts-destination=s3://mlflow
