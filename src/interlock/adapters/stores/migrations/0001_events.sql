-- Events are appended, never changed; their sequence has no gaps.
CREATE TABLE events (
    id           INTEGER PRIMARY KEY,
    timestamp    INTEGER NOT NULL,
    event_type   TEXT    NOT NULL CHECK (event_type <> ''),
    task_id      TEXT    NOT NULL,
    task_version INTEGER NOT NULL CHECK (task_version > 0),
    schema       INTEGER NOT NULL,
    actor        TEXT    NOT NULL,
    command_id   TEXT,
    data         TEXT    NOT NULL CHECK (length(CAST(data AS BLOB)) <= 16384),
    UNIQUE (task_id, task_version)
) STRICT;

CREATE INDEX events_first ON events (id) WHERE task_version = 1;
CREATE INDEX events_schema ON events (schema);

-- One row per command, because one command may record several events.
CREATE TABLE commands (
    command_id TEXT    PRIMARY KEY,
    first_id   INTEGER NOT NULL,
    last_id    INTEGER NOT NULL CHECK (last_id >= first_id)
) STRICT, WITHOUT ROWID;

-- The counter behind events.id: what it says and what is there are compared when the file is opened.
CREATE TABLE head (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    last_id  INTEGER NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0);

CREATE TRIGGER events_in_sequence BEFORE INSERT ON events
WHEN NEW.id IS NOT (SELECT last_id + 1 FROM head)
BEGIN
    SELECT raise(ABORT, 'events.id must be the next in sequence');
END;

CREATE TRIGGER events_counted AFTER INSERT ON events
BEGIN
    UPDATE head SET last_id = NEW.id;
END;

CREATE TRIGGER events_stay BEFORE DELETE ON events
BEGIN
    SELECT raise(ABORT, 'events are never deleted');
END;

CREATE TRIGGER events_keep BEFORE UPDATE ON events
BEGIN
    SELECT raise(ABORT, 'events are never changed');
END;

-- A released lease keeps its row, so that its fence goes on growing.
CREATE TABLE leases (
    name       TEXT    PRIMARY KEY,
    holder     TEXT    NOT NULL,
    fence      INTEGER NOT NULL CHECK (fence > 0),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
