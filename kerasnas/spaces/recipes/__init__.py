"""How a model is trained: optimiser, learning-rate schedule, batch size, patience."""

from kerasnas.spaces.recipes.recipe import Recipe, ScheduleCallback, rates
from kerasnas.spaces.recipes.tabular import tabular_optimizer, tabular_recipe

__all__ = ["Recipe", "ScheduleCallback", "rates", "tabular_optimizer", "tabular_recipe"]
