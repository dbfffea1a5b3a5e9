-- What retention looks for: ended workflows that no parent keeps. Nothing that is kept is walked over.
CREATE INDEX workflow_ended ON workflow (name, status, ended_ms) WHERE ended_ms > 0 AND parent_id IS NULL;
