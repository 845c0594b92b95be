-- What the owner was asked, and said: each question is asked once.
CREATE TABLE answer (
    question TEXT PRIMARY KEY,
    answer TEXT NOT NULL,
    given_at INTEGER NOT NULL -- seconds since 1970
) STRICT;
