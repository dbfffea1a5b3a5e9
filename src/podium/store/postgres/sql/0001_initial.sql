-- The same rows as in SQLite, by the ids of their workflows: an id begins with its time, so rows lie in the order of
-- arrival. Bodies are MessagePack and hold everything; columns repeat what is searched. Every table of a workflow's rows
-- begins its key with the workflow's id, so that a database in parts can keep a workflow in one of them.

CREATE TABLE workflow (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    updated_ms bigint NOT NULL,
    wake_ms bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    def_version bigint NOT NULL,
    created_ms bigint NOT NULL,
    priority bigint NOT NULL,
    correlation_id text COLLATE "C",
    parent_id text COLLATE "C",
    event text COLLATE "C",
    created_by text COLLATE "C",
    idempotency_key text COLLATE "C",
    status text COLLATE "C" NOT NULL,
    ended_ms bigint NOT NULL,
    reason text COLLATE "C",
    failed_refs text COLLATE "C" NOT NULL,
    failed_names text COLLATE "C" NOT NULL,
    body bytea NOT NULL
) WITH (fillfactor = 70);
-- None over a column that changes with each step: such an update stays within its page.
CREATE INDEX workflow_wake ON workflow (wake_ms) WHERE wake_ms > 0;
CREATE INDEX workflow_created ON workflow (created_ms);
CREATE INDEX workflow_name ON workflow (name, created_ms);
CREATE INDEX workflow_status ON workflow (status, created_ms, name) WHERE status <> 'COMPLETED';
CREATE INDEX workflow_correlation ON workflow (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX workflow_idempotency ON workflow (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX workflow_parent ON workflow (parent_id) WHERE parent_id IS NOT NULL;

CREATE TABLE payload (
    workflow_id uuid NOT NULL,
    kind smallint NOT NULL, -- 0 input, 1 output, 2 variables
    body bytea NOT NULL,
    PRIMARY KEY (workflow_id, kind)
);

CREATE TABLE task (
    workflow_id uuid NOT NULL,
    seq integer NOT NULL,
    name text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    scheduled_ms bigint NOT NULL,
    started_ms bigint NOT NULL,
    ended_ms bigint NOT NULL,
    updated_ms bigint NOT NULL,
    domain text COLLATE "C",
    reason text COLLATE "C",
    body bytea NOT NULL,
    PRIMARY KEY (workflow_id, seq)
) WITH (fillfactor = 70);

-- Tasks that failed once, for searches: only a hint, as its task may have another status by now.
CREATE TABLE task_failed (
    workflow_id uuid NOT NULL,
    seq integer NOT NULL,
    PRIMARY KEY (workflow_id, seq)
);

CREATE TABLE queue (
    workflow_id uuid NOT NULL,
    seq integer NOT NULL,
    queue text COLLATE "C" NOT NULL,
    priority bigint NOT NULL,
    visible_ms bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    reserved_ms bigint NOT NULL DEFAULT 0, -- until when other nodes leave it to one that means to lease it
    PRIMARY KEY (workflow_id, seq)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX queue_order ON queue (queue, priority, visible_ms);

CREATE TABLE message (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    claimed_by text COLLATE "C", -- the node that handles an event
    claimed_ms bigint
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE log (
    workflow_id text COLLATE "C" NOT NULL,
    seq integer NOT NULL,
    number bigint NOT NULL,
    created_ms bigint NOT NULL,
    line bytea NOT NULL,
    PRIMARY KEY (workflow_id, seq, number)
);

CREATE TABLE document (
    kind text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    updated_ms bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (kind, name, version)
);

CREATE TABLE definition (
    hash text COLLATE "C" PRIMARY KEY,
    body bytea NOT NULL
);

CREATE TABLE event_execution (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    handler text COLLATE "C" NOT NULL,
    created_ms bigint NOT NULL,
    body bytea NOT NULL
);
CREATE INDEX event_execution_handler ON event_execution (handler, number);

-- The server processes, each with a beat a second; beats need not survive a crash, and their rows stay in their pages.
CREATE TABLE node (
    id text COLLATE "C" PRIMARY KEY,
    address text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    started_ms bigint NOT NULL,
    beat_ms bigint NOT NULL
) WITH (fillfactor = 20);

-- One commit in one round trip. Answers the ids of the workflows whose version did not hold, and nothing is written
-- then; else the ids of its messages. A message that is not there any more was applied by somebody: an error then, as
-- what was deleted before must come back. All workflows are locked in the order of their ids, and before anything else,
-- so two commits never wait for each other.
CREATE FUNCTION podium_commit(
    h_id uuid[], h_expected bigint[], h_version bigint[], h_updated bigint[], h_wake bigint[], h_name text[],
    h_def_version bigint[], h_created bigint[], h_priority bigint[], h_correlation text[], h_parent text[],
    h_event text[], h_created_by text[], h_idempotency text[], h_status text[], h_ended bigint[], h_reason text[],
    h_failed_refs text[], h_failed_names text[], h_body bytea[],
    r_id uuid[], r_expected bigint[],
    e_id uuid[], d_id uuid[], d_seq integer[],
    q_id uuid[], x_id uuid[], x_seq integer[],
    p_id uuid[], p_kind smallint[], p_body bytea[],
    t_id uuid[], t_seq integer[], t_name text[], t_type text[], t_status text[], t_scheduled bigint[],
    t_started bigint[], t_ended bigint[], t_updated bigint[], t_domain text[], t_reason text[], t_body bytea[],
    f_id uuid[], f_seq integer[],
    n_id uuid[], n_seq integer[], n_queue text[], n_priority bigint[], n_visible bigint[], n_name text[],
    m_target text[], m_kind text[], m_body bytea[], a_id bigint[],
    l_id text[], l_seq integer[], l_created bigint[], l_line bytea[], l_max integer,
    OUT stale text[], OUT sent bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
    deleted bigint;
BEGIN
    WITH held AS MATERIALIZED (
        SELECT id, version FROM workflow WHERE id = ANY (h_id || r_id) ORDER BY id FOR UPDATE
    ), given AS (
        SELECT * FROM unnest(h_id || r_id, h_expected || r_expected) AS one (id, expected)
    )
    SELECT array_agg(given.id::text) INTO stale FROM given LEFT JOIN held ON held.id = given.id
    WHERE given.expected <> coalesce(held.version, -1);
    IF stale IS NOT NULL THEN
        RETURN;
    END IF;

    IF cardinality(a_id) > 0 THEN
        DELETE FROM message WHERE id = ANY (a_id);
        GET DIAGNOSTICS deleted = ROW_COUNT;
        IF deleted <> cardinality(a_id) THEN
            RAISE EXCEPTION 'a message was applied before' USING ERRCODE = 'PD001';
        END IF;
    END IF;
    IF cardinality(r_id) > 0 THEN
        DELETE FROM log WHERE workflow_id = ANY (r_id::text[]);
        DELETE FROM workflow WHERE id = ANY (r_id);
        DELETE FROM payload WHERE workflow_id = ANY (r_id);
    END IF;
    IF cardinality(h_id) > 0 THEN
        UPDATE workflow AS w SET
            version = one.version, updated_ms = one.updated_ms, wake_ms = one.wake_ms, name = one.name,
            def_version = one.def_version, created_ms = one.created_ms, priority = one.priority,
            correlation_id = one.correlation_id, parent_id = one.parent_id, event = one.event,
            created_by = one.created_by, idempotency_key = one.idempotency_key, status = one.status,
            ended_ms = one.ended_ms, reason = one.reason, failed_refs = one.failed_refs,
            failed_names = one.failed_names, body = one.body
        FROM unnest(h_id, h_expected, h_version, h_updated, h_wake, h_name, h_def_version, h_created, h_priority,
            h_correlation, h_parent, h_event, h_created_by, h_idempotency, h_status, h_ended, h_reason, h_failed_refs,
            h_failed_names, h_body)
            AS one (id, expected, version, updated_ms, wake_ms, name, def_version, created_ms, priority,
                correlation_id, parent_id, event, created_by, idempotency_key, status, ended_ms, reason, failed_refs,
                failed_names, body)
        WHERE w.id = one.id AND one.expected >= 0;
        IF -1 = ANY (h_expected) THEN
            INSERT INTO workflow (id, version, updated_ms, wake_ms, name, def_version, created_ms, priority,
                correlation_id, parent_id, event, created_by, idempotency_key, status, ended_ms, reason, failed_refs,
                failed_names, body)
            SELECT id, version, updated_ms, wake_ms, name, def_version, created_ms, priority, correlation_id,
                parent_id, event, created_by, idempotency_key, status, ended_ms, reason, failed_refs, failed_names, body
            FROM unnest(h_id, h_expected, h_version, h_updated, h_wake, h_name, h_def_version, h_created, h_priority,
                h_correlation, h_parent, h_event, h_created_by, h_idempotency, h_status, h_ended, h_reason,
                h_failed_refs, h_failed_names, h_body)
                AS one (id, expected, version, updated_ms, wake_ms, name, def_version, created_ms, priority,
                    correlation_id, parent_id, event, created_by, idempotency_key, status, ended_ms, reason,
                    failed_refs, failed_names, body)
            WHERE expected < 0 ORDER BY id;
        END IF;
    END IF;

    IF cardinality(e_id) > 0 THEN
        DELETE FROM task WHERE workflow_id = ANY (e_id);
        DELETE FROM task_failed WHERE workflow_id = ANY (e_id);
    END IF;
    IF cardinality(d_id) > 0 THEN
        DELETE FROM task USING unnest(d_id, d_seq) AS one (id, seq)
            WHERE task.workflow_id = one.id AND task.seq = one.seq;
        DELETE FROM task_failed USING unnest(d_id, d_seq) AS one (id, seq)
            WHERE task_failed.workflow_id = one.id AND task_failed.seq = one.seq;
    END IF;
    IF cardinality(p_id) > 0 THEN
        INSERT INTO payload SELECT * FROM unnest(p_id, p_kind, p_body)
            ON CONFLICT (workflow_id, kind) DO UPDATE SET body = excluded.body;
    END IF;
    IF cardinality(t_id) > 0 THEN
        INSERT INTO task SELECT * FROM unnest(t_id, t_seq, t_name, t_type, t_status, t_scheduled, t_started, t_ended,
            t_updated, t_domain, t_reason, t_body)
        ON CONFLICT (workflow_id, seq) DO UPDATE SET
            name = excluded.name, type = excluded.type, status = excluded.status,
            scheduled_ms = excluded.scheduled_ms, started_ms = excluded.started_ms, ended_ms = excluded.ended_ms,
            updated_ms = excluded.updated_ms, domain = excluded.domain, reason = excluded.reason,
            body = excluded.body;
    END IF;
    IF cardinality(f_id) > 0 THEN
        INSERT INTO task_failed SELECT * FROM unnest(f_id, f_seq) ON CONFLICT DO NOTHING;
    END IF;
    IF cardinality(q_id) > 0 THEN
        DELETE FROM queue WHERE workflow_id = ANY (q_id);
    END IF;
    IF cardinality(x_id) > 0 THEN
        DELETE FROM queue USING unnest(x_id, x_seq) AS one (id, seq)
            WHERE queue.workflow_id = one.id AND queue.seq = one.seq;
    END IF;
    IF cardinality(n_id) > 0 THEN
        INSERT INTO queue (workflow_id, seq, queue, priority, visible_ms, name)
            SELECT * FROM unnest(n_id, n_seq, n_queue, n_priority, n_visible, n_name)
        ON CONFLICT (workflow_id, seq) DO UPDATE SET
            queue = excluded.queue, priority = excluded.priority, visible_ms = excluded.visible_ms,
            name = excluded.name, reserved_ms = 0;
    END IF;

    IF cardinality(m_target) > 0 THEN
        WITH given AS (
            INSERT INTO message (target, kind, body)
            SELECT target, kind, body FROM unnest(m_target, m_kind, m_body) WITH ORDINALITY
                AS one (target, kind, body, place) ORDER BY place
            RETURNING id
        )
        SELECT array_agg(id ORDER BY id) INTO sent FROM given;
    END IF;
    IF cardinality(l_id) > 0 THEN
        PERFORM podium_log(l_id, l_seq, l_created, l_line, l_max);
    END IF;
END
$$;

-- The first visible rows of a queue, reserved for who asks: others pass them over until the given time. A reservation
-- may be lost with the server.
CREATE FUNCTION podium_reserve(of_queue text, now_ms bigint, until_ms bigint, most integer)
RETURNS TABLE (id text, seq integer, priority bigint, visible_ms bigint, name text) LANGUAGE plpgsql AS $$
DECLARE
    level bigint;
    found integer;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    SELECT max(q.priority) INTO level FROM queue AS q WHERE q.queue = of_queue;
    WHILE level IS NOT NULL AND most > 0 LOOP
        RETURN QUERY
            WITH head AS MATERIALIZED (
                SELECT q.workflow_id, q.seq FROM queue AS q
                WHERE q.queue = of_queue AND q.priority = level AND q.visible_ms <= now_ms AND q.reserved_ms <= now_ms
                ORDER BY q.visible_ms, q.workflow_id, q.seq LIMIT most FOR UPDATE SKIP LOCKED
            )
            UPDATE queue AS q SET reserved_ms = until_ms FROM head
            WHERE q.workflow_id = head.workflow_id AND q.seq = head.seq
            RETURNING q.workflow_id::text, q.seq, q.priority, q.visible_ms, q.name;
        GET DIAGNOSTICS found = ROW_COUNT;
        most := most - found;
        SELECT max(q.priority) INTO level FROM queue AS q WHERE q.queue = of_queue AND q.priority < level;
    END LOOP;
END
$$;

-- Appends lines to the logs of tasks; of each task the newest *l_max* are kept. Two that write to one log take turns.
CREATE FUNCTION podium_log(l_id text[], l_seq integer[], l_created bigint[], l_line bytea[], l_max integer)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    of_task record;
    before bigint;
BEGIN
    FOR of_task IN
        SELECT id, seq, count(*) AS lines FROM unnest(l_id, l_seq) AS one (id, seq) GROUP BY id, seq ORDER BY id, seq
    LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended(of_task.id, of_task.seq));
        SELECT coalesce(max(number), 0) INTO before FROM log
            WHERE workflow_id = of_task.id AND log.seq = of_task.seq;
        INSERT INTO log (workflow_id, seq, number, created_ms, line)
            SELECT id, seq, before + row_number() OVER (ORDER BY place), created_ms, line
            FROM unnest(l_id, l_seq, l_created, l_line) WITH ORDINALITY AS one (id, seq, created_ms, line, place)
            WHERE id = of_task.id AND seq = of_task.seq;
        DELETE FROM log WHERE workflow_id = of_task.id AND log.seq = of_task.seq
            AND number <= before + of_task.lines - l_max;
    END LOOP;
END
$$;
