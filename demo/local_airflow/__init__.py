"""An Airflow of the demo's own, below `.demo/airflow`: a DAG of `dags/` is run once, or all of it is started for a look."""
