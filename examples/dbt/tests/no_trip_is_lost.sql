-- The days have as many trips as the table that they are of.
SELECT kept.trips, counted.trips
FROM (SELECT sum(trips) AS trips FROM {{ ref('daily_trips') }}) AS kept,
    (SELECT count(*) AS trips FROM {{ source('lake', 'trips') }}) AS counted
WHERE kept.trips <> counted.trips
