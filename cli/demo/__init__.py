"""The demo: the whole story on real data, under the real Airflow scheduler."""
