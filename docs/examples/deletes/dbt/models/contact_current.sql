{{ config(materialized='view') }}
{{ e3db_current(source('e3db', 'contact'), source('e3db', 'contact__live')) }}
