-- What PostgreSQL's catalog has and DuckDB's has not, or has otherwise. It stands before DuckDB's own in the search path; it and
-- what is in it is shown to nobody.
-- Filled by the program: one row, and a row for each view of the lake.
CREATE TABLE quack_pg.session (quack_user VARCHAR, quack_version VARCHAR);
CREATE TABLE quack_pg.settings (name VARCHAR, setting VARCHAR, context VARCHAR);
CREATE TABLE quack_pg.views (view_schema VARCHAR, name VARCHAR, definition VARCHAR);

CREATE VIEW quack_pg.pg_settings AS
    SELECT name, setting, NULL::VARCHAR AS unit, 'Client Connection Defaults' AS category, '' AS short_desc,
        NULL::VARCHAR AS extra_desc, context, 'string' AS vartype, 'default' AS source, NULL::VARCHAR AS min_val,
        NULL::VARCHAR AS max_val, NULL::VARCHAR[] AS enumvals, setting AS boot_val, setting AS reset_val,
        NULL::VARCHAR AS sourcefile, NULL::INTEGER AS sourceline, false AS pending_restart
    FROM quack_pg.settings;

CREATE VIEW quack_pg.pg_namespace AS
    SELECT oid, nspname, 10::BIGINT AS nspowner, NULL::VARCHAR[] AS nspacl FROM system.pg_catalog.pg_namespace
    WHERE nspname NOT LIKE 'quack\_%' ESCAPE '\' AND oid IN (SELECT oid FROM duckdb_schemas() WHERE database_name = 'memory')
    UNION ALL SELECT 11, 'pg_catalog', 10, NULL UNION ALL SELECT 12, 'information_schema', 10, NULL
    UNION ALL SELECT 99, 'pg_toast', 10, NULL;

CREATE VIEW quack_pg.pg_class AS
    SELECT oid, relname, relnamespace, 0::BIGINT AS reltype, 0::BIGINT AS reloftype, 10::BIGINT AS relowner,
        CASE relkind WHEN 'v' THEN 0 ELSE 2 END::BIGINT AS relam,
        0::BIGINT AS relfilenode, 0::BIGINT AS reltablespace, 0::INTEGER AS relpages, reltuples, 0::INTEGER AS relallvisible,
        0::BIGINT AS reltoastrelid, false AS relhasindex, false AS relisshared, 'p' AS relpersistence, relkind,
        relnatts::SMALLINT AS relnatts, 0::SMALLINT AS relchecks, false AS relhasoids, relkind = 'v' AS relhasrules,
        false AS relhastriggers, false AS relhassubclass, false AS relrowsecurity, false AS relforcerowsecurity,
        true AS relispopulated, CASE relkind WHEN 'v' THEN 'n' ELSE 'd' END AS relreplident, false AS relispartition, 0::BIGINT AS relrewrite, NULL::VARCHAR[] AS relacl,
        NULL::VARCHAR[] AS reloptions, NULL::VARCHAR AS relpartbound
    FROM system.pg_catalog.pg_class WHERE relnamespace IN (SELECT oid FROM quack_pg.pg_namespace);

-- PostgreSQL's own numbers of types, which clients know without asking.
CREATE TABLE quack_pg.pg_type AS
    SELECT oid::BIGINT AS oid, typname, 11::BIGINT AS typnamespace,
        10::BIGINT AS typowner, typlen::SMALLINT AS typlen, typlen BETWEEN 1 AND 8 AS typbyval, 'b' AS typtype, typcategory,
        false AS typispreferred, true AS typisdefined, ',' AS typdelim, 0::BIGINT AS typrelid, 0::BIGINT AS typsubscript,
        typelem::BIGINT AS typelem, typarray::BIGINT AS typarray, typname || 'in' AS typinput, typname || 'out' AS typoutput,
        typname || 'recv' AS typreceive, typname || 'send' AS typsend, 0::BIGINT AS typmodin, 0::BIGINT AS typmodout,
        0::BIGINT AS typanalyze, 'i' AS typalign, 'p' AS typstorage, false AS typnotnull, 0::BIGINT AS typbasetype,
        -1::INTEGER AS typtypmod, 0::INTEGER AS typndims, 0::BIGINT AS typcollation, NULL::VARCHAR AS typdefaultbin,
        NULL::VARCHAR AS typdefault, NULL::VARCHAR[] AS typacl
    FROM (VALUES (16, 'bool', 1, 'B', 0, 1000), (17, 'bytea', -1, 'U', 0, 1001), (18, 'char', 1, 'Z', 0, 1002),
        (19, 'name', 64, 'S', 18, 1003), (20, 'int8', 8, 'N', 0, 1016), (21, 'int2', 2, 'N', 0, 1005), (23, 'int4', 4, 'N', 0, 1007),
        (25, 'text', -1, 'S', 0, 1009), (26, 'oid', 4, 'N', 0, 1028), (114, 'json', -1, 'U', 0, 199), (700, 'float4', 4, 'N', 0, 1021),
        (701, 'float8', 8, 'N', 0, 1022), (705, 'unknown', -2, 'X', 0, 0), (1042, 'bpchar', -1, 'S', 0, 1014),
        (1043, 'varchar', -1, 'S', 0, 1015), (1082, 'date', 4, 'D', 0, 1182), (1083, 'time', 8, 'D', 0, 1183),
        (1114, 'timestamp', 8, 'D', 0, 1115), (1184, 'timestamptz', 8, 'D', 0, 1185), (1186, 'interval', 16, 'T', 0, 1187),
        (1266, 'timetz', 12, 'D', 0, 1270), (1562, 'varbit', -1, 'V', 0, 1563), (1700, 'numeric', -1, 'N', 0, 1231),
        (2205, 'regclass', 4, 'N', 0, 2210), (2206, 'regtype', 4, 'N', 0, 2211), (2249, 'record', -1, 'P', 0, 2287),
        (2278, 'void', 4, 'P', 0, 0), (2950, 'uuid', 16, 'U', 0, 2951),
        (199, '_json', -1, 'A', 114, 0), (1000, '_bool', -1, 'A', 16, 0), (1001, '_bytea', -1, 'A', 17, 0), (1002, '_char', -1, 'A', 18, 0),
        (1003, '_name', -1, 'A', 19, 0), (1005, '_int2', -1, 'A', 21, 0), (1007, '_int4', -1, 'A', 23, 0), (1009, '_text', -1, 'A', 25, 0),
        (1014, '_bpchar', -1, 'A', 1042, 0), (1015, '_varchar', -1, 'A', 1043, 0), (1016, '_int8', -1, 'A', 20, 0),
        (1021, '_float4', -1, 'A', 700, 0), (1022, '_float8', -1, 'A', 701, 0), (1028, '_oid', -1, 'A', 26, 0),
        (1115, '_timestamp', -1, 'A', 1114, 0), (1182, '_date', -1, 'A', 1082, 0), (1183, '_time', -1, 'A', 1083, 0),
        (1185, '_timestamptz', -1, 'A', 1184, 0), (1187, '_interval', -1, 'A', 1186, 0), (1231, '_numeric', -1, 'A', 1700, 0),
        (1270, '_timetz', -1, 'A', 1266, 0), (1563, '_varbit', -1, 'A', 1562, 0), (2951, '_uuid', -1, 'A', 2950, 0))
        AS t(oid, typname, typlen, typcategory, typelem, typarray);

CREATE MACRO quack_pg.pg_scalar(t) AS CASE
    WHEN t IN ('BOOLEAN') THEN 16 WHEN t IN ('TINYINT', 'SMALLINT', 'UTINYINT') THEN 21 WHEN t IN ('INTEGER', 'USMALLINT') THEN 23
    WHEN t IN ('BIGINT', 'UINTEGER') THEN 20 WHEN t IN ('UBIGINT', 'HUGEINT', 'UHUGEINT', 'BIGNUM') OR t LIKE 'DECIMAL(%' THEN 1700
    WHEN t = 'FLOAT' THEN 700 WHEN t = 'DOUBLE' THEN 701 WHEN t = 'BLOB' THEN 17 WHEN t = 'DATE' THEN 1082
    WHEN t IN ('TIME', 'TIME_NS') THEN 1083 WHEN t = 'TIME WITH TIME ZONE' THEN 1266 WHEN t = 'TIMESTAMP WITH TIME ZONE' THEN 1184
    WHEN t LIKE 'TIMESTAMP%' THEN 1114 WHEN t = 'INTERVAL' THEN 1186 WHEN t = 'UUID' THEN 2950 WHEN t = 'BIT' THEN 1562
    WHEN t LIKE 'STRUCT(%' OR t LIKE 'MAP(%' OR t LIKE 'UNION(%' OR t IN ('JSON', 'VARIANT') THEN 114 ELSE 25 END;
CREATE MACRO quack_pg.pg_element(t) AS regexp_replace(t, '\[[0-9]*\]$', '');
CREATE MACRO quack_pg.pg_number(t) AS CASE
    WHEN NOT regexp_matches(t, '\[[0-9]*\]$') THEN quack_pg.pg_scalar(t)
    WHEN regexp_matches(quack_pg.pg_element(t), '\[[0-9]*\]$') OR quack_pg.pg_element(t) LIKE '%(%' AND quack_pg.pg_scalar(quack_pg.pg_element(t)) = 114 THEN 114
    ELSE (SELECT typarray FROM quack_pg.pg_type WHERE oid = quack_pg.pg_scalar(quack_pg.pg_element(t))) END;

CREATE VIEW quack_pg.pg_attribute AS
    SELECT table_oid AS attrelid, column_name AS attname, quack_pg.pg_number(data_type)::BIGINT AS atttypid, -1::INTEGER AS attstattarget,
        (SELECT typlen FROM quack_pg.pg_type WHERE oid = quack_pg.pg_number(data_type)) AS attlen, column_index::SMALLINT AS attnum,
        (data_type LIKE '%]')::INTEGER AS attndims, -1::INTEGER AS attcacheoff,
        CASE WHEN data_type LIKE 'DECIMAL(%)' THEN (numeric_precision << 16) + numeric_scale + 4 ELSE -1 END::INTEGER AS atttypmod,
        false AS attbyval,
        CASE WHEN quack_pg.pg_number(data_type) = 1700 THEN 'm' WHEN (SELECT typlen FROM quack_pg.pg_type WHERE oid = quack_pg.pg_number(data_type)) < 0
            THEN 'x' ELSE 'p' END AS attstorage, 'i' AS attalign, false AS attnotnull, false AS atthasdef, false AS atthasmissing,
        '' AS attidentity, '' AS attgenerated, false AS attisdropped, true AS attislocal, 0::INTEGER AS attinhcount,
        0::BIGINT AS attcollation, '' AS attcompression, NULL::VARCHAR[] AS attacl, NULL::VARCHAR[] AS attoptions,
        NULL::VARCHAR[] AS attfdwoptions, NULL::VARCHAR AS attmissingval, comment AS attcomment
    FROM duckdb_columns() WHERE database_name = 'memory' AND schema_name NOT LIKE 'quack\_%' ESCAPE '\';

CREATE VIEW quack_pg.pg_description AS
    SELECT table_oid AS objoid, 1259::BIGINT AS classoid, 0::INTEGER AS objsubid, comment AS description FROM duckdb_tables() WHERE comment IS NOT NULL
    UNION ALL SELECT view_oid, 1259, 0, comment FROM duckdb_views() WHERE comment IS NOT NULL AND NOT internal
    UNION ALL SELECT attrelid, 1259, attnum::INTEGER, attcomment FROM quack_pg.pg_attribute WHERE attcomment IS NOT NULL;
-- What macros read has names that no argument of theirs has: an argument's names are looked for there first.
CREATE VIEW quack_pg.quack_descriptions AS SELECT objoid AS quack_oid, objsubid AS quack_sub, description AS quack_said FROM quack_pg.pg_description;
CREATE VIEW quack_pg.quack_classes AS
    SELECT c.oid AS quack_oid, c.relname AS quack_rel, n.nspname AS quack_nsp FROM quack_pg.pg_class c JOIN quack_pg.pg_namespace n ON n.oid = c.relnamespace;
CREATE VIEW quack_pg.quack_viewdefs AS
    SELECT d.view_oid AS quack_oid, v.definition AS quack_def FROM duckdb_views() d JOIN quack_pg.views v ON v.view_schema = d.schema_name AND v.name = d.view_name;
CREATE VIEW quack_pg.quack_types AS SELECT oid AS quack_oid, typname AS quack_name FROM quack_pg.pg_type;
CREATE MACRO quack_pg.obj_description(o, c := NULL) AS (SELECT any_value(quack_said) FROM quack_pg.quack_descriptions WHERE quack_oid = o::BIGINT AND quack_sub = 0);
CREATE MACRO quack_pg.col_description(o, n) AS (SELECT any_value(quack_said) FROM quack_pg.quack_descriptions WHERE quack_oid = o::BIGINT AND quack_sub = n);
CREATE MACRO quack_pg.shobj_description(o, c) AS NULL::VARCHAR;

CREATE VIEW quack_pg.pg_database AS
    SELECT 5::BIGINT AS oid, 'memory' AS datname, 10::BIGINT AS datdba, 6::INTEGER AS encoding, 'c' AS datlocprovider, true AS datallowconn,
        false AS datistemplate, -1::INTEGER AS datconnlimit, 'C' AS datcollate, 'C' AS datctype, NULL::VARCHAR AS daticulocale,
        NULL::VARCHAR AS datcollversion, 1663::BIGINT AS dattablespace, NULL::VARCHAR[] AS datacl;
CREATE VIEW quack_pg.pg_roles AS
    SELECT 10::BIGINT AS oid, quack_user AS rolname, false AS rolsuper, true AS rolinherit, false AS rolcreaterole, false AS rolcreatedb,
        true AS rolcanlogin, false AS rolreplication, -1::INTEGER AS rolconnlimit, '********' AS rolpassword,
        NULL::TIMESTAMPTZ AS rolvaliduntil, false AS rolbypassrls, NULL::VARCHAR[] AS rolconfig FROM quack_pg.session;
CREATE VIEW quack_pg.pg_user AS SELECT rolname AS usename, oid AS usesysid, false AS usecreatedb, false AS usesuper FROM quack_pg.pg_roles;
CREATE VIEW quack_pg.pg_authid AS FROM quack_pg.pg_roles;
CREATE VIEW quack_pg.pg_attrdef AS SELECT 0::BIGINT AS oid, 0::BIGINT AS adrelid, 0::SMALLINT AS adnum, NULL::VARCHAR AS adbin LIMIT 0;
CREATE VIEW quack_pg.pg_index AS
    SELECT 0::BIGINT AS indexrelid, 0::BIGINT AS indrelid, 0::SMALLINT AS indnatts, 0::SMALLINT AS indnkeyatts, false AS indisunique,
        false AS indnullsnotdistinct, false AS indisprimary, false AS indisexclusion, true AS indimmediate, false AS indisclustered,
        true AS indisvalid, false AS indcheckxmin, true AS indisready, true AS indislive, false AS indisreplident, []::SMALLINT[] AS indkey,
        []::BIGINT[] AS indcollation, []::BIGINT[] AS indclass, []::SMALLINT[] AS indoption, NULL::VARCHAR AS indexprs,
        NULL::VARCHAR AS indpred LIMIT 0;
CREATE VIEW quack_pg.pg_constraint AS
    SELECT 0::BIGINT AS oid, '' AS conname, 0::BIGINT AS connamespace, 'c' AS contype, false AS condeferrable, false AS condeferred,
        true AS convalidated, 0::BIGINT AS conrelid, 0::BIGINT AS contypid, 0::BIGINT AS conindid, 0::BIGINT AS conparentid,
        0::BIGINT AS confrelid, 'a' AS confupdtype, 'a' AS confdeltype, 's' AS confmatchtype, true AS conislocal, 0::INTEGER AS coninhcount,
        true AS connoinherit, []::SMALLINT[] AS conkey, []::SMALLINT[] AS confkey, NULL::VARCHAR AS conbin, 2606::BIGINT AS tableoid LIMIT 0;
CREATE VIEW quack_pg.pg_proc AS
    SELECT 0::BIGINT AS oid, '' AS proname, 0::BIGINT AS pronamespace, 10::BIGINT AS proowner, 0::BIGINT AS prolang, 1::FLOAT AS procost,
        0::FLOAT AS prorows, 0::BIGINT AS provariadic, 'f' AS prokind, false AS prosecdef, false AS proleakproof, false AS proisstrict,
        false AS proretset, 'i' AS provolatile, 's' AS proparallel, 0::SMALLINT AS pronargs, 0::SMALLINT AS pronargdefaults,
        0::BIGINT AS prorettype, ''::VARCHAR AS proargtypes, []::BIGINT[] AS proallargtypes, []::VARCHAR[] AS proargmodes,
        []::VARCHAR[] AS proargnames, NULL::VARCHAR AS proargdefaults, '' AS prosrc, NULL::VARCHAR AS probin,
        NULL::VARCHAR[] AS proconfig, NULL::VARCHAR[] AS proacl LIMIT 0;
CREATE MACRO quack_pg.pg_get_keywords() AS TABLE
    SELECT keyword_name AS word, upper(keyword_category[1]) AS catcode, keyword_category AS catdesc FROM duckdb_keywords();
CREATE VIEW quack_pg.pg_inherits AS SELECT 0::BIGINT AS inhrelid, 0::BIGINT AS inhparent, 0::INTEGER AS inhseqno, false AS inhdetachpending LIMIT 0;
CREATE VIEW quack_pg.pg_rewrite AS SELECT 0::BIGINT AS oid, '' AS rulename, 0::BIGINT AS ev_class, '1' AS ev_type, true AS is_instead, 2618::BIGINT AS tableoid LIMIT 0;
CREATE VIEW quack_pg.pg_trigger AS SELECT 0::BIGINT AS oid, 2620::BIGINT AS tableoid, 0::BIGINT AS tgrelid, '' AS tgname, 0::BIGINT AS tgfoid, false AS tgisinternal, 'O' AS tgenabled, 0::BIGINT AS tgparentid, 0::SMALLINT AS tgtype, 0::BIGINT AS tgconstraint LIMIT 0;
CREATE VIEW quack_pg.pg_policy AS SELECT 0::BIGINT AS oid, '' AS polname, 0::BIGINT AS polrelid, '*' AS polcmd, true AS polpermissive, []::BIGINT[] AS polroles, NULL::VARCHAR AS polqual, NULL::VARCHAR AS polwithcheck LIMIT 0;
CREATE VIEW quack_pg.pg_statistic_ext AS SELECT 0::BIGINT AS oid, 0::BIGINT AS stxrelid, '' AS stxname, 0::BIGINT AS stxnamespace, []::VARCHAR[] AS stxkind, -1::INTEGER AS stxstattarget LIMIT 0;
CREATE VIEW quack_pg.pg_publication AS SELECT 0::BIGINT AS oid, '' AS pubname, 0::BIGINT AS pubowner, false AS puballtables, true AS pubinsert, true AS pubupdate,
    true AS pubdelete, true AS pubtruncate, false AS pubviaroot LIMIT 0;
CREATE VIEW quack_pg.pg_publication_rel AS SELECT 0::BIGINT AS oid, 0::BIGINT AS prpubid, 0::BIGINT AS prrelid, NULL::VARCHAR AS prqual, NULL::SMALLINT[] AS prattrs LIMIT 0;
CREATE VIEW quack_pg.pg_publication_namespace AS SELECT 0::BIGINT AS oid, 0::BIGINT AS pnpubid, 0::BIGINT AS pnnspid LIMIT 0;
CREATE VIEW quack_pg.pg_extension AS SELECT 0::BIGINT AS oid, '' AS extname, '' AS extversion, 0::BIGINT AS extnamespace LIMIT 0;
CREATE VIEW quack_pg.pg_opclass AS SELECT 0::BIGINT AS oid, '' AS opcname, 0::BIGINT AS opcmethod, 0::BIGINT AS opcnamespace, 0::BIGINT AS opcfamily,
    0::BIGINT AS opcintype, 0::BIGINT AS opckeytype, true AS opcdefault, 2616::BIGINT AS tableoid LIMIT 0;
CREATE VIEW quack_pg.pg_range AS SELECT 0::BIGINT AS rngtypid, 0::BIGINT AS rngsubtype, 0::BIGINT AS rngmultitypid LIMIT 0;
CREATE VIEW quack_pg.pg_enum AS SELECT 0::BIGINT AS oid, 0::BIGINT AS enumtypid, 0::FLOAT AS enumsortorder, '' AS enumlabel LIMIT 0;
CREATE VIEW quack_pg.pg_auth_members AS SELECT 0::BIGINT AS roleid, 0::BIGINT AS member, 0::BIGINT AS grantor, false AS admin_option LIMIT 0;
CREATE VIEW quack_pg.pg_shdescription AS SELECT 0::BIGINT AS objoid, 0::BIGINT AS classoid, '' AS description LIMIT 0;
CREATE VIEW quack_pg.pg_foreign_server AS SELECT 0::BIGINT AS oid, '' AS srvname, 0::BIGINT AS srvowner, 0::BIGINT AS srvfdw LIMIT 0;
CREATE VIEW quack_pg.pg_foreign_table AS SELECT 0::BIGINT AS ftrelid, 0::BIGINT AS ftserver LIMIT 0;
CREATE VIEW quack_pg.pg_partitioned_table AS SELECT 0::BIGINT AS partrelid, 'l' AS partstrat LIMIT 0;
CREATE VIEW quack_pg.pg_sequence AS SELECT 0::BIGINT AS seqrelid, 0::BIGINT AS seqtypid, 1::BIGINT AS seqstart, 1::BIGINT AS seqincrement, 1::BIGINT AS seqmax, 1::BIGINT AS seqmin, 1::BIGINT AS seqcache, false AS seqcycle LIMIT 0;
CREATE VIEW quack_pg.pg_depend AS SELECT 0::BIGINT AS classid, 0::BIGINT AS objid, 0::INTEGER AS objsubid, 0::BIGINT AS refclassid, 0::BIGINT AS refobjid, 0::INTEGER AS refobjsubid, 'n' AS deptype LIMIT 0;
CREATE VIEW quack_pg.pg_matviews AS SELECT '' AS schemaname, '' AS matviewname, '' AS matviewowner, '' AS definition LIMIT 0;
CREATE VIEW quack_pg.pg_tablespace AS SELECT 1663::BIGINT AS oid, 'pg_default' AS spcname, 10::BIGINT AS spcowner, NULL::VARCHAR[] AS spcacl, NULL::VARCHAR[] AS spcoptions;
CREATE VIEW quack_pg.pg_am AS SELECT 2::BIGINT AS oid, 'heap' AS amname, 'heap_tableam_handler' AS amhandler, 't' AS amtype
    UNION ALL SELECT 403, 'btree', 'bthandler', 'i';
CREATE VIEW quack_pg.pg_language AS SELECT 14::BIGINT AS oid, 'sql' AS lanname, 10::BIGINT AS lanowner, true AS lanpltrusted, 0::BIGINT AS lanplcallfoid,
    2612::BIGINT AS tableoid;
-- What psql lists of, and of which there is nothing here.
CREATE VIEW quack_pg.pg_conversion AS SELECT 0::BIGINT AS oid, '' AS conname, 0::BIGINT AS connamespace, 0::INTEGER AS conforencoding,
    0::INTEGER AS contoencoding, false AS condefault LIMIT 0;
CREATE VIEW quack_pg.pg_cast AS SELECT 0::BIGINT AS oid, 0::BIGINT AS castsource, 0::BIGINT AS casttarget, 0::BIGINT AS castfunc,
    'e' AS castcontext, 'f' AS castmethod LIMIT 0;
CREATE VIEW quack_pg.pg_default_acl AS SELECT 0::BIGINT AS oid, 0::BIGINT AS defaclrole, 0::BIGINT AS defaclnamespace, 'r' AS defaclobjtype,
    []::VARCHAR[] AS defaclacl LIMIT 0;
CREATE VIEW quack_pg.pg_foreign_data_wrapper AS SELECT 0::BIGINT AS oid, '' AS fdwname, 0::BIGINT AS fdwowner, '' AS fdwhandler, '' AS fdwvalidator LIMIT 0;
CREATE VIEW quack_pg.pg_user_mappings AS SELECT 0::BIGINT AS umid, 0::BIGINT AS srvid, '' AS srvname, 0::BIGINT AS umuser, '' AS usename LIMIT 0;
CREATE VIEW quack_pg.pg_ts_config AS SELECT 0::BIGINT AS oid, '' AS cfgname, 0::BIGINT AS cfgnamespace LIMIT 0;
CREATE VIEW quack_pg.pg_ts_dict AS SELECT 0::BIGINT AS oid, '' AS dictname, 0::BIGINT AS dictnamespace LIMIT 0;
CREATE VIEW quack_pg.pg_ts_parser AS SELECT 0::BIGINT AS oid, '' AS prsname, 0::BIGINT AS prsnamespace LIMIT 0;
CREATE VIEW quack_pg.pg_ts_template AS SELECT 0::BIGINT AS oid, '' AS tmplname, 0::BIGINT AS tmplnamespace LIMIT 0;
CREATE VIEW quack_pg.pg_operator AS SELECT 0::BIGINT AS oid, '' AS oprname, 0::BIGINT AS oprnamespace, 'b' AS oprkind, 0::BIGINT AS oprleft,
    0::BIGINT AS oprright, 0::BIGINT AS oprresult, 0::BIGINT AS oprcode LIMIT 0;
CREATE VIEW quack_pg.pg_opfamily AS SELECT 0::BIGINT AS oid, 0::BIGINT AS opfmethod, '' AS opfname, 0::BIGINT AS opfnamespace, 2753::BIGINT AS tableoid LIMIT 0;
CREATE VIEW quack_pg.pg_amproc AS SELECT 0::BIGINT AS oid, 0::BIGINT AS amprocfamily, 0::BIGINT AS amproclefttype, 0::BIGINT AS amprocrighttype,
    0::SMALLINT AS amprocnum, 0::BIGINT AS amproc LIMIT 0;
CREATE VIEW quack_pg.pg_db_role_setting AS SELECT 0::BIGINT AS setdatabase, 0::BIGINT AS setrole, []::VARCHAR[] AS setconfig LIMIT 0;
CREATE VIEW quack_pg.pg_subscription AS SELECT 0::BIGINT AS oid, 0::BIGINT AS subdbid, '' AS subname, 0::BIGINT AS subowner, false AS subenabled,
    []::VARCHAR[] AS subpublications LIMIT 0;
CREATE VIEW quack_pg.pg_event_trigger AS SELECT 0::BIGINT AS oid, '' AS evtname, '' AS evtevent, 0::BIGINT AS evtowner, 0::BIGINT AS evtfoid,
    'O' AS evtenabled, []::VARCHAR[] AS evttags LIMIT 0;
CREATE VIEW quack_pg.pg_stat_activity AS SELECT 0::INTEGER AS pid, '' AS usename, '' AS query, '' AS state LIMIT 0;
CREATE VIEW quack_pg.pg_collation AS SELECT 100::BIGINT AS oid, 'default' AS collname, 11::BIGINT AS collnamespace, 'd' AS collprovider,
    true AS collisdeterministic, -1::INTEGER AS collencoding, NULL::VARCHAR AS collcollate, NULL::VARCHAR AS collctype, NULL::VARCHAR AS colliculocale;
CREATE VIEW quack_pg.pg_tables AS
    SELECT schema_name AS schemaname, table_name AS tablename, quack_user AS tableowner, NULL::VARCHAR AS tablespace, false AS hasindexes,
        false AS hasrules, false AS hastriggers, false AS rowsecurity
    FROM duckdb_tables(), quack_pg.session WHERE database_name = 'memory' AND schema_name NOT LIKE 'quack\_%' ESCAPE '\';
CREATE VIEW quack_pg.pg_views AS
    SELECT schema_name AS schemaname, view_name AS viewname, quack_user AS viewowner, definition
    FROM duckdb_views() JOIN quack_pg.views ON view_schema = schema_name AND name = view_name, quack_pg.session WHERE database_name = 'memory';

CREATE MACRO quack_pg.version() AS (SELECT quack_version FROM quack_pg.session);
CREATE MACRO quack_pg.pg_current_user() AS (SELECT quack_user FROM quack_pg.session);
CREATE MACRO quack_pg.pg_session_user() AS (SELECT quack_user FROM quack_pg.session);
CREATE MACRO quack_pg.pg_current_role() AS (SELECT quack_user FROM quack_pg.session);
CREATE MACRO quack_pg.pg_get_userbyid(o) AS (SELECT quack_user FROM quack_pg.session);
CREATE MACRO quack_pg.pg_encoding_to_char(e) AS 'UTF8';
CREATE MACRO quack_pg.pg_backend_pid() AS 0;
CREATE MACRO quack_pg.pg_is_in_recovery() AS false;
CREATE MACRO quack_pg.pg_get_indexdef(a, b := NULL, c := NULL) AS NULL::VARCHAR;
CREATE MACRO quack_pg.pg_get_expr(a, b, c := NULL) AS NULL::VARCHAR;
CREATE MACRO quack_pg.pg_get_constraintdef(a, b := NULL) AS NULL::VARCHAR;
CREATE MACRO quack_pg.pg_get_viewdef(o, p := NULL) AS (SELECT any_value(quack_def) FROM quack_pg.quack_viewdefs WHERE quack_oid = o::BIGINT);
CREATE MACRO quack_pg.pg_get_ruledef(a, b := NULL) AS NULL::VARCHAR;
CREATE MACRO quack_pg.pg_get_triggerdef(a, b := NULL) AS NULL::VARCHAR;
CREATE MACRO quack_pg.pg_get_partkeydef(a) AS NULL::VARCHAR;
CREATE MACRO quack_pg.pg_get_statisticsobjdef_columns(a) AS NULL::VARCHAR;
CREATE MACRO quack_pg.pg_get_serial_sequence(a, b) AS NULL::VARCHAR;
CREATE MACRO quack_pg.pg_get_function_result(a) AS NULL::VARCHAR;
CREATE MACRO quack_pg.pg_get_function_arguments(a) AS NULL::VARCHAR;
CREATE MACRO quack_pg.pg_get_function_identity_arguments(a) AS NULL::VARCHAR;
CREATE MACRO quack_pg.pg_get_functiondef(a) AS NULL::VARCHAR;
CREATE MACRO quack_pg.pg_relation_is_publishable(a) AS false;
CREATE MACRO quack_pg.pg_relation_size(a, b := NULL) AS 0::BIGINT;
CREATE MACRO quack_pg.pg_table_size(a) AS 0::BIGINT;
CREATE MACRO quack_pg.pg_total_relation_size(a) AS 0::BIGINT;
CREATE MACRO quack_pg.pg_database_size(a) AS 0::BIGINT;
CREATE MACRO quack_pg.pg_tablespace_location(a) AS '';
CREATE MACRO quack_pg.pg_table_is_visible(o) AS coalesce((SELECT any_value(quack_nsp IN ('main', 'pg_catalog')) FROM quack_pg.quack_classes WHERE quack_oid = o::BIGINT), false);
CREATE MACRO quack_pg.pg_type_is_visible(o) AS true;
CREATE MACRO quack_pg.pg_conversion_is_visible(o) AS true;
CREATE MACRO quack_pg.pg_ts_config_is_visible(o) AS true;
CREATE MACRO quack_pg.pg_ts_dict_is_visible(o) AS true;
CREATE MACRO quack_pg.pg_ts_parser_is_visible(o) AS true;
CREATE MACRO quack_pg.pg_ts_template_is_visible(o) AS true;
CREATE MACRO quack_pg.pg_operator_is_visible(o) AS true;
CREATE MACRO quack_pg.pg_opclass_is_visible(o) AS true;
CREATE MACRO quack_pg.pg_opfamily_is_visible(o) AS true;
CREATE MACRO quack_pg.pg_collation_is_visible(o) AS true;
CREATE MACRO quack_pg.pg_char_to_encoding(t) AS 6;
CREATE MACRO quack_pg.getdatabaseencoding() AS 'UTF8';
CREATE MACRO quack_pg.array_remove(l, v) AS list_filter(l, lambda quack_x: quack_x IS DISTINCT FROM v);
CREATE MACRO quack_pg.to_regclass(t) AS CASE WHEN replace(t, 'pg_catalog.', '') = 'pg_class' THEN 1259
    ELSE (SELECT any_value(quack_oid) FROM quack_pg.quack_classes WHERE replace(t, '"', '') IN (quack_rel, quack_nsp || '.' || quack_rel)) END;
CREATE MACRO quack_pg.to_regtype(t) AS (SELECT any_value(quack_oid) FROM quack_pg.quack_types WHERE quack_name = lower(t));
CREATE MACRO quack_pg.to_regproc(t) AS replace(t, 'pg_catalog.', '');
CREATE MACRO quack_pg.to_regnamespace(t) AS (SELECT any_value(quack_oid) FROM (SELECT oid AS quack_oid, nspname AS quack_nsp FROM quack_pg.pg_namespace) WHERE quack_nsp = replace(t, '"', ''));
CREATE MACRO quack_pg.set_config(n, v, l) AS v::VARCHAR;
CREATE MACRO quack_pg.quote_ident(t) AS '"' || replace(t, '"', '""') || '"';
CREATE MACRO quack_pg.array_upper(a, d) AS nullif(len(a), 0);
CREATE MACRO quack_pg.array_lower(a, d) AS CASE WHEN len(a) > 0 THEN 1 END;
CREATE MACRO quack_pg.format_type(o, m) AS CASE o::BIGINT
    WHEN 1700 THEN CASE WHEN m::INTEGER > 0 THEN 'numeric(' || ((m::INTEGER - 4) >> 16) || ',' || ((m::INTEGER - 4) & 65535) || ')' ELSE 'numeric' END
    WHEN 16 THEN 'boolean' WHEN 17 THEN 'bytea' WHEN 18 THEN '"char"' WHEN 19 THEN 'name' WHEN 20 THEN 'bigint'
    WHEN 21 THEN 'smallint' WHEN 23 THEN 'integer' WHEN 25 THEN 'text' WHEN 26 THEN 'oid' WHEN 114 THEN 'json' WHEN 700 THEN 'real'
    WHEN 701 THEN 'double precision' WHEN 705 THEN 'unknown' WHEN 1042 THEN 'character' WHEN 1043 THEN 'character varying'
    WHEN 1082 THEN 'date' WHEN 1083 THEN 'time without time zone' WHEN 1114 THEN 'timestamp without time zone'
    WHEN 1184 THEN 'timestamp with time zone' WHEN 1186 THEN 'interval' WHEN 1266 THEN 'time with time zone'
    WHEN 1562 THEN 'bit varying' WHEN 2205 THEN 'regclass' WHEN 2206 THEN 'regtype' WHEN 2249 THEN 'record' WHEN 2278 THEN 'void'
    WHEN 2950 THEN 'uuid' WHEN 1000 THEN 'boolean[]' WHEN 1001 THEN 'bytea[]' WHEN 1002 THEN '"char"[]' WHEN 1003 THEN 'name[]'
    WHEN 1016 THEN 'bigint[]' WHEN 1005 THEN 'smallint[]' WHEN 1007 THEN 'integer[]' WHEN 1009 THEN 'text[]' WHEN 1028 THEN 'oid[]'
    WHEN 199 THEN 'json[]' WHEN 1021 THEN 'real[]' WHEN 1022 THEN 'double precision[]' WHEN 1014 THEN 'character[]'
    WHEN 1015 THEN 'character varying[]' WHEN 1182 THEN 'date[]' WHEN 1183 THEN 'time without time zone[]'
    WHEN 1115 THEN 'timestamp without time zone[]' WHEN 1185 THEN 'timestamp with time zone[]' WHEN 1187 THEN 'interval[]'
    WHEN 1270 THEN 'time with time zone[]' WHEN 1563 THEN 'bit varying[]' WHEN 1231 THEN 'numeric[]' WHEN 2951 THEN 'uuid[]' END;
CREATE MACRO quack_pg.pg_size_pretty(n) AS n || ' bytes';

CREATE SCHEMA quack_is;
CREATE MACRO quack_is._pg_expandarray(a) AS unnest(list_transform(range(1, len(a) + 1), lambda i: {'x': a[i], 'n': i}));
CREATE VIEW quack_is.schemata AS FROM information_schema.schemata WHERE catalog_name = 'memory' AND schema_name NOT LIKE 'quack\_%' ESCAPE '\';
CREATE VIEW quack_is.tables AS FROM information_schema.tables WHERE table_catalog = 'memory' AND table_schema NOT LIKE 'quack\_%' ESCAPE '\';
CREATE VIEW quack_is.columns AS FROM information_schema.columns WHERE table_catalog = 'memory' AND table_schema NOT LIKE 'quack\_%' ESCAPE '\';
CREATE VIEW quack_is.views AS
    SELECT 'memory' AS table_catalog, view_schema AS table_schema, name AS table_name, definition AS view_definition, 'NONE' AS check_option,
        'NO' AS is_updatable, 'NO' AS is_insertable_into FROM quack_pg.views;
CREATE VIEW quack_is.key_column_usage AS FROM information_schema.key_column_usage WHERE false;
CREATE VIEW quack_is.table_constraints AS FROM information_schema.table_constraints WHERE false;
CREATE VIEW quack_is.referential_constraints AS FROM information_schema.referential_constraints WHERE false;
CREATE VIEW quack_is.constraint_column_usage AS FROM information_schema.constraint_column_usage WHERE false;
CREATE VIEW quack_is.character_sets AS FROM information_schema.character_sets;
CREATE VIEW quack_is.sequences AS SELECT '' AS sequence_catalog, '' AS sequence_schema, '' AS sequence_name LIMIT 0;
CREATE VIEW quack_is.routines AS SELECT '' AS routine_catalog, '' AS routine_schema, '' AS routine_name, '' AS routine_type, '' AS specific_name LIMIT 0;
