{{ config(materialized='incremental', incremental_strategy='merge', unique_key='date') }}
SELECT date, count(*) AS n, '{{ var("mark", "a") }}' AS mark FROM {{ source('lake', 'trips') }}
{% if is_incremental() %} WHERE date >= '2019-04-29' {% endif %} GROUP BY date
