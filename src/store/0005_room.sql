-- How the free space of a file was before a write, where an undo can bring it back.
CREATE TABLE journal_room (
    journal INTEGER PRIMARY KEY REFERENCES journal(id),
    room TEXT NOT NULL -- JSON, tagging::Room
) STRICT;
