-- Accounts: where their webhooks go.
ALTER TABLE user ADD COLUMN webhook VARCHAR(1000) CHARACTER SET ascii COLLATE ascii_bin NULL;
CREATE OR REPLACE VIEW webhook AS SELECT id AS user_id, state = 'active' AS wanted, webhook AS url FROM user;
