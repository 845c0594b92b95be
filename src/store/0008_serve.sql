-- What a page and an interface for programs ask of a large library: words to search by, what was done lately, who plays what.

-- What the tags of an analysed file say it is; credits_at is when they were read, in unix seconds, NULL: not yet.
ALTER TABLE track ADD COLUMN artist TEXT;
ALTER TABLE track ADD COLUMN title TEXT;
ALTER TABLE track ADD COLUMN album TEXT;
ALTER TABLE track ADD COLUMN credits_at INTEGER;
CREATE INDEX track_uncredited ON track(id) WHERE credits_at IS NULL AND confidence IS NOT NULL;

-- A genre of the whole library, the least sure first.
CREATE INDEX track_genre_confidence ON track(genre COLLATE NOCASE, confidence);

-- The latest first.
CREATE INDEX track_seen ON track(seen_at);
CREATE INDEX journal_begun ON journal(begun_at, cause) WHERE state = 'committed';
CREATE INDEX correction_made ON correction(made_at);

-- The words of a row, by its number. No text is kept twice, and no places of words: a row is found or not.
CREATE VIRTUAL TABLE track_words USING fts5(
    words, content = '', contentless_delete = 1, detail = none, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
INSERT INTO track_words (rowid, words)
    SELECT id, concat_ws(' ', CAST(path AS TEXT), genre) FROM track;
CREATE TRIGGER track_words_insert AFTER INSERT ON track BEGIN
    INSERT OR REPLACE INTO track_words (rowid, words)
        VALUES (new.id, concat_ws(' ', CAST(new.path AS TEXT), new.artist, new.title, new.album, new.genre));
END;
CREATE TRIGGER track_words_update AFTER UPDATE OF path, artist, title, album, genre ON track
    WHEN (old.path, old.artist, old.title, old.album, old.genre) IS NOT (new.path, new.artist, new.title, new.album, new.genre)
BEGIN
    DELETE FROM track_words WHERE rowid = old.id;
    INSERT INTO track_words (rowid, words)
        VALUES (new.id, concat_ws(' ', CAST(new.path AS TEXT), new.artist, new.title, new.album, new.genre));
END;
CREATE TRIGGER track_words_delete AFTER DELETE ON track BEGIN
    DELETE FROM track_words WHERE rowid = old.id;
END;
