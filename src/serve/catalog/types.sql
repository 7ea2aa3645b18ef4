-- PostgreSQL's types that DuckDB has no like of: needed to read SQL that names them, and to answer it.
CREATE SCHEMA quack_pg;
CREATE TYPE quack_pg.regclass AS BIGINT;
CREATE TYPE quack_pg.regtype AS BIGINT;
CREATE TYPE quack_pg.regproc AS VARCHAR;
CREATE TYPE quack_pg.regnamespace AS BIGINT;
CREATE TYPE quack_pg."name" AS VARCHAR;
CREATE TYPE quack_pg."char" AS VARCHAR;
SET search_path = 'main,quack_pg';
