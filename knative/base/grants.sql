GRANT SELECT, INSERT, UPDATE ON mp3converter.user TO 'login'@'%';
