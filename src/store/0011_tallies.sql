-- What a large library is asked for all the time, without counting its rows: numbers that are kept as the rows change.

-- 1: the owner decided about the file, see owner_choice; kept by the triggers below.
ALTER TABLE track ADD COLUMN decided INTEGER NOT NULL DEFAULT 0;
UPDATE track SET decided = 1 WHERE path IN (SELECT path FROM owner_choice WHERE origin != 'handed back');

-- What is worth asking begins with what is not decided about.
DROP INDEX track_worth;
CREATE INDEX track_worth ON track(gone_at, decided, status, not_music, confidence);
-- Nothing is looked for by it any more.
DROP INDEX track_status;

-- Choices by how they came about: those by which a file is left alone are few.
CREATE INDEX owner_choice_origin ON owner_choice(origin);

-- The words there are, without a copy of them.
CREATE VIRTUAL TABLE track_word USING fts5vocab(track_words, instance);

-- Files that have all of this in common.
CREATE TABLE tally (
    status           TEXT NOT NULL,                 -- the track's, or gone
    decided          INTEGER NOT NULL,
    not_music        INTEGER NOT NULL,
    differ           INTEGER NOT NULL,              -- 1: the models name different genres
    bin              INTEGER NOT NULL,              -- twentieths of confidence, 0 to 19; -1: not analysed
    genre            TEXT NOT NULL COLLATE NOCASE,  -- '': none
    tracks           INTEGER NOT NULL,
    PRIMARY KEY (status, decided, not_music, differ, bin, genre)
) STRICT, WITHOUT ROWID;
INSERT INTO tally
    SELECT iif(gone_at IS NULL, status, 'gone'), decided, not_music, coalesce(models_differ, 0),
           coalesce(min(19, max(0, CAST(confidence * 20 AS INTEGER))), -1), coalesce(genre, ''), count(*)
    FROM track GROUP BY 1, 2, 3, 4, 5, 6 COLLATE NOCASE;

-- Files right in a folder. The slash at its end is part of its name, so that all below it is one range.
CREATE TABLE folder_tally (
    folder           BLOB NOT NULL,
    status           TEXT NOT NULL,                 -- the track's, or gone
    tracks           INTEGER NOT NULL,
    PRIMARY KEY (folder, status)
) STRICT, WITHOUT ROWID;
INSERT INTO folder_tally
    SELECT CAST(rtrim(path, replace(path, '/', 'x')) AS BLOB), iif(gone_at IS NULL, status, 'gone'), count(*)
    FROM track GROUP BY 1, 2;

-- One more, or one less, of each kind. What comes to nothing is no row: a folder that is empty is none.
CREATE TRIGGER track_tally_insert AFTER INSERT ON track BEGIN
    INSERT INTO tally VALUES (
        iif(new.gone_at IS NULL, new.status, 'gone'), new.decided, new.not_music, coalesce(new.models_differ, 0),
        coalesce(min(19, max(0, CAST(new.confidence * 20 AS INTEGER))), -1), coalesce(new.genre, ''), 1
    ) ON CONFLICT DO UPDATE SET tracks = tracks + 1;
    -- A sign in place of each slash keeps the bytes on both sides of it apart where they are not UTF-8.
    INSERT INTO folder_tally VALUES (
        CAST(rtrim(new.path, replace(new.path, '/', 'x')) AS BLOB), iif(new.gone_at IS NULL, new.status, 'gone'), 1
    ) ON CONFLICT DO UPDATE SET tracks = tracks + 1;
    UPDATE track SET decided = 1
        WHERE id = new.id AND EXISTS (SELECT 1 FROM owner_choice WHERE path = new.path AND origin != 'handed back');
END;
CREATE TRIGGER track_tally_update
    AFTER UPDATE OF status, gone_at, decided, reason, models_differ, confidence, genre ON track
    WHEN (old.status, old.gone_at IS NULL, old.decided, old.not_music, old.models_differ, old.confidence, old.genre)
        IS NOT (new.status, new.gone_at IS NULL, new.decided, new.not_music, new.models_differ, new.confidence, new.genre)
BEGIN
    UPDATE tally SET tracks = tracks - 1
        WHERE status = iif(old.gone_at IS NULL, old.status, 'gone') AND decided = old.decided AND not_music = old.not_music
            AND differ = coalesce(old.models_differ, 0)
            AND bin = coalesce(min(19, max(0, CAST(old.confidence * 20 AS INTEGER))), -1) AND genre = coalesce(old.genre, '');
    INSERT INTO tally VALUES (
        iif(new.gone_at IS NULL, new.status, 'gone'), new.decided, new.not_music, coalesce(new.models_differ, 0),
        coalesce(min(19, max(0, CAST(new.confidence * 20 AS INTEGER))), -1), coalesce(new.genre, ''), 1
    ) ON CONFLICT DO UPDATE SET tracks = tracks + 1;
    DELETE FROM tally
        WHERE status = iif(old.gone_at IS NULL, old.status, 'gone') AND decided = old.decided AND not_music = old.not_music
            AND differ = coalesce(old.models_differ, 0)
            AND bin = coalesce(min(19, max(0, CAST(old.confidence * 20 AS INTEGER))), -1) AND genre = coalesce(old.genre, '')
            AND tracks = 0;
END;
CREATE TRIGGER track_folder_update AFTER UPDATE OF path, status, gone_at ON track
    WHEN (old.path, old.status, old.gone_at IS NULL) IS NOT (new.path, new.status, new.gone_at IS NULL)
BEGIN
    UPDATE folder_tally SET tracks = tracks - 1
        WHERE folder = CAST(rtrim(old.path, replace(old.path, '/', 'x')) AS BLOB)
            AND status = iif(old.gone_at IS NULL, old.status, 'gone');
    INSERT INTO folder_tally VALUES (
        CAST(rtrim(new.path, replace(new.path, '/', 'x')) AS BLOB), iif(new.gone_at IS NULL, new.status, 'gone'), 1
    ) ON CONFLICT DO UPDATE SET tracks = tracks + 1;
    DELETE FROM folder_tally
        WHERE folder = CAST(rtrim(old.path, replace(old.path, '/', 'x')) AS BLOB)
            AND status = iif(old.gone_at IS NULL, old.status, 'gone') AND tracks = 0;
END;
CREATE TRIGGER track_decided_move AFTER UPDATE OF path ON track WHEN old.path IS NOT new.path BEGIN
    UPDATE track
        SET decided = EXISTS (SELECT 1 FROM owner_choice WHERE path = new.path AND origin != 'handed back')
        WHERE id = new.id;
END;
CREATE TRIGGER track_tally_delete AFTER DELETE ON track BEGIN
    UPDATE tally SET tracks = tracks - 1
        WHERE status = iif(old.gone_at IS NULL, old.status, 'gone') AND decided = old.decided AND not_music = old.not_music
            AND differ = coalesce(old.models_differ, 0)
            AND bin = coalesce(min(19, max(0, CAST(old.confidence * 20 AS INTEGER))), -1) AND genre = coalesce(old.genre, '');
    DELETE FROM tally
        WHERE status = iif(old.gone_at IS NULL, old.status, 'gone') AND decided = old.decided AND not_music = old.not_music
            AND differ = coalesce(old.models_differ, 0)
            AND bin = coalesce(min(19, max(0, CAST(old.confidence * 20 AS INTEGER))), -1) AND genre = coalesce(old.genre, '')
            AND tracks = 0;
    UPDATE folder_tally SET tracks = tracks - 1
        WHERE folder = CAST(rtrim(old.path, replace(old.path, '/', 'x')) AS BLOB)
            AND status = iif(old.gone_at IS NULL, old.status, 'gone');
    DELETE FROM folder_tally
        WHERE folder = CAST(rtrim(old.path, replace(old.path, '/', 'x')) AS BLOB)
            AND status = iif(old.gone_at IS NULL, old.status, 'gone') AND tracks = 0;
END;

CREATE TRIGGER choice_insert AFTER INSERT ON owner_choice BEGIN
    UPDATE track SET decided = (new.origin != 'handed back') WHERE path = new.path;
END;
CREATE TRIGGER choice_update AFTER UPDATE OF path, origin ON owner_choice BEGIN
    UPDATE track SET decided = 0 WHERE path = old.path AND old.path IS NOT new.path;
    UPDATE track SET decided = (new.origin != 'handed back') WHERE path = new.path;
END;
CREATE TRIGGER choice_delete AFTER DELETE ON owner_choice BEGIN
    UPDATE track SET decided = 0 WHERE path = old.path;
END;
