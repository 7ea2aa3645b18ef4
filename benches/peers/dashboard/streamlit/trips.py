import datetime
import os

import altair as alt
import pandas as pd
import psycopg
import streamlit as st

st.set_page_config(page_title="Trips", layout="wide")


@st.cache_data(ttl=60)
def rows(sql, *params):
    with psycopg.connect(os.environ["LAKE"], autocommit=True) as connection:
        cursor = connection.execute(sql, params)
        return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])


first, last = datetime.date(2019, 4, 1), datetime.date(2019, 4, 30)
days = st.date_input("Days", (first, last))
if len(days) < 2:
    st.stop()
top = st.number_input("Most zones", min_value=1, max_value=20, value=10)
st.title(f"Trips from {days[0]} to {days[1]}")

by_day = rows("SELECT date, trips, total FROM daily_trips WHERE date BETWEEN %s AND %s ORDER BY date", *days)
trips, takings = st.columns(2)
trips.metric("Trips", f"{by_day['trips'].sum():,}")
takings.metric("Takings", f"${by_day['total'].sum():,.2f}")

by_zone = rows(
    "SELECT pickup_location_id::VARCHAR AS zone, trips FROM top_pickup_locations ORDER BY trips DESC LIMIT %s", top
)
st.subheader("Where most trips begin, of all days")
st.altair_chart(alt.Chart(by_zone).mark_bar().encode(x=alt.X("zone", sort="-y"), y="trips"))
st.subheader("Trips a day")
st.line_chart(by_day, x="date", y="trips")
