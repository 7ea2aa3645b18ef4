SELECT date, trips, total FROM daily_trips
