-- What it takes to tell a file's history, to take writes back, and to leave alone what the owner decided.

ALTER TABLE journal ADD COLUMN cause TEXT NOT NULL DEFAULT '"scan"';           -- JSON, tagging::Cause
ALTER TABLE journal ADD COLUMN overwriting INTEGER NOT NULL DEFAULT 0;         -- 1: the file itself was being overwritten
ALTER TABLE journal ADD COLUMN genre_before TEXT NOT NULL DEFAULT '[]';        -- JSON: values, as a player shows them
ALTER TABLE journal ADD COLUMN genre_after TEXT NOT NULL DEFAULT '[]';
ALTER TABLE journal ADD COLUMN values_before TEXT NOT NULL DEFAULT '[]';       -- JSON: [tagging::HeldField]
ALTER TABLE journal ADD COLUMN audio INTEGER REFERENCES audio(id);
ALTER TABLE journal ADD COLUMN choice_before TEXT;                             -- JSON: the owner's choice before; NULL: none
ALTER TABLE journal ADD COLUMN undoes TEXT NOT NULL DEFAULT '[]';              -- JSON: ids of the entries that this one takes back
ALTER TABLE journal ADD COLUMN undone_by INTEGER;                              -- the entry that took this one back
ALTER TABLE journal_field ADD COLUMN form TEXT NOT NULL DEFAULT '';            -- how the tag stores its fields

-- Entries from before this say too little to be taken back.
UPDATE journal SET undone_by = 0;

CREATE INDEX journal_undoable ON journal(path, id) WHERE state = 'committed' AND undone_by IS NULL;
CREATE INDEX journal_hash ON journal(audio_hash);
CREATE INDEX journal_audio ON journal(audio);

-- Files that no scan touches: the owner chose their genre, or took ours back.
CREATE TABLE owner_choice (
    path             BLOB PRIMARY KEY,
    audio            INTEGER REFERENCES audio(id),  -- NULL: could not be identified
    device           INTEGER NOT NULL,
    genres           TEXT NOT NULL,                 -- JSON: values
    origin           TEXT NOT NULL CHECK (origin IN ('chosen', 'taken back')),
    chosen_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX owner_choice_audio ON owner_choice(audio);
