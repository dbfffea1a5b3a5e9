-- Rows lie in the order of arrival: workflow.row grows, a task's key is row << 24 | seq, a payload's is row << 2 | kind
-- (0 input, 1 output, 2 variables). Bodies are MessagePack and hold everything; columns repeat what is searched.

CREATE TABLE workflow (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    wake_ms INTEGER NOT NULL,
    name TEXT NOT NULL,
    def_version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    correlation_id TEXT,
    parent_id TEXT,
    event TEXT,
    created_by TEXT,
    idempotency_key TEXT,
    status TEXT NOT NULL,
    ended_ms INTEGER NOT NULL,
    reason TEXT,
    failed_refs TEXT NOT NULL,
    failed_names TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX workflow_id ON workflow (id);
CREATE INDEX workflow_wake ON workflow (wake_ms) WHERE wake_ms > 0;
CREATE INDEX workflow_created ON workflow (created_ms);
CREATE INDEX workflow_name ON workflow (name, created_ms);
-- Without those that ended well: an index over them, too, would be written again at each good end, the most frequent one.
CREATE INDEX workflow_status ON workflow (status, created_ms, name) WHERE status <> 'COMPLETED';
CREATE INDEX workflow_correlation ON workflow (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX workflow_idempotency ON workflow (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX workflow_parent ON workflow (parent_id) WHERE parent_id IS NOT NULL;

CREATE TABLE payload (
    key INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

CREATE TABLE task (
    key INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    scheduled_ms INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    domain TEXT,
    reason TEXT,
    body BLOB NOT NULL
);

-- Tasks that failed once, for searches. An index over task, even a partial one, would double the cost of every step; so a key here is
-- only a hint: its task may have another status by now.
CREATE TABLE task_failed (
    key INTEGER PRIMARY KEY
);

CREATE TABLE queue (
    key INTEGER PRIMARY KEY, -- of the task
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    visible_ms INTEGER NOT NULL,
    name TEXT NOT NULL,
    workflow_id TEXT NOT NULL
);
CREATE INDEX queue_order ON queue (queue, priority DESC, visible_ms);

CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    target TEXT NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL
);

CREATE TABLE log (
    workflow_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    number INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (workflow_id, seq, number)
) WITHOUT ROWID;

CREATE TABLE document (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX document_name ON document (kind, name, version);

CREATE TABLE definition (
    hash TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
);

CREATE TABLE event_execution (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    handler TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX event_execution_id ON event_execution (id);
CREATE INDEX event_execution_handler ON event_execution (handler);
