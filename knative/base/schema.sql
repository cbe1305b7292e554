CREATE TABLE IF NOT EXISTS user (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    email VARCHAR(254) NOT NULL UNIQUE,
    password VARCHAR(255) NOT NULL,
    state ENUM('waiting', 'active', 'disabled', 'closing') NOT NULL DEFAULT 'active',
    mails BOOLEAN NOT NULL DEFAULT TRUE,
    created_at DATETIME NULL DEFAULT (UTC_TIMESTAMP()),
    remove_after DATETIME NULL,
    webhook VARCHAR(1000) CHARACTER SET ascii COLLATE ascii_bin NULL
) CHARACTER SET utf8mb4;
CREATE TABLE IF NOT EXISTS api_key (
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
CREATE TABLE IF NOT EXISTS mail_token (
    hash BINARY(32) NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    purpose ENUM('confirm', 'reset') NOT NULL,
    password VARCHAR(255) NULL,
    created_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL,
    used_at DATETIME NULL,
    INDEX (user_id)
) CHARACTER SET utf8mb4;
CREATE TABLE IF NOT EXISTS login_failure (
    subject BINARY(32) NOT NULL PRIMARY KEY,
    failures INT NOT NULL,
    free_at DATETIME(3) NULL,
    expires_at DATETIME(3) NOT NULL,
    INDEX (expires_at)
) CHARACTER SET utf8mb4;
CREATE OR REPLACE VIEW valid_key AS
    SELECT api_key.hash, user.id AS user_id, user.email
    FROM api_key JOIN user ON user.id = api_key.user_id
    WHERE user.state = 'active' AND api_key.revoked_at IS NULL
        AND (api_key.expires_at IS NULL OR api_key.expires_at > UTC_TIMESTAMP());
CREATE OR REPLACE VIEW no_mails AS SELECT id AS user_id FROM user WHERE NOT mails OR state <> 'active';
CREATE OR REPLACE VIEW webhook AS SELECT id AS user_id, state = 'active' AS wanted, webhook AS url FROM user;
