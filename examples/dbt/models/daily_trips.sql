-- Trips and takings a day. A run after the first one makes anew what may have changed: the last day that is there, and later ones.
{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='date') }}

SELECT
    date,
    count(*) AS trips,
    sum(passenger_count) AS passengers,
    round(sum(total_amount), 2) AS total
FROM {{ source('lake', 'trips') }}
{% if is_incremental() %}
WHERE date >= (SELECT max(date) FROM {{ this }})
{% endif %}
GROUP BY date
