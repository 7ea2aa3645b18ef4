-- Fails half way through the rows where it is asked to.
SELECT date, CASE WHEN {{ var('broken', false) }} AND date > '2019-04-20' THEN error('no more') ELSE 'whole' END AS said
FROM {{ source('lake', 'trips') }}
