-- Files that are gone keep their row: a file that comes back or turns up elsewhere takes it over, with its history.

ALTER TABLE track ADD COLUMN gone_at INTEGER;                                  -- unix seconds; NULL: it was there when last looked at
