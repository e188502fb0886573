-- What is there of the stream `contact`, and what has been deleted, by the stream `contact__live` (tap-e3db with `detect_deletes: true`).
-- The list is only as good as its last load: run both streams together, and look at the views after runs that went well.
-- The loader has to remove, or mark, what ACTIVATE_VERSION says is gone; with one that ignores it, drop contact__live before each load.
-- If the loader marks rows as deleted instead of removing them (`_sdc_deleted_at`), add `and live._sdc_deleted_at is null`.

create or replace view contact_current as
select record.*
from contact as record
where exists (select 1 from contact__live as live where live._e3db_record_id = record._e3db_record_id);

create or replace view contact_deleted as
select record._e3db_record_id, record._e3db_last_modified
from contact as record
where not exists (select 1 from contact__live as live where live._e3db_record_id = record._e3db_record_id);
