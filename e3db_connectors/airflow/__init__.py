"""The Airflow provider; the only room that imports airflow.

This module and `get_provider_info` import nothing heavy: Airflow loads them in every process.
"""
