"""Tables of a warehouse: made, widened and filled in the database's own way, through any of Airflow's hooks for it.

`session` speaks to a database, `dialects` says what differs between them, `kinds` turns values into what a column holds, `tables`
makes tables and widens them, `loading` puts rows into them, `states` keeps what the next run goes by, `deletes` marks what is gone.
"""
