-- Places under a limit that holds over all nodes: of tasks in progress, and of open workflows with a rate limit. A row is
-- taken, or waits in the line of its scope. Rows of a workflow change only in commits that hold its header, so who holds
-- that may look at them without a lock; numbers of a scope change only under the lock of its row, which comes after the
-- locks of all headers.
CREATE TABLE slot (
    workflow_id uuid NOT NULL,
    seq integer NOT NULL, -- 0 for the workflow itself
    scope text COLLATE "C" NOT NULL,
    line bigint, -- place in the line, NULL when taken
    PRIMARY KEY (workflow_id, seq)
);
CREATE INDEX slot_line ON slot (scope, line) WHERE line IS NOT NULL;
CREATE SEQUENCE slot_line_number;

CREATE TABLE slot_scope (
    scope text COLLATE "C" PRIMARY KEY,
    taken bigint NOT NULL,
    capacity bigint NOT NULL -- as it was given last
) WITH (fillfactor = 50);

-- Frees, takes and queues for slots: kind 0 frees one, 1 all of a workflow and scope, 2 takes one if there is room, 3 takes
-- one in any case, 4 gets in line. Where there is no room, the whole statement fails with PD002; its detail names who and
-- where.
CREATE FUNCTION podium_slots(s_id uuid[], s_seq integer[], s_scope text[], s_kind smallint[], s_limit bigint[])
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
    INSERT INTO slot_scope SELECT scope, 0, 0 FROM unnest(scopes) AS given (scope) ORDER BY scope
        ON CONFLICT DO NOTHING;
    PERFORM 1 FROM slot_scope WHERE scope = ANY (scopes) ORDER BY scope FOR UPDATE;

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
