-- A journal entry belongs to a file: it goes where the file is moved, and ends with the file.

ALTER TABLE journal ADD COLUMN written_path BLOB;                              -- where the file was when it was written
ALTER TABLE journal ADD COLUMN gone_at INTEGER;                                -- unix seconds; when the file was found to be deleted
UPDATE journal SET written_path = path;
CREATE INDEX journal_written_path ON journal(written_path, begun_at);

-- Two more ways in which a choice comes about.
ALTER TABLE owner_choice RENAME TO owner_choice_before;
CREATE TABLE owner_choice (
    path             BLOB PRIMARY KEY,
    audio            INTEGER REFERENCES audio(id),  -- NULL: could not be identified
    device           INTEGER NOT NULL,
    genres           TEXT NOT NULL,                 -- JSON: values
    origin           TEXT NOT NULL CHECK (origin IN ('chosen', 'taken back', 'taken out', 'handed back')),
    chosen_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO owner_choice SELECT path, audio, device, genres, origin, chosen_at FROM owner_choice_before;
DROP TABLE owner_choice_before;
CREATE INDEX owner_choice_audio ON owner_choice(audio);
