"""Sensors: tasks that wait for records."""
