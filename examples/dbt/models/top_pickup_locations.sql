-- Where most trips begin.
SELECT
    pickup_location_id,
    count(*) AS trips,
    round(avg(total_amount), 2) AS average_total,
    round(sum(tip_amount) / sum(fare_amount), 4) AS tip_share
FROM {{ source('lake', 'trips') }}
WHERE fare_amount > 0
GROUP BY pickup_location_id
ORDER BY trips DESC, pickup_location_id
LIMIT 20
