{# The rows of a stream that are still there, by its companion `<stream>__live` (tap-e3db with `detect_deletes: true`).
   With a loader that ignores ACTIVATE_VERSION, drop the companion's table before each load.
   soft_deletes: the loader marks rows as deleted (`_sdc_deleted_at`) instead of removing them. #}
{% macro e3db_current(records, live, soft_deletes=false) %}
select record.*
from {{ records }} as record
where exists (
    select 1 from {{ live }} as live
    where live._e3db_record_id = record._e3db_record_id
    {%- if soft_deletes %} and live._sdc_deleted_at is null{% endif %}
)
{%- if soft_deletes %} and record._sdc_deleted_at is null{% endif %}
{% endmacro %}
