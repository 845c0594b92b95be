-- What the program knows. Paths are bytes: names that are not UTF-8 are real.

-- A piece of encoded audio, whatever files hold it.
CREATE TABLE audio (
    id               INTEGER PRIMARY KEY,
    audio_id         BLOB NOT NULL UNIQUE,          -- 16 bytes, audio::AudioId
    codec            TEXT,                          -- NULL until it was decoded
    duration_ms      INTEGER
) STRICT;

-- A file. The stamp tells whether it is still the one that was looked at.
CREATE TABLE track (
    id               INTEGER PRIMARY KEY,
    path             BLOB NOT NULL UNIQUE,
    audio            INTEGER REFERENCES audio(id),
    size             INTEGER NOT NULL,
    mtime_seconds    INTEGER NOT NULL,
    mtime_nanos      INTEGER NOT NULL,
    inode            INTEGER NOT NULL,
    device           INTEGER NOT NULL,
    status           TEXT NOT NULL,                 -- tagged, kept, unsure, skipped, failed
    genre            TEXT,                          -- the first of the vote, written or not
    confidence       REAL,
    ranking          TEXT,                          -- JSON: [["Jazz", 0.81], ...]
    reason           TEXT,                          -- why it was not tagged
    settled_by       TEXT,                          -- fingerprint of program, ensemble and policy; NULL: look again
    seen_at          INTEGER NOT NULL               -- unix seconds
) STRICT;
CREATE INDEX track_audio ON track(audio);
CREATE INDEX track_status ON track(status, confidence);

-- Small features that are dear to compute: the 518 (by rate) and embeddings. Spectrograms are made again.
CREATE TABLE feature (
    audio            INTEGER NOT NULL REFERENCES audio(id) ON DELETE CASCADE,
    kind             TEXT NOT NULL,                 -- "fma518@22050/1", "embedding:logmel-cnn/<sha>"
    window           TEXT NOT NULL,                 -- "30 s x 1": length and number of windows
    value            BLOB NOT NULL,                 -- little-endian float32, one window after the other
    PRIMARY KEY (audio, kind, window)
) STRICT, WITHOUT ROWID;

-- What one model said: the mean over the windows.
CREATE TABLE score (
    audio            INTEGER NOT NULL REFERENCES audio(id) ON DELETE CASCADE,
    model            TEXT NOT NULL,                 -- name and digest of the graph and of what it is fed with
    window           TEXT NOT NULL,
    probabilities    BLOB NOT NULL,                 -- little-endian float32, in the order of the model's labels
    PRIMARY KEY (audio, model, window)
) STRICT, WITHOUT ROWID;

-- What the ensemble made of it.
CREATE TABLE verdict (
    audio            INTEGER NOT NULL REFERENCES audio(id) ON DELETE CASCADE,
    ensemble         TEXT NOT NULL,                 -- fingerprint of members, weights and window
    genre            TEXT NOT NULL,
    confidence       REAL NOT NULL,
    ranking          TEXT NOT NULL,
    made_at          INTEGER NOT NULL,
    PRIMARY KEY (audio, ensemble)
) STRICT, WITHOUT ROWID;

-- Audio that cannot be analysed, so that no copy of it is tried again by the same program.
CREATE TABLE failure (
    audio            INTEGER NOT NULL REFERENCES audio(id) ON DELETE CASCADE,
    program          TEXT NOT NULL,                 -- version of the decoders and features that gave up
    reason           TEXT NOT NULL,
    PRIMARY KEY (audio, program)
) STRICT, WITHOUT ROWID;

-- Every write, before it happens. An open entry at a start means a crash.
CREATE TABLE journal (
    id               INTEGER PRIMARY KEY,
    path             BLOB NOT NULL,
    temporary_path   BLOB NOT NULL,
    container        TEXT NOT NULL,                 -- JSON, tagging::Container
    created          TEXT NOT NULL,                 -- JSON: the tags that did not exist before
    audio_hash       BLOB NOT NULL,
    before_size      INTEGER NOT NULL,
    before_seconds   INTEGER NOT NULL,
    before_nanos     INTEGER NOT NULL,
    before_inode     INTEGER NOT NULL,
    before_device    INTEGER NOT NULL,
    after_size       INTEGER,
    after_seconds    INTEGER,
    after_nanos      INTEGER,
    after_inode      INTEGER,
    after_device     INTEGER,
    state            TEXT NOT NULL CHECK (state IN ('open', 'committed', 'abandoned')),
    reason           TEXT,
    process          INTEGER NOT NULL,
    process_start    INTEGER NOT NULL,
    begun_at         INTEGER NOT NULL,
    ended_at         INTEGER
) STRICT;
CREATE INDEX journal_path ON journal(path);
CREATE INDEX journal_open ON journal(state) WHERE state = 'open';

-- The raw bytes of each field that a write changes: what an undo brings back.
CREATE TABLE journal_field (
    journal          INTEGER NOT NULL REFERENCES journal(id) ON DELETE CASCADE,
    number           INTEGER NOT NULL,
    scope            TEXT NOT NULL,                 -- JSON, tagging::Scope: the tag that holds it
    name             TEXT NOT NULL,
    position         INTEGER NOT NULL,
    old              BLOB,                          -- NULL: the field was not there
    new              BLOB,                          -- NULL: the field is removed
    PRIMARY KEY (journal, number)
) STRICT, WITHOUT ROWID;

-- Who works on which file right now: one tagger a file, whatever the number of processes.
CREATE TABLE claim (
    path             BLOB PRIMARY KEY,
    process          INTEGER NOT NULL,
    process_start    INTEGER NOT NULL,              -- start time of the process, so that a reused number is not taken for it
    claimed_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
