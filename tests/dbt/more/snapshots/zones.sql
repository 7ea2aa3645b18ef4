{% snapshot zones_then %}
{{ config(target_schema='main', unique_key='id', strategy='check', check_cols=['zone']) }}
SELECT * FROM {{ ref('zones') }}
{% endsnapshot %}
