-- Run once by PostgreSQL's image, when the data folder is made. The gateway owns its database and nothing else; the
-- superuser is left without a password, so it gets in from inside the container only.
\set password `cat /run/secrets/database-password`
CREATE ROLE huiyin LOGIN PASSWORD :'password';
CREATE DATABASE huiyin OWNER huiyin;
ALTER ROLE postgres PASSWORD NULL;
