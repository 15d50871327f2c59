"""How a model is trained: optimiser, learning-rate schedule, batch size, patience."""

from kerasnas.spaces.recipes.grouped_adam import GroupedAdamW
from kerasnas.spaces.recipes.recipe import Recipe, ScheduleCallback, rates
from kerasnas.spaces.recipes.tabular import tabular_optimizer, tabular_recipe
from kerasnas.spaces.recipes.training_form import Pacing, for_training

__all__ = [
    "GroupedAdamW",
    "Pacing",
    "Recipe",
    "ScheduleCallback",
    "for_training",
    "rates",
    "tabular_optimizer",
    "tabular_recipe",
]
