GRANT SELECT, INSERT, UPDATE ON mp3converter.user TO 'login'@'%';
GRANT SELECT, INSERT, UPDATE ON mp3converter.api_key TO 'login'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON mp3converter.mail_token TO 'login'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON mp3converter.login_failure TO 'login'@'%';
GRANT SELECT ON mp3converter.valid_key TO 'reader'@'%';
GRANT SELECT ON mp3converter.no_mails TO 'reader'@'%';
GRANT SELECT (id, state, remove_after), DELETE ON mp3converter.user TO 'sweep'@'%';
GRANT SELECT (user_id, revoked_at, expires_at), DELETE ON mp3converter.api_key TO 'sweep'@'%';
GRANT SELECT (user_id), DELETE ON mp3converter.mail_token TO 'sweep'@'%';
