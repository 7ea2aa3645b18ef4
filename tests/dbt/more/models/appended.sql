{{ config(materialized='incremental', incremental_strategy='append') }}
SELECT current_timestamp AS at, count(*) AS n FROM {{ source('lake', 'trips') }}
