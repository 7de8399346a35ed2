"""Anomaly detection in a table, scikit-learn's breast cancer measurements: trained on benign rows alone.

cnnzoo train anomaly_table
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="autoencoder",
    data="breast_cancer",
    anomalies=(0,),  # malignant
    validation_split=0.1,
    epochs=100,
    batch_size=32,
    learning_rate=3e-3,
    model_options={"units": (20,), "code": 5, "activation": "tanh", "code_activation": "linear", "tied": False},
    optimizer="adam",
)

if __name__ == "__main__":
    cli.run_file(__file__)
