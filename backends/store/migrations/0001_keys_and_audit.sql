-- API keys as the guard encodes them, in the order of their changes; and what was done with them.
CREATE TABLE api_keys (
    id      TEXT    PRIMARY KEY,
    record  BLOB    NOT NULL,
    changed INTEGER NOT NULL UNIQUE
) WITHOUT ROWID;

CREATE TABLE audit (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    at    TEXT    NOT NULL,
    entry BLOB    NOT NULL
);

CREATE INDEX audit_at ON audit (at);
