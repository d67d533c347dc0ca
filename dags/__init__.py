"""The door for Airflow: wiring only. Each file here builds one kind of DAG for every contract."""
