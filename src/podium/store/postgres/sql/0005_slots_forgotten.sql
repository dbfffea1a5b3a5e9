-- Scopes that nobody uses are forgotten, and slots that nobody will free are freed.
-- Frees, takes and queues for slots: kind 0 frees one, 1 all of a workflow and scope, 2 takes one if there is room, 3 takes
-- one in any case, 4 gets in line. Where there is no room, the whole statement fails with PD002; its detail names who and
-- where.
CREATE OR REPLACE FUNCTION podium_slots(s_id uuid[], s_seq integer[], s_scope text[], s_kind smallint[], s_limit bigint[])
RETURNS void LANGUAGE plpgsql AS $$
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
    WHERE CASE
        WHEN kind = 0 THEN EXISTS (SELECT 1 FROM slot WHERE workflow_id = id AND slot.seq = given.seq)
        WHEN kind = 1 THEN EXISTS (SELECT 1 FROM slot WHERE workflow_id = id AND slot.scope = given.scope)
        WHEN kind = 4 THEN
            NOT EXISTS (SELECT 1 FROM slot WHERE workflow_id = id AND slot.seq = given.seq AND line IS NOT NULL)
        ELSE NOT EXISTS (SELECT 1 FROM slot WHERE workflow_id = id AND slot.seq = given.seq AND line IS NULL)
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

-- Slots of what is not in progress any more: of a task that ended while its definition had no limit.
CREATE VIEW slot_leak AS
    SELECT slot.workflow_id, slot.seq, slot.scope FROM slot
    WHERE CASE
        WHEN slot.seq = 0 THEN NOT EXISTS (
            SELECT 1 FROM workflow WHERE workflow.id = slot.workflow_id AND workflow.status IN ('RUNNING', 'PAUSED'))
        ELSE NOT EXISTS (
            SELECT 1 FROM task WHERE task.workflow_id = slot.workflow_id AND task.seq = slot.seq
                AND task.status = 'IN_PROGRESS')
    END;

-- Frees slots that leaked and forgets scopes without any, at most so many of each; returns how many those were. It waits
-- for no lock of a header, and takes those of scopes in their order.
CREATE FUNCTION podium_tidy_slots(most bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    locked uuid[];
    ids uuid[];
    seqs integer[];
    scopes text[];
    forgotten bigint;
BEGIN
    SELECT array_agg(id) INTO locked FROM (
        SELECT id FROM workflow WHERE id IN (SELECT workflow_id FROM slot_leak LIMIT most) FOR UPDATE SKIP LOCKED
    ) AS one;
    SELECT array_agg(workflow_id), array_agg(seq), array_agg(scope) INTO ids, seqs, scopes FROM (
        SELECT * FROM slot_leak AS leak WHERE workflow_id = ANY (locked)
            OR NOT EXISTS (SELECT 1 FROM workflow WHERE id = leak.workflow_id)
        LIMIT most
    ) AS held;
    IF ids IS NOT NULL THEN
        PERFORM podium_slots(ids, seqs, scopes, array_fill(0::smallint, array[cardinality(ids)]),
            array_fill(0::bigint, array[cardinality(ids)]));
    END IF;
    SELECT array_agg(scope) INTO scopes FROM (
        SELECT scope FROM slot_scope WHERE taken = 0 LIMIT most FOR UPDATE SKIP LOCKED
    ) AS empty;
    DELETE FROM slot_scope WHERE scope = ANY (scopes) AND taken = 0
        AND NOT EXISTS (SELECT 1 FROM slot WHERE slot.scope = slot_scope.scope);
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten + coalesce(cardinality(ids), 0);
END
$$;
