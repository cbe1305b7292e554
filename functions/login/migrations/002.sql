-- Failed logins: when the next try is free, and when a row expires. One statement, because a table with half of this
-- would take no failures.
ALTER TABLE login_failure
    DROP COLUMN last_at,
    ADD COLUMN free_at DATETIME(3) NULL,
    ADD COLUMN expires_at DATETIME(3) NOT NULL,
    ADD INDEX (expires_at);
