-- What learning from the library needs besides what is there.

-- Whose music a piece of audio is, as its file's tags said when it was last asked for; empty: they say nothing. Tracks of one artist
-- are not independent of each other, and reading a tag a track would be the longest part of learning.
CREATE TABLE performer (
    audio            INTEGER PRIMARY KEY REFERENCES audio(id) ON DELETE CASCADE,
    name             TEXT NOT NULL
) STRICT;
