-- The owner's desk: what waits for a decision, in several orders, and what was decided where.

-- When the file was first seen, in unix seconds.
ALTER TABLE track ADD COLUMN added_at INTEGER NOT NULL DEFAULT 0;
UPDATE track SET added_at = seen_at;
-- 1: the models name different genres; NULL: not known, since it was analysed before this was noted.
ALTER TABLE track ADD COLUMN models_differ INTEGER;
-- The end of what genre::Doubt says of a sound that is no music.
ALTER TABLE track ADD COLUMN not_music INTEGER NOT NULL
    GENERATED ALWAYS AS (coalesce(substr(reason, -11) = ', not music', 0)) VIRTUAL;

-- An order each; the row's number is the end of every key, so that a page begins where the last one ended. Files that are gone are
-- kept apart by the first column, and not left out, so that the others are counted without reading their rows.
CREATE INDEX track_worth ON track(gone_at, status, not_music, confidence);
CREATE INDEX track_confidence ON track(gone_at, confidence);
CREATE INDEX track_added ON track(gone_at, added_at);
-- What a whole table would be read for where it is rare.
CREATE INDEX track_genre ON track(genre COLLATE NOCASE, gone_at, status, not_music, confidence);
CREATE INDEX track_differ ON track(models_differ, gone_at, status, not_music, confidence) WHERE models_differ = 1;

-- What the owner decided at a desk. The choice itself is owner_choice's and what was written the journal's; this says where the
-- decision came from, which ones were made in one go, and how the file stood before, so that it can go back into the queue.
CREATE TABLE correction (
    id               INTEGER PRIMARY KEY,
    go               INTEGER NOT NULL,              -- the number of the first correction that was made in the same go
    path             BLOB NOT NULL,
    audio            INTEGER REFERENCES audio(id),
    kind             TEXT NOT NULL,                 -- accepted, set, left alone
    genres           TEXT NOT NULL,                 -- JSON: the genre that the file has by it
    surface          TEXT NOT NULL,                 -- terminal, page, api, command
    made_at          INTEGER NOT NULL,              -- unix seconds
    journal          INTEGER,                       -- the write; NULL: there was nothing to write
    status_before    TEXT NOT NULL,
    choice_before    TEXT,                          -- JSON: {"genres": [...], "origin": "..."}; NULL: none
    undone_at        INTEGER
) STRICT;
CREATE INDEX correction_go ON correction(go);
CREATE INDEX correction_path ON correction(path);
CREATE INDEX correction_journal ON correction(journal) WHERE journal IS NOT NULL;
