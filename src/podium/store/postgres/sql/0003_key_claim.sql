-- Which id a start with an idempotency key uses, while several nodes may be starting it. Once the workflow is there, it
-- is found by its key; so only the claims of the last hour are kept.
CREATE TABLE key_claim (
    name text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    workflow_id text COLLATE "C" NOT NULL,
    claimed_ms bigint NOT NULL,
    PRIMARY KEY (name, key)
);
CREATE INDEX key_claim_age ON key_claim (claimed_ms);
