"""What is told how a search goes: callbacks of your own, TensorBoard, MLflow, Weights & Biases."""

from kerasnas.callbacks.callback import SearchCallback, SearchInfo
from kerasnas.callbacks.mlflow_runs import MLflow
from kerasnas.callbacks.tensorboard_folders import TensorBoard
from kerasnas.callbacks.wandb_runs import WandB

__all__ = ["MLflow", "SearchCallback", "SearchInfo", "TensorBoard", "WandB"]
