-- Accounts: their state, API keys, the tokens in letters, and failed logins. Earlier versions work with these tables too.
ALTER TABLE user ADD COLUMN state ENUM('waiting', 'active', 'disabled', 'closing') NOT NULL DEFAULT 'active';
ALTER TABLE user ADD COLUMN mails BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE user ADD COLUMN created_at DATETIME NULL;
ALTER TABLE user ALTER COLUMN created_at SET DEFAULT (UTC_TIMESTAMP());
ALTER TABLE user ADD COLUMN remove_after DATETIME NULL;
CREATE TABLE api_key (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    user_id BIGINT NOT NULL,
    name VARCHAR(100) NOT NULL,
    hash BINARY(32) NOT NULL UNIQUE,
    hint CHAR(4) NOT NULL,
    created_at DATETIME NOT NULL,
    expires_at DATETIME NULL,
    revoked_at DATETIME NULL,
    INDEX (user_id)
) CHARACTER SET utf8mb4;
CREATE TABLE mail_token (
    hash BINARY(32) NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    purpose ENUM('confirm', 'reset') NOT NULL,
    password VARCHAR(255) NULL,
    created_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL,
    used_at DATETIME NULL,
    INDEX (user_id)
) CHARACTER SET utf8mb4;
CREATE TABLE login_failure (
    subject BINARY(32) NOT NULL PRIMARY KEY,
    failures INT NOT NULL,
    last_at DATETIME(3) NOT NULL,
    INDEX (last_at)
) CHARACTER SET utf8mb4;
CREATE OR REPLACE VIEW valid_key AS
    SELECT api_key.hash, user.id AS user_id, user.email
    FROM api_key JOIN user ON user.id = api_key.user_id
    WHERE user.state = 'active' AND api_key.revoked_at IS NULL
        AND (api_key.expires_at IS NULL OR api_key.expires_at > UTC_TIMESTAMP());
CREATE OR REPLACE VIEW no_mails AS SELECT id AS user_id FROM user WHERE NOT mails OR state <> 'active';
