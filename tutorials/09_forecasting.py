# %% [markdown]
# # Forecasting
#
# Daily sales of four shops, a month ahead of time planned promotions, and a model for all of them.
# Real work would have a frame of its own and `budget="10min"`; this one is made up and done in
# seconds.

# %%
import keras
import numpy as np
import pandas as pd

import kerasnas as kn

rng = np.random.default_rng(0)
days = pd.date_range("2024-01-01", periods=200, freq="D")
parts = []
for number, shop in enumerate(["harbour", "station", "market", "airport"]):
    weekday = 1 + 0.4 * np.isin(days.day_of_week, [4, 5])
    promotion = rng.random(200) < 0.15
    level = 80 * (number + 1) * np.exp(0.002 * np.arange(200))
    sales = level * weekday * (1 + 0.5 * promotion) * np.exp(rng.normal(0, 0.05, 200))
    parts.append(pd.DataFrame({"day": days, "shop": shop, "sales": sales, "promotion": promotion}))
frame = pd.concat(parts, ignore_index=True)

# %% [markdown]
# The last four weeks are set aside. Everything that `fit` does, validation included, sees only what
# came before.

# %%
known = frame[frame["day"] < "2024-06-20"]
forecaster = kn.TimeSeriesForecaster(
    horizon=7,
    target="sales",
    time="day",
    series="shop",
    known_future=["promotion"],
    budget=kn.Budget(trials=4, epochs=6),
    seed=0,
    verbose=0,
)
forecaster.fit(known)
columns = ["rank", "trial_id", "kind", "val_mase", "val_wql", "seconds"]
print(forecaster.leaderboard(full=True)[columns].to_string())
print(f"looks back {forecaster.lookback_} days, season {forecaster.season_}")

# %% [markdown]
# A forecast needs the promotions of the days to come. Each row has the point forecast and its
# quantiles.

# %%
future = frame[(frame["day"] >= "2024-06-20") & (frame["day"] < "2024-06-27")]
forecast = forecaster.predict(future[["day", "shop", "promotion"]])
print(forecast.loc["harbour"].round(1).to_string())

# %% [markdown]
# What would have happened: forecasts from one origin a week, each with what was known on that day.

# %%
test = forecaster.backtest(frame)
print(test)
inside = test.forecasts["actual"].between(test.forecasts["q0.1"], test.forecasts["q0.9"]).mean()
print(f"{inside:.0%} of the values lie between the quantiles of 10 % and 90 %")

# %% [markdown]
# Weeks later, more days have come. `history` goes on from there without another fit.

# %%
tomorrow = pd.date_range(days[-1] + pd.Timedelta("1D"), periods=7, freq="D")
shops = frame["shop"].unique()
plan = pd.MultiIndex.from_product([shops, tomorrow], names=["shop", "day"]).to_frame(index=False)
print(forecaster.predict(plan.assign(promotion=False), history=frame).head(3).round(1).to_string())

# %% [markdown]
# The file is an ordinary Keras model of raw windows.

# %%
forecaster.save("sales.keras")
model = keras.models.load_model("sales.keras")
for name, tensor in model.input.items():
    print(name, tensor.shape)
again = kn.load("sales.keras").predict(future[["day", "shop", "promotion"]])
assert np.allclose(again, forecast)
assert test.scores["mase"] < test.seasonal_naive["mase"]
