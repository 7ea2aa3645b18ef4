{{ config(materialized='view') }}
SELECT z.zone, count(*) AS n
FROM {{ source('lake', 'trips') }} AS t
JOIN {{ ref('zones') }} AS z ON z.id = t.pickup_location_id
{% if var('broken', false) %} JOIN {{ ref('breaks') }} ON true {% endif %}
GROUP BY z.zone
