-- The statements of each step by their keys, whatever the planner believes. A session keeps the plans of a function, made
-- while the tables were small, or empty; a join with the rows of a batch would read the whole table then, until the next
-- ANALYZE. So there is none: rows are found by keys, written one by one or with ON CONFLICT, which goes by its index.
CREATE OR REPLACE FUNCTION podium_commit(
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
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
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
    IF 0 <= ANY (h_expected) THEN -- they are there, and locked
        INSERT INTO workflow (id, version, updated_ms, wake_ms, name, def_version, created_ms, priority,
            correlation_id, parent_id, event, created_by, idempotency_key, status, ended_ms, reason, failed_refs,
            failed_names, body)
        SELECT id, version, updated_ms, wake_ms, name, def_version, created_ms, priority, correlation_id,
            parent_id, event, created_by, idempotency_key, status, ended_ms, reason, failed_refs, failed_names, body
        FROM unnest(h_id, h_expected, h_version, h_updated, h_wake, h_name, h_def_version, h_created, h_priority,
            h_correlation, h_parent, h_event, h_created_by, h_idempotency, h_status, h_ended, h_reason, h_failed_refs,
            h_failed_names, h_body)
            AS one (id, expected, version, updated_ms, wake_ms, name, def_version, created_ms, priority,
                correlation_id, parent_id, event, created_by, idempotency_key, status, ended_ms, reason, failed_refs,
                failed_names, body)
        WHERE expected >= 0
        ON CONFLICT (id) DO UPDATE SET
            version = excluded.version, updated_ms = excluded.updated_ms, wake_ms = excluded.wake_ms,
            name = excluded.name, def_version = excluded.def_version, created_ms = excluded.created_ms,
            priority = excluded.priority, correlation_id = excluded.correlation_id, parent_id = excluded.parent_id,
            event = excluded.event, created_by = excluded.created_by, idempotency_key = excluded.idempotency_key,
            status = excluded.status, ended_ms = excluded.ended_ms, reason = excluded.reason,
            failed_refs = excluded.failed_refs, failed_names = excluded.failed_names, body = excluded.body;
    END IF;
    IF -1 = ANY (h_expected) THEN -- unless another node was quicker: an error then
        INSERT INTO workflow (id, version, updated_ms, wake_ms, name, def_version, created_ms, priority,
            correlation_id, parent_id, event, created_by, idempotency_key, status, ended_ms, reason, failed_refs,
            failed_names, body)
        SELECT id, version, updated_ms, wake_ms, name, def_version, created_ms, priority, correlation_id,
            parent_id, event, created_by, idempotency_key, status, ended_ms, reason, failed_refs, failed_names, body
        FROM unnest(h_id, h_expected, h_version, h_updated, h_wake, h_name, h_def_version, h_created, h_priority,
            h_correlation, h_parent, h_event, h_created_by, h_idempotency, h_status, h_ended, h_reason, h_failed_refs,
            h_failed_names, h_body)
            AS one (id, expected, version, updated_ms, wake_ms, name, def_version, created_ms, priority,
                correlation_id, parent_id, event, created_by, idempotency_key, status, ended_ms, reason, failed_refs,
                failed_names, body)
        WHERE expected < 0 ORDER BY id;
    END IF;

    IF cardinality(e_id) > 0 THEN
        DELETE FROM task WHERE workflow_id = ANY (e_id);
        DELETE FROM task_failed WHERE workflow_id = ANY (e_id);
    END IF;
    FOR place IN 1 .. cardinality(d_id) LOOP
        DELETE FROM task WHERE workflow_id = d_id[place] AND seq = d_seq[place];
        DELETE FROM task_failed WHERE workflow_id = d_id[place] AND seq = d_seq[place];
    END LOOP;
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
    FOR place IN 1 .. cardinality(x_id) LOOP
        DELETE FROM queue WHERE workflow_id = x_id[place] AND seq = x_seq[place];
    END LOOP;
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

CREATE OR REPLACE FUNCTION podium_reserve(of_queue text, now_ms bigint, until_ms bigint, most integer)
RETURNS TABLE (id text, seq integer, priority bigint, visible_ms bigint, name text)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    level bigint;
    head record;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    SELECT max(q.priority) INTO level FROM queue AS q WHERE q.queue = of_queue;
    WHILE level IS NOT NULL AND most > 0 LOOP
        FOR head IN
            SELECT q.workflow_id, q.seq FROM queue AS q
            WHERE q.queue = of_queue AND q.priority = level AND q.visible_ms <= now_ms AND q.reserved_ms <= now_ms
            ORDER BY q.visible_ms, q.workflow_id, q.seq LIMIT most FOR UPDATE SKIP LOCKED
        LOOP
            RETURN QUERY
                UPDATE queue AS q SET reserved_ms = until_ms WHERE q.workflow_id = head.workflow_id AND q.seq = head.seq
                RETURNING q.workflow_id::text, q.seq, q.priority, q.visible_ms, q.name;
            most := most - 1;
        END LOOP;
        SELECT max(q.priority) INTO level FROM queue AS q WHERE q.queue = of_queue AND q.priority < level;
    END LOOP;
END
$$;

-- Takes back the reservations of rows.
CREATE FUNCTION podium_release(r_id uuid[], r_seq integer[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    FOR place IN 1 .. cardinality(r_id) LOOP
        UPDATE queue SET reserved_ms = 0 WHERE workflow_id = r_id[place] AND seq = r_seq[place];
    END LOOP;
END
$$;

-- As before, but for how it finds out what there is to do.
CREATE OR REPLACE FUNCTION podium_slots(s_id uuid[], s_seq integer[], s_scope text[], s_kind smallint[], s_limit bigint[])
RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    one record;
    held record;
    room bigint;
    gone bigint;
    scopes text[];
    refused jsonb := '[]';
BEGIN
    SELECT array_agg(DISTINCT given.scope) INTO scopes
    FROM unnest(s_id, s_seq, s_scope, s_kind) AS given (id, seq, scope, kind)
    WHERE CASE -- by scalar subqueries: of EXISTS, a table that seems empty would be read as a whole
        WHEN kind = 0 THEN (SELECT 1 FROM slot WHERE workflow_id = id AND slot.seq = given.seq) IS NOT NULL
        WHEN kind = 1 THEN
            (SELECT 1 FROM slot WHERE workflow_id = id AND slot.scope = given.scope LIMIT 1) IS NOT NULL
        WHEN kind = 4 THEN
            coalesce((SELECT line IS NULL FROM slot WHERE workflow_id = id AND slot.seq = given.seq), true)
        ELSE coalesce((SELECT line IS NOT NULL FROM slot WHERE workflow_id = id AND slot.seq = given.seq), true)
    END;
    IF scopes IS NULL THEN
        RETURN;
    END IF;
    LOOP -- a scope that was empty may be forgotten between the two statements
        INSERT INTO slot_scope SELECT scope, 0, 0 FROM unnest(scopes) AS given (scope) ORDER BY scope
            ON CONFLICT DO NOTHING;
        PERFORM 1 FROM slot_scope WHERE scope = ANY (scopes) ORDER BY scope FOR UPDATE;
        GET DIAGNOSTICS gone = ROW_COUNT;
        EXIT WHEN gone = cardinality(scopes);
    END LOOP;

    FOR one IN
        SELECT id, given.seq, given.scope, kind, capacity
        FROM unnest(s_id, s_seq, s_scope, s_kind, s_limit) WITH ORDINALITY
            AS given (id, seq, scope, kind, capacity, place)
        WHERE given.scope = ANY (scopes) ORDER BY kind > 1, place
    LOOP
        IF one.kind < 2 THEN
            WITH freed AS (
                DELETE FROM slot WHERE workflow_id = one.id AND slot.scope = one.scope
                    AND (one.kind = 1 OR slot.seq = one.seq) RETURNING line
            )
            SELECT count(*) INTO gone FROM freed WHERE line IS NULL;
            UPDATE slot_scope SET taken = taken - gone WHERE scope = one.scope AND gone > 0;
            CONTINUE;
        END IF;
        UPDATE slot_scope SET capacity = one.capacity WHERE scope = one.scope AND capacity <> one.capacity;
        SELECT line INTO held FROM slot WHERE workflow_id = one.id AND slot.seq = one.seq;
        IF FOUND AND (held.line IS NULL OR one.kind = 4) THEN
            CONTINUE;
        ELSIF one.kind = 4 THEN
            INSERT INTO slot VALUES (one.id, one.seq, one.scope, nextval('slot_line_number'));
            CONTINUE;
        ELSIF one.kind = 2 THEN
            SELECT one.capacity - taken INTO room FROM slot_scope WHERE scope = one.scope;
            IF room > 0 THEN -- who waits for longer goes first
                SELECT room - count(*) INTO room FROM (
                    SELECT 1 FROM slot WHERE scope = one.scope AND line IS NOT NULL
                        AND (held.line IS NULL OR line < held.line) LIMIT room
                ) AS ahead;
            END IF;
            IF room <= 0 THEN
                refused := refused || jsonb_build_array(jsonb_build_array(one.id, one.scope));
                CONTINUE;
            END IF;
        END IF;
        INSERT INTO slot VALUES (one.id, one.seq, one.scope, NULL)
            ON CONFLICT (workflow_id, seq) DO UPDATE SET line = NULL, scope = excluded.scope;
        UPDATE slot_scope SET taken = taken + 1 WHERE scope = one.scope;
    END LOOP;
    IF refused <> '[]' THEN
        RAISE EXCEPTION 'no room' USING ERRCODE = 'PD002', DETAIL = refused::text;
    END IF;
END
$$;
